"""Crops, and images with little noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from denoiser import denoise_folder, imageio
from denoiser.batch import Settings
from denoiser.batch.cleaning import KEPT, cropped
from denoiser.engine import Session
from denoiser.errors import UnreadableImage
from denoiser.events import Event, FileDone
from denoiser.image import from_numpy
from denoiser.options import BatchOptions, DenoiseOptions, WriteOptions


@pytest.fixture
def options(tiny_weights: Path) -> DenoiseOptions:
    return DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32")


@pytest.fixture
def noisy() -> np.ndarray:
    random = np.random.default_rng(1)
    return np.clip(random.normal(128, 30, (64, 80, 3)), 0, 255).astype(np.uint8)


def test_the_crop_is_cleaned_like_a_separate_image(tmp_path: Path, options, noisy, session: Session) -> None:
    (tmp_path / "in").mkdir()
    imageio.write(from_numpy(noisy), tmp_path / "in" / "a.png")
    batch = BatchOptions(crop="10,20,30,40")
    assert denoise_folder(tmp_path / "in", tmp_path / "out", options, batch=batch).done == 1
    expected = session.clean(from_numpy(noisy[20:60, 10:40].copy())).image.pixels
    assert np.array_equal(imageio.read(tmp_path / "out" / "a.png").pixels, expected)


def test_the_crop_takes_alpha_along_and_must_lie_inside(noisy) -> None:
    alpha = np.arange(64 * 80, dtype=np.uint32).reshape(64, 80, 1) % 256
    image = from_numpy(np.dstack([noisy, alpha.astype(np.uint8)]))
    part = cropped(image, "a.png", Settings(batch=BatchOptions(crop="79,63,1,1")))
    assert part.alpha is not None and part.alpha[0, 0] == alpha[63, 79, 0] and part.pixels.shape == (1, 1, 3)
    assert cropped(image, "a.png", Settings()) is image
    with pytest.raises(UnreadableImage, match=r"a.png: the crop 79,63,2,1 is outside the image \(80 x 64"):
        cropped(image, "a.png", Settings(batch=BatchOptions(crop="79,63,2,1")))


def test_a_clean_image_is_copied_byte_for_byte_and_a_noisy_one_is_not(tmp_path: Path, options) -> None:
    place = tmp_path / "in"
    place.mkdir()
    smooth = np.repeat(np.linspace(60, 190, 256).astype(np.uint8)[:, np.newaxis], 256, axis=1)
    imageio.write(from_numpy(np.dstack([smooth] * 3)), place / "smooth.jpg")
    random = np.random.default_rng(1)
    imageio.write(
        from_numpy(np.clip(random.normal(128, 30, (256, 256, 3)), 0, 255).astype(np.uint8)), place / "noisy.jpg"
    )
    events: list[Event] = []
    batch = BatchOptions(skip_clean=8.0)
    assert denoise_folder(place, tmp_path / "out", options, batch=batch, listener=events.append).done == 2
    done = {event.source.name: event for event in events if isinstance(event, FileDone)}
    assert (tmp_path / "out" / "smooth.jpg").read_bytes() == (place / "smooth.jpg").read_bytes()
    assert (tmp_path / "out" / "noisy.jpg").read_bytes() != (place / "noisy.jpg").read_bytes()
    assert done["smooth.jpg"].facts["kept"] and KEPT in done["smooth.jpg"].notes
    assert done["noisy.jpg"].facts["noise"]["luma"] > 8 and "kept" not in done["noisy.jpg"].facts
    assert denoise_folder(place, tmp_path / "out", options, batch=batch).already_there == 2
    report = denoise_folder(place, tmp_path / "png", options, batch=batch, write=WriteOptions(format="png"))
    assert report.done == 2  # where another format is asked for, the pixels are handed on
    kept = imageio.read(tmp_path / "png" / "smooth.png").pixels
    assert np.array_equal(kept, imageio.read(place / "smooth.jpg").pixels)
