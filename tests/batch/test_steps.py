"""Crops, and images with nothing to clean."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage

from denoiser import denoise_folder, imageio
from denoiser.batch import Job, Settings
from denoiser.batch.cleaning import CLEANING, NOTE_CONVERTED, NOTE_COPIED, cropped
from denoiser.batch.work import Outcome
from denoiser.engine.session import Session
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
    assert done["smooth.jpg"].facts["kept"] and NOTE_COPIED in done["smooth.jpg"].notes
    assert done["noisy.jpg"].facts["noise"]["luma"] > 8 and "kept" not in done["noisy.jpg"].facts
    assert denoise_folder(place, tmp_path / "out", options, batch=batch).already_there == 2
    report = denoise_folder(place, tmp_path / "png", options, batch=batch, write=WriteOptions(format="png"))
    assert report.done == 2  # where another format is asked for, the pixels are handed on
    kept = imageio.read(tmp_path / "png" / "smooth.png").pixels
    assert np.array_equal(kept, imageio.read(place / "smooth.jpg").pixels)


def _pil(mode: str, **words: object) -> Callable[[Path, np.ndarray], None]:
    return lambda path, noisy: PilImage.fromarray(noisy).convert(mode).save(path, **words)


def _deep(path: Path, noisy: np.ndarray) -> None:
    imageio.write(from_numpy(noisy.astype(np.uint16) * 257), path)


def _rotated(path: Path, noisy: np.ndarray) -> None:
    exif = PilImage.Exif()
    exif[0x0112] = 6
    PilImage.fromarray(noisy).save(path, exif=exif, quality=81, progressive=True)


def _pages(path: Path, noisy: np.ndarray) -> None:
    page = PilImage.fromarray(noisy)
    page.save(path, save_all=True, append_images=[page.rotate(180)])


# Every format that is written as what it is, in variants that writing again would change.
AS_THEY_ARE: dict[str, Callable[[Path, np.ndarray], None]] = {
    "plain.png": _pil("RGB", compress_level=1),
    "palette.png": _pil("P"),
    "bilevel.png": _pil("1"),
    "alpha.png": _pil("RGBA"),
    "deep.png": _deep,
    "rotated.jpg": _rotated,
    "cmyk.jpeg": _pil("CMYK"),
    "grey.jpg": _pil("L", quality=70),
    "lzw.tif": _pil("RGB", compression="tiff_lzw"),
    "cmyk.tiff": _pil("CMYK"),
    "pages.tif": _pages,
    "deep.tif": _deep,
    "lossy.webp": _pil("RGB", quality=60),
    "lossless.webp": _pil("RGBA", lossless=True),
    "lossy.avif": _pil("RGB", quality=60),
}
if importlib.util.find_spec("imagecodecs"):  # the extra jxl
    AS_THEY_ARE["a.jxl"] = lambda path, noisy: imageio.write(from_numpy(noisy), path)


@pytest.mark.parametrize(
    "change", [{"strength": 0.0}, {"noise_level": 0.0}, {"skip_clean": 75.0}], ids=["strength", "level", "skip"]
)
def test_nothing_to_clean_is_a_copy_byte_for_byte_in_every_format(tmp_path: Path, options, noisy, change) -> None:
    place, out = tmp_path / "in", tmp_path / "out"
    place.mkdir()
    for name, make in AS_THEY_ARE.items():
        make(place / name, noisy)
    batch = BatchOptions(skip_clean=change.pop("skip_clean", 0.0))
    events: list[Event] = []
    report = denoise_folder(place, out, dataclasses.replace(options, **change), batch=batch, listener=events.append)
    assert (report.copied, report.done) == (len(AS_THEY_ARE), len(AS_THEY_ARE))
    for name in AS_THEY_ARE:
        assert (out / name).read_bytes() == (place / name).read_bytes(), name
        assert (out / name).stat().st_mtime_ns == (place / name).stat().st_mtime_ns, name
    # Notes on what reading loses, such as further pages, do not apply to a copy.
    assert {note for event in events if isinstance(event, FileDone) for note in event.notes} == {NOTE_COPIED}


def test_an_image_without_noise_is_copied(tmp_path: Path, options) -> None:
    place = tmp_path / "in"
    place.mkdir()
    smooth = np.repeat(np.linspace(60, 190, 256).astype(np.uint8)[:, np.newaxis], 256, axis=1)
    PilImage.fromarray(np.dstack([smooth] * 3)).save(place / "smooth.png", compress_level=1)
    report = denoise_folder(place, tmp_path / "out", options)
    assert (report.cleaned, report.copied) == (0, 1)
    assert (tmp_path / "out" / "smooth.png").read_bytes() == (place / "smooth.png").read_bytes()


@pytest.mark.parametrize(
    ("name", "write", "batch", "why"),
    [
        ("a.bmp", WriteOptions(), BatchOptions(), "BMP becomes PNG"),
        ("a.jpg", WriteOptions(format="png"), BatchOptions(), "JPEG becomes PNG"),
        ("a.png", WriteOptions(strip=True), BatchOptions(), "--strip"),
        ("a.jpg", WriteOptions(quality=50), BatchOptions(), "--quality"),
        ("a.png", WriteOptions(), BatchOptions(crop="0,0,9,9"), "--crop"),
    ],
)
def test_a_file_that_must_be_written_again_has_a_note(
    tmp_path: Path, options, noisy, name: str, write: WriteOptions, batch: BatchOptions, why: str
) -> None:
    (tmp_path / "in").mkdir()
    PilImage.fromarray(noisy).save(tmp_path / "in" / name)
    unchanged = dataclasses.replace(options, strength=0.0)
    events: list[Event] = []
    report = denoise_folder(
        tmp_path / "in", tmp_path / "out", unchanged, write=write, batch=batch, listener=events.append
    )
    assert (report.cleaned, report.copied, report.converted) == (0, 0, 1)
    done = next(event for event in events if isinstance(event, FileDone))
    assert f"{NOTE_CONVERTED}: {why}" in done.notes and done.facts["result"] == "converted"


def test_a_source_that_changes_before_the_copy_is_not_copied(tmp_path: Path, noisy) -> None:
    source, target = tmp_path / "a.png", tmp_path / "out.png"
    PilImage.fromarray(noisy).save(source)
    image = imageio.read(source)
    os.utime(source, ns=(0, 0))
    outcome = Outcome(image, 0.0, {}, (), kept=True)
    with pytest.raises(UnreadableImage, match="changed while it was read"):
        CLEANING.write(outcome, Job(source, target, 0.0), Settings())
    assert not target.exists()


def test_a_deeper_output_has_the_precision_of_the_model(tmp_path: Path, options, noisy) -> None:
    (tmp_path / "in").mkdir()
    imageio.write(from_numpy(noisy), tmp_path / "in" / "a.png")
    denoise_folder(tmp_path / "in", tmp_path / "same", options)
    for depth, dtype in (("16", np.uint16), ("8", np.uint8)):
        assert denoise_folder(tmp_path / "in", tmp_path / depth, options, write=WriteOptions(depth=depth)).done == 1
        assert imageio.read(tmp_path / depth / "a.png").pixels.dtype == dtype
    same, deep = (imageio.read(tmp_path / name / "a.png").pixels.astype(int) for name in ("same", "16"))
    assert (deep % 257 != 0).mean() > 0.9  # not 8 bits times 257
    assert np.abs(deep / 257 - same).max() < 1.5
    write = WriteOptions(format="tiff", depth="float")
    assert denoise_folder(tmp_path / "in", tmp_path / "float", options, write=write).done == 1
    assert imageio.read(tmp_path / "float" / "a.tif").bits == 32


def test_a_depth_that_changes_nothing_is_a_copy(tmp_path: Path, options, noisy) -> None:
    (tmp_path / "in").mkdir()
    imageio.write(from_numpy(noisy), tmp_path / "in" / "a.png")
    unchanged = dataclasses.replace(options, strength=0.0)
    report = denoise_folder(tmp_path / "in", tmp_path / "8", unchanged, write=WriteOptions(depth="8"))
    assert (report.copied, report.converted) == (1, 0)
    report = denoise_folder(tmp_path / "in", tmp_path / "16", unchanged, write=WriteOptions(depth="16"))
    assert (report.copied, report.converted) == (0, 1)
    assert np.array_equal(imageio.read(tmp_path / "16" / "a.png").pixels, noisy.astype(np.uint16) * 257)
