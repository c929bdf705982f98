"""The script behind the codec's table: run as people run it, into a document, on a tiny codec."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from skimage import data

from denoiser import imageio
from denoiser.image import from_numpy

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
BEGIN, END = "<!-- benchmarks/codec.py begins -->", "<!-- and codec.py ends -->"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The script, imported as its neighbours would; the folder is no package."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield import_module("codec")
    for name in ("contract", "codec", "machine"):
        sys.modules.pop(name, None)


@pytest.fixture
def run(
    script: ModuleType, tmp_path: Path, tiny_codec: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., int]:
    """Runs it on one small picture, in this process."""
    imageio.write(from_numpy(data.astronaut()[100:292, 100:292]), tmp_path / "a.png")
    monkeypatch.chdir(tmp_path)

    def call(*more: str) -> int:
        given = ["--data", ".", "--model", str(tiny_codec), "--precision", "fp32"]
        monkeypatch.setattr(sys, "argv", ["codec.py", *given, *more])
        code: int = script.main()
        return code

    return call


def test_a_document_gets_the_table_and_a_picture_the_curves(
    run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = tmp_path / "page.md"
    document.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    code = run("--into", "page.md", "--picture", "curves.svg")
    text = document.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    for name in ("latent (tiny-codec", "JPEG (subsampling 4:2:0)", "WebP (method 6)", "![PSNR over bits"):
        assert name in text
    assert (tmp_path / "curves.svg").read_text(encoding="utf-8").startswith("<svg")
    assert code == 1, "a codec without training misses its bars, and the script says so"
    assert "MISSED against WebP" in capsys.readouterr().err


def test_bytes_are_within_the_bar_of_what_tables_say(
    script: ModuleType, run: Callable[..., int], tmp_path: Path
) -> None:
    assert run() == 1
    words = script.argparse.Namespace(model=sys.argv[4], precision="fp32", limit=None)
    assert abs(script._off_the_estimate(tmp_path, words)) <= script.MOST_OFF


def test_a_document_without_a_place_is_said_before_minutes_are_spent(
    run: Callable[..., int], tmp_path: Path
) -> None:
    (tmp_path / "page.md").write_text("no lines\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="has no lines"):
        run("--into", "page.md")
