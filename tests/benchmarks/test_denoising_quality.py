"""The script behind the quality table: run as people run it, into a document."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from denoiser import imageio
from denoiser.image import from_numpy

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
BEGIN, END = "<!-- benchmarks/denoising_quality.py begins -->", "<!-- and ends -->"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    picture = from_numpy(random.integers(0, 256, (32, 32, 3), np.uint8))
    for name in ("clean/a.png", "pairs/a__noisy.png", "pairs/a__clean.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        imageio.write(picture, path)
    return tmp_path


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The script, imported as its neighbours would; the folder is no package."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield import_module("denoising_quality")
    for name in ("contract", "denoising_quality", "machine"):
        sys.modules.pop(name, None)


@pytest.fixture
def run(
    script: ModuleType, folder: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., int]:
    """Runs it on the folder, in this process."""
    given = [
        "--white",
        "clean",
        "--pairs",
        "pairs",
        "--clean",
        "clean",
        "--model",
        str(tiny_weights),
        "--level",
        "9",
    ]
    monkeypatch.chdir(folder)

    def call(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["denoising_quality.py", *given, *words])
        return script.main()

    return call


def test_the_table_is_put_between_its_lines(folder: Path, run: Callable[..., int]) -> None:
    page = folder / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    assert run("--into", "page.md", "--json", "figures.json") == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{BEGIN}\n| PSNR in dB · SSIM | white 9 | real pairs |\n|---|---|---|\n")
    assert text.endswith(f"{END}\nafter\n") and "\nold\n" not in text
    for row in ("| as it is | ", "| denoiser-tiny, level given | ", "| non-local means, best fixed | "):
        assert row in text
    assert "- Real pairs, denoiser-tiny, automatic: 1 of 1 below their input" in text
    assert "Images: white 9: 1, real pairs: 1, left as they are: 1. Commit " in text
    figures = json.loads((folder / "figures.json").read_text(encoding="utf-8"))
    named = {row["alternative"] for row in figures["rows"]}
    assert named >= {"denoiser-tiny, level given", "denoiser-tiny, automatic"}


def test_a_document_without_the_lines_is_left_alone(folder: Path, run: Callable[..., int]) -> None:
    (folder / "page.md").write_text("nothing here\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"page\.md: has no lines"):
        run("--into", "page.md")
    assert (folder / "page.md").read_text(encoding="utf-8") == "nothing here\n"
