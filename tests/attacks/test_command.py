"""A folder of damaged latent files through the command line: each is named, and only the good ones are decoded."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "v1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two good files, and the same two in every state of ruin."""
    place = tmp_path / "latents"
    place.mkdir()
    for name in ("colour", "exact8"):
        whole = (GOLDEN / f"{name}.dlf").read_bytes()
        (place / f"{name}.dlf").write_bytes(whole)
        for number, damaged in enumerate(ruined(whole)):
            (place / f"{name}-{number}.dlf").write_bytes(damaged)
    return place


def ruined(whole: bytes) -> list[bytes]:
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 4
    return [
        b"",
        whole[:20],
        whole[:-1],
        bytes(flipped),
        whole + b"\0",
        b"\x89PNG" + whole[4:],
        whole[:8] + b"\2" + whole[9:],
    ]


def denoise(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "denoiser_cli", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_damaged_files_are_named_and_the_others_decoded(folder: Path, tmp_path: Path) -> None:
    out, words = tmp_path / "out", ["--model", str(GOLDEN / "golden.safetensors"), "--device", "cpu"]
    run = denoise("decode", str(folder), "--out", str(out), *words)
    assert run.returncode == 1, run.stderr
    assert "Traceback" not in run.stderr
    bad = sorted(path.name for path in folder.iterdir() if "-" in path.name)
    assert len(bad) == 14
    assert [name for name in bad if run.stderr.count(name) != 1] == [], "each is named once"
    assert sorted(path.stem for path in out.iterdir() if path.is_file()) == ["colour", "exact8"]


def test_verify_tells_the_good_from_the_bad(folder: Path) -> None:
    words = ["--model", str(GOLDEN / "golden.safetensors")]
    run = denoise("verify", str(folder), *words)
    assert run.returncode == 1, run.stderr
    assert "Traceback" not in run.stderr
    whole = [line.split(":")[0] for line in run.stdout.splitlines() if line.endswith(": valid")]
    assert sorted(Path(name).name for name in whole) == ["colour.dlf", "exact8.dlf"]


def test_weights_that_are_not_here_are_called_by_name(tmp_path: Path) -> None:
    shutil.copy(GOLDEN / "colour.dlf", tmp_path)
    run = denoise("decode", str(tmp_path / "colour.dlf"), "--out", str(tmp_path / "out"))
    assert run.returncode == 4, "something needed is missing"
    assert "dea9e896301a0a39" in run.stderr
    assert not [path for path in (tmp_path / "out").glob("*") if path.is_file()]
