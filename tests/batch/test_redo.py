"""Outputs made again from their processing records: equal pixels on the same device with the same precision."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from denoiser import denoise_folder, imageio
from denoiser.batch.redo import redo
from denoiser.errors import MissingModel, UsageError
from denoiser.image import from_numpy
from denoiser.options import BatchOptions, DenoiseOptions, WriteOptions


@pytest.fixture
def source(tmp_path: Path) -> Path:
    random = np.random.default_rng(1)
    path = tmp_path / "in" / "a.png"
    path.parent.mkdir()
    imageio.write(from_numpy(np.clip(random.normal(128, 30, (150, 180, 3)), 0, 255).astype(np.uint8)), path)
    return path


@pytest.mark.parametrize(
    ("options", "write", "batch"),
    [
        (DenoiseOptions(device="cpu", precision="fp32"), WriteOptions(), BatchOptions()),
        (DenoiseOptions(device="cpu", precision="int8", noise_level=30), WriteOptions(), BatchOptions()),
        (
            DenoiseOptions(device="cpu", precision="fp32", noise_level=30, strength=0.8, grain=0.3, tile=128),
            WriteOptions(format="jpeg", quality=88),
            BatchOptions(crop="16,8,120,100"),
        ),
        (
            DenoiseOptions(device="cpu", precision="fp32", noise_level=30),
            WriteOptions(depth="16", size="60%"),
            BatchOptions(rename="{name}", flat=True),
        ),
    ],
)
def test_the_pixels_are_equal(tmp_path: Path, source: Path, options, write, batch):
    assert denoise_folder(source.parent, tmp_path / "out", options, write=write, batch=batch).done == 1
    [made] = (tmp_path / "out").glob("a.*")
    again = redo(made, source)
    assert again.same
    assert again.record.model == "denoiser-fast" and again.record.place["precision"] == options.precision
    # Written under another name it is the same file, byte for byte.
    imageio.write(again.image, tmp_path / f"b{made.suffix}", again.settings.write)
    assert (tmp_path / f"b{made.suffix}").read_bytes() == made.read_bytes()


def test_another_source_shows(tmp_path: Path, source: Path):
    options = DenoiseOptions(device="cpu", precision="fp32", noise_level=30)
    assert denoise_folder(source, tmp_path / "out.png", options).done == 1
    other = imageio.read(source).pixels.copy()
    other[50:60, 50:60] ^= 64
    imageio.write(from_numpy(other), tmp_path / "other.png")
    again = redo(tmp_path / "out.png", tmp_path / "other.png")
    assert not again.same
    assert 0 < again.differing < 0.5
    imageio.write(from_numpy(other[:-1]), tmp_path / "smaller.png")
    assert redo(tmp_path / "out.png", tmp_path / "smaller.png").differing == 1.0


def test_weights_that_have_no_name_here_are_given(tmp_path: Path, source: Path, tiny_weights: Path):
    options = DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32")
    assert denoise_folder(source, tmp_path / "out.png", options).done == 1
    with pytest.raises(MissingModel):
        redo(tmp_path / "out.png", source)
    assert redo(tmp_path / "out.png", source, model=str(tiny_weights)).same
    with pytest.raises(MissingModel, match="are not those of the processing record"):
        redo(tmp_path / "out.png", source, model="fast")


def test_an_output_without_a_record_is_an_error(tmp_path: Path, source: Path):
    shutil.copy(source, tmp_path / "out.png")
    with pytest.raises(UsageError, match=r"out.png: has no processing record"):
        redo(tmp_path / "out.png", source)


def test_an_output_with_a_mask_needs_that_mask(tmp_path: Path, source: Path):
    options = DenoiseOptions(device="cpu", precision="fp32", noise_level=30)
    mask, made = tmp_path / "mask.png", tmp_path / "out.png"
    values = np.linspace(0, 65535, 150 * 180).astype(np.uint16).reshape(150, 180)
    imageio.write(from_numpy(values), mask)
    assert denoise_folder(source, made, options, batch=BatchOptions(mask=str(mask))).done == 1
    assert redo(made, source, mask=mask).same
    with pytest.raises(UsageError, match="was made with a mask") as refused:
        redo(made, source)
    assert refused.value.hint == "Give its file with --mask."
    imageio.write(from_numpy(values[::-1]), tmp_path / "other.png")
    with pytest.raises(UsageError, match="is not the mask that"):
        redo(made, source, mask=tmp_path / "other.png")
    assert denoise_folder(source, tmp_path / "plain.png", options).done == 1
    with pytest.raises(UsageError, match="was made without a mask"):
        redo(tmp_path / "plain.png", source, mask=mask)


def test_an_output_with_a_sidecar_is_made_again_without_it(tmp_path: Path, source: Path):
    sidecar = source.with_name("a.png.denoise.toml")
    sidecar.write_text("strength = 0.5\nnoise_level = 20.0\n", "utf-8")
    options = DenoiseOptions(device="cpu", precision="fp32")
    assert denoise_folder(source, tmp_path / "out.png", options, batch=BatchOptions(sidecars=True)).done == 1
    sidecar.unlink()
    again = redo(tmp_path / "out.png", source)
    assert again.same and again.settings.denoise.strength == 0.5
