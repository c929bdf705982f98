"""`denoise compare`: images matched by name, scored, and drawn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from denoiser import imageio
from denoiser.metrics import psnr, ssim


@pytest.fixture
def three(make_picture) -> None:
    """Two images in three places, one of them under another suffix."""
    for place, seed in (("noisy", 1), ("clean", 2), ("truth", 3)):
        make_picture(f"{place}/a.png", side=64, seed=seed)
        make_picture(f"{place}/sub/b.{'jpg' if place == 'noisy' else 'png'}", side=64, seed=seed + 10)


def test_two_files(call, three) -> None:
    answer = call("compare", "noisy/a.png", "clean/a.png", "--out", "sheet.png")
    assert (answer.code, answer.out, answer.err) == (0, "", "1 of 1 images on sheet.png\n")
    assert imageio.read(Path("sheet.png")).height > 240


def test_scores_are_those_of_the_metrics(call, three) -> None:
    answer = call("compare", "noisy", "clean", "--reference", "truth", "--out", "sheet.png", "--json")
    said = {line["name"]: line for line in map(json.loads, answer.out.splitlines())}
    assert set(said) == {"a.png", "sub/b.jpg"}
    noisy, truth = (imageio.read(Path(place, "a.png")).pixels for place in ("noisy", "truth"))
    assert said["a.png"]["noisy_psnr"] == pytest.approx(psnr(noisy, truth, white=255), abs=1e-9)
    assert said["a.png"]["noisy_ssim"] == pytest.approx(ssim(noisy, truth, white=255), abs=1e-9)


def test_the_rest_is_scored_and_not_drawn(call, three) -> None:
    wide = call("compare", "noisy", "clean", "--reference", "truth", "--out", "two.png")
    narrow = call("compare", "noisy", "clean", "--reference", "truth", "--out", "one.png", "--rows", "1")
    assert narrow.out == wide.out and len(wide.out.splitlines()) == 2
    assert narrow.err == "1 of 2 images on one.png\n"
    assert imageio.read(Path("one.png")).height < imageio.read(Path("two.png")).height


def test_equal_images_have_no_finite_psnr(call, three) -> None:
    answer = call("compare", "noisy/a.png", "truth/a.png", "--reference", "truth/a.png", "--out", "s.png", "--json")
    assert json.loads(answer.out)["clean_psnr"] is None
    assert (
        "-> PSNR inf dB, SSIM 1.000"
        in call("compare", "noisy/a.png", "truth/a.png", "--reference", "truth/a.png", "--out", "s.png").out
    )


def test_files_without_a_suffix_are_recognised(call, three) -> None:
    Path("noisy/a.png").rename("noisy/a")
    Path("noisy/README").write_text("words")
    answer = call("compare", "noisy", "clean", "--out", "sheet.png")
    assert (answer.code, answer.err) == (0, "2 of 2 images on sheet.png\n")


def test_what_has_no_partner_is_named(call, three) -> None:
    Path("clean/a.png").unlink()
    answer = call("compare", "noisy", "clean", "--out", "sheet.png")
    assert "noisy/a.png: no matching image, skipped" in answer.err and answer.code == 0


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["noisy", "clean"], 2, "--out is missing"),
        (["noisy", "nowhere", "--out", "s.png"], 2, "nowhere: no such file"),
        (["noisy", "clean/a.png", "--out", "s.png"], 2, "Compare files with files"),
        (["noisy", "clean", "--out", "s.gif"], 2, "s.gif: unsupported output format: the name ends in '.gif'"),
        (["noisy", "clean", "--out", "s.bmp"], 2, "s.bmp: BMP can be read but not written"),
        (["noisy", "clean", "--out", "clean/a.png"], 5, "clean/a.png: is one of the compared images"),
        (["noisy/a.png", "small.png", "--out", "s.png"], 1, "a.png"),
        (["noisy", "empty", "--out", "s.png"], 3, "noisy and empty have no image in common"),
    ],
)
def test_mistakes(call, three, make_picture, words, code, message) -> None:
    make_picture("small.png", side=20)
    Path("empty").mkdir()
    answer = call("compare", *words)
    assert answer.code == code
    assert answer.err.splitlines()[-2 if code != 1 else 0].startswith(message)
