"""The library's one call for a whole folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import denoiser
from denoiser import DenoiseOptions
from denoiser.imageio import read
from denoiser.options import BatchOptions


def test_a_folder_is_cleaned_and_a_second_call_finds_it_done(
    tmp_path: Path, make_picture: Callable[..., Path], tiny_weights: Path
) -> None:
    for name in ("a.png", "sub/b.tif"):
        make_picture(tmp_path / "in" / name)
    options = DenoiseOptions(model=str(tiny_weights), device="cpu")
    report = denoiser.denoise_folder(tmp_path / "in", str(tmp_path / "out"), options)
    assert (report.done, report.exit_code) == (2, 0)
    assert read(tmp_path / "out" / "sub" / "b.tif").pixels.shape == (24, 24, 3)
    assert denoiser.denoise_folder(tmp_path / "in", tmp_path / "out", options).already_there == 2


def test_flat_means_flat(tmp_path: Path, make_picture: Callable[..., Path], tiny_weights: Path) -> None:
    for name in ("a.png", "sub/b.png"):
        make_picture(tmp_path / "in" / name)
    options = DenoiseOptions(model=str(tiny_weights), device="cpu")
    flat = BatchOptions(recursive=False)
    assert denoiser.denoise_folder(tmp_path / "in", tmp_path / "out", options, batch=flat).done == 1
