"""`denoise evaluate denoiser`: tables, JSON, a sheet, and what does not fit together."""

import json

import pytest

from denoiser import imageio


@pytest.fixture
def photos(make_picture):
    for number in range(2):
        make_picture(f"photos/{number}.png", side=40, seed=number)


def _evaluate(call, network, *words):
    return call("evaluate", "denoiser", "--data", "photos", *words, *network)


def test_white_noise_at_the_levels_asked_for(call, network, photos):
    answer = _evaluate(call, network, "--level", "10", "--level", "20")
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert lines[0] == "denoiser-tiny, cpu, fp32"
    heads = [line.split()[:4] for line in lines if line.startswith("white")]
    assert heads == [["white", "10,", "2", "images"], ["white", "20,", "2", "images"]]
    assert "denoiser-tiny, level given" in answer.out and "automatic" not in answer.out


def test_each_image_and_each_cleaner_when_asked_for(call, network, photos):
    answer = _evaluate(call, network, "--level", "10", "--automatic", "--baseline", "nlm", "-v")
    assert answer.err.splitlines() == ["white 10: 1 of 2, 0", "white 10: 2 of 2, 1"]
    assert "1: denoiser-tiny, level given" in answer.out and "2: denoiser-tiny, automatic" in answer.out
    assert "3: non-local means, best fixed" in answer.out


def test_a_long_measurement_says_now_and_then_how_far_it_is(call, network, photos, monkeypatch):
    from denoiser_cli.commands import evaluate

    assert _evaluate(call, network, "--level", "10").err == ""
    monkeypatch.setattr(evaluate, "_PROGRESS_EVERY", 0)
    assert "white 10: 1 of 2" in _evaluate(call, network, "--level", "10").err
    assert _evaluate(call, network, "--level", "10", "-q").err == ""


def test_pairs_and_untouched(call, network, make_picture):
    make_picture("pairs/a__noisy.png", seed=1)
    make_picture("pairs/a__clean.png", seed=1)
    answer = call("evaluate", "denoiser", "--data", "pairs", "--kind", "pairs", "--json", *network)
    pairs = json.loads(answer.out)
    answer = call("evaluate", "denoiser", "--data", "pairs", "--kind", "untouched", "--json", *network)
    untouched = json.loads(answer.out)
    assert [picture["name"] for picture in pairs["pictures"]] == ["a"]
    assert pairs["psnr"] == untouched["psnr"]  # both halves are the same picture
    assert (pairs["model"], pairs["device"], pairs["precision"]) == ("denoiser-tiny", "cpu", "fp32")
    assert pairs["noisy_psnr"] is None and pairs["harmed"] == ["a"]


def test_a_level_told_by_hand_is_told(call, network, photos):
    answer = _evaluate(call, network, "--level", "10", "--noise-level", "30")
    assert "denoiser-tiny, level 30" in answer.out


def test_the_sheet_is_written(call, network, photos, tmp_path):
    answer = _evaluate(call, network, "--level", "10", "--picture", "sheet.png")
    assert answer.code == 0 and "sheet.png" in answer.err
    assert imageio.read(tmp_path / "sheet.png").width == 3 * 328 - 8 + 48


def test_a_sheet_never_lands_on_a_image(call, network, photos, tmp_path):
    before = (tmp_path / "photos" / "0.png").read_bytes()
    answer = _evaluate(call, network, "--picture", "photos/0.png")
    assert answer.code == 5 and answer.out == ""
    assert (tmp_path / "photos" / "0.png").read_bytes() == before
    assert _evaluate(call, network, "--picture", "sheet.doc").code == 2


def test_robustness_stands_below_the_table(call, network, photos):
    answer = _evaluate(call, network, "--level", "10", "--robustness", "--limit", "1")
    assert answer.code == 0, answer.err
    assert answer.out.index("white 10, 1 image ") < answer.out.index("Robustness")
    assert "white 25, then JPEG 50" in answer.out and "by attack" in answer.out


@pytest.mark.parametrize(
    "words",
    [
        ("--kind", "pairs", "--robustness"),
        ("--robustness", "--noise-level", "5"),
        ("--kind", "untouched", "--grey"),
        ("--automatic", "--noise-level", "5"),
    ],
)
def test_words_that_do_not_fit_together(call, network, photos, words):
    answer = _evaluate(call, network, *words)
    assert answer.code == 2 and len(answer.err.strip().splitlines()) == 2


def test_nothing_to_measure_on_is_one_line_and_a_hint(call, network):
    answer = call("evaluate", "denoiser", "--data", "nowhere", *network)
    assert answer.code == 2
    assert "nowhere: no such folder" in answer.err
    assert len(answer.err.strip().splitlines()) == 2
