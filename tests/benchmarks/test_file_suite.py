"""The suite of files finds planted losses, and a part of it passes."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

for extra in ("imagecodecs", "pillow_heif", "pillow_jxl"):
    pytest.importorskip(extra)
BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def suite() -> ModuleType:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        spec = importlib.util.spec_from_file_location("file_suite", BENCHMARKS / "file_suite.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(BENCHMARKS))
    return module


def test_planted_losses_are_found_unless_a_note_names_them(suite: ModuleType, tmp_path: Path) -> None:
    pixels = suite.data.astronaut()[:40, :60]
    full, bare = tmp_path / "full.jpg", tmp_path / "bare.jpg"
    words = list(suite.metadata())[2]
    full.write_bytes(suite.by_pillow(pixels, "JPEG", "RGB", words))
    bare.write_bytes(suite.by_pillow(pixels, "JPEG", "RGB", {}))
    assert suite.missing(full, full, ()) == suite.missing(bare, full, ()) == []
    assert suite.missing(full, bare, ()) == ["colours", "exif", "xmp", "comment", "dpi"]
    notes = ("JPEG holds no comment", "JPEG holds no resolution")
    assert suite.missing(full, bare, notes) == ["colours", "exif", "xmp"]
    for number, lost in ((4, ["text"]), (5, ["colours", "dpi"]), (6, ["colours"])):
        (tmp_path / "a.png").write_bytes(suite.by_pillow(pixels, "PNG", "RGB", list(suite.metadata())[number]))
        assert suite.missing(tmp_path / "a.png", bare, ()) == lost


@pytest.mark.long
def test_five_hundred_files_of_all_kinds(tiny_weights: Path) -> None:
    command = [sys.executable, "file_suite.py", "--files", "550", "--model", str(tiny_weights)]
    done = subprocess.run(command, cwd=BENCHMARKS, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert "bugs 0, losses 0, inputs_changed 0" in done.stdout
