from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage

from denoiser import imageio
from denoiser.batch.processing_record import read_record
from denoiser.engine.session import Session
from denoiser.errors import ForeignOutput, UnsafeOutput, UsageError
from denoiser.image import Image, from_numpy
from denoiser.options import DenoiseOptions, WriteOptions, bits_of
from denoiser_gui.model.photo_settings import PhotoSettings
from denoiser_gui.model.requests import FinishedPhoto
from denoiser_gui.model.saving import SaveRequest, check_target, save

OPTIONS = DenoiseOptions(noise_level=15.0, precision="fp32")


@pytest.fixture(scope="module")
def image() -> Image:
    values = np.random.default_rng(3).normal(120, 15, (80, 90, 3)).clip(0, 255).astype(np.uint8)
    return from_numpy(values)


@pytest.fixture(scope="module")
def made(image: Image) -> FinishedPhoto:
    session = Session(OPTIONS)
    return FinishedPhoto.by(session, image, session.clean(image))


def test_open_photos_are_never_overwritten_even_through_links(tmp_path: Path, image: Image) -> None:
    source, link, hard = tmp_path / "a.png", tmp_path / "link.png", tmp_path / "hard.png"
    imageio.write(image, source)
    link.symlink_to(source)
    os.link(source, hard)
    for target in (source, link, hard):
        with pytest.raises(UnsafeOutput):
            check_target(SaveRequest(target, PhotoSettings(), overwrite=True), [source])


def test_existing_files_are_replaced_only_on_request(tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    other.write_bytes(b"something")
    with pytest.raises(ForeignOutput):
        check_target(SaveRequest(other, PhotoSettings()), [])
    check_target(SaveRequest(other, PhotoSettings(), overwrite=True), [])
    check_target(SaveRequest(tmp_path / "new.png", PhotoSettings()), [])
    with pytest.raises(UsageError):
        check_target(SaveRequest(tmp_path / "name without suffix", PhotoSettings()), [])


def test_the_file_has_the_processing_record_of_a_batch(tmp_path: Path, made: FinishedPhoto) -> None:
    target = tmp_path / "deeper" / "a.png"
    assert save(made, SaveRequest(target, PhotoSettings(OPTIONS))) == ()
    written = imageio.read(target)
    ticket = read_record(written)
    assert ticket is not None and ticket.options["noise_level"] == 15.0 and ticket.model == made.model_name
    assert np.array_equal(written.pixels, made.cleaned.image.pixels)
    save(made, SaveRequest(target, PhotoSettings(OPTIONS, WriteOptions(ticket=False))))
    assert read_record(imageio.read(target)) is None


@pytest.mark.parametrize(("name", "bits"), [("a.png", "16"), ("a.tif", "float"), ("a.avif", "10"), ("a.png", "8")])
def test_converting_the_bit_depth_keeps_the_image(
    tmp_path: Path, made: FinishedPhoto, name: str, bits: str
) -> None:
    save(made, SaveRequest(tmp_path / name, PhotoSettings(OPTIONS, WriteOptions(depth=bits))))
    written = imageio.read(tmp_path / name)
    assert written.bits == bits_of(WriteOptions(depth=bits))
    shown = written.pixels / written.white * 255
    assert np.abs(shown - made.cleaned.image.pixels).max() < (40 if name.endswith("avif") else 0.51)


def test_a_photo_with_nothing_to_clean_is_copied_unless_its_depth_changes(tmp_path: Path, image: Image) -> None:
    source = tmp_path / "a.png"
    PilImage.fromarray(image.pixels).save(source, compress_level=1)
    read = imageio.read(source)
    options = DenoiseOptions(strength=0.0, precision="fp32")
    session = Session(options)
    finished = FinishedPhoto.by(session, read, session.clean(read))
    save(finished, SaveRequest(tmp_path / "same.png", PhotoSettings(options)), source)
    assert (tmp_path / "same.png").read_bytes() == source.read_bytes()
    save(finished, SaveRequest(tmp_path / "deep.png", PhotoSettings(options, WriteOptions(depth="16"))), source)
    assert imageio.read(tmp_path / "deep.png").bits == 16
