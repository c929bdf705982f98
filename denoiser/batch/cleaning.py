"""Cleaning: images become clean images of the same format and depth."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
import shutil
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from denoiser import imageio
from denoiser.atomicfile import whole_file
from denoiser.batch import layout, naming
from denoiser.batch.discover import FoundFile
from denoiser.batch.history import History
from denoiser.batch.layout import Job, SourceInfo
from denoiser.batch.processing_record import record_of
from denoiser.batch.series import misfit, name_of
from denoiser.batch.settings import ModelChoice, Settings
from denoiser.batch.weights import DeviceChooser, choose_weights
from denoiser.batch.work import FromImages, Outcome, ToImages, Words, Worker
from denoiser.errors import DenoiserError, UnreadableImage, UsageError
from denoiser.events import CancelToken, Listener
from denoiser.image import Image, Mask
from denoiser.imageio import depth, formats, masks
from denoiser.imageio.formats import Format
from denoiser.options import DenoiseOptions, bits_of, crop_of, size_of

if TYPE_CHECKING:
    from denoiser.engine.canvas import Cleaned
    from denoiser.estimation.estimate import NoiseEstimate
    from denoiser.estimation.series import Series

NOTE_COPIED = "copied unchanged (nothing to clean)"
NOTE_CONVERTED = "written again, although there was nothing to clean"  # and why
CLEANED, COPIED, CONVERTED = RESULTS = ("cleaned", "copied", "converted")  # the fact "result"
NO_RECORD = "its XMP is corrupt and was kept as it is, without a processing record"


def ask_device(wanted: str) -> str:
    """Return the device that *wanted*, such as "auto", means on this machine."""
    from denoiser.engine.device import choose_device  # may import torch, which takes seconds

    return choose_device(wanted)


class Cleaner(Worker, Protocol):
    """Cleans images one after another, for example denoiser.engine.session.Session."""

    def clean(
        self,
        image: Image,
        *,
        options: DenoiseOptions | None = None,
        mask: Mask | None = None,
        estimate: NoiseEstimate | None = None,
        listener: Listener,
        cancel: CancelToken,
    ) -> Cleaned: ...

    def for_model(self, name: str) -> Cleaner: ...


class CleanWork(FromImages[Image, Cleaner], ToImages[Image, Cleaner]):
    """Cleans images."""

    words = Words(
        verb="clean",
        done="cleaned",
        takes="image",
        makes="clean images",
        known="Supported: PNG, JPEG, TIFF, WebP, AVIF and BMP; extras add HEIC, JPEG XL and camera RAW.",
        example="denoise ./imgs --out ./clean",
        pipes=("denoise - --out b.png < a.png", "denoise a.png --out - > b.png"),
    )

    def refuse(self, settings: Settings) -> None:
        """Raise UsageError for a noise level that a series would estimate."""
        if settings.batch.series and settings.denoise.noise_level is not None:
            raise UsageError(
                "Choose only one of --series and --noise-level.", hint="--series estimates the noise level."
            )

    def inspect(self, find: FoundFile, settings: Settings) -> SourceInfo:
        """Return size, output format, and the name of the series."""
        try:
            header = imageio.probe(find.path)
        except DenoiserError:  # reported when the file is read
            return self.guess(find, settings)
        row = formats.output_format(header, settings.write)
        name = name_of(header) if settings.batch.series else ""
        named = _named(find, settings, header)
        return SourceInfo(find.path, find.below, row, header.width * header.height / 1e6, name, named)

    def guess(self, find: FoundFile, settings: Settings) -> SourceInfo:
        """Return the output format for the suffix, or PNG."""
        guess = formats.by_suffix(find.path).key if formats.is_image_name(find.path) else "png"
        row = formats.output_format(guess, settings.write)
        return SourceInfo(find.path, find.below, row, named=_named(find, settings))

    def choose(self, settings: Settings, history: History, choose_device: DeviceChooser) -> ModelChoice:
        """Return the denoiser."""
        return choose_weights(settings, history, choose_device)

    def open(self, choice: ModelChoice | None, settings: Settings) -> Cleaner:
        """Open a session of the engine."""
        from denoiser.engine.session import (
            Session,  # takes time to import; a run with nothing to do needs none of it
        )

        return choice.opened(Session, settings.denoise) if choice else Session(settings.denoise)

    def read(self, path: Path, settings: Settings) -> Image:
        """Read the image, or its crop."""
        return cropped(super().read(path, settings), str(path), settings)

    def read_bytes(self, data: bytes, name: str, settings: Settings) -> Image:
        """Read an image from a pipe, or its crop."""
        return cropped(super().read_bytes(data, name, settings), name, settings)

    def check(self, content: Image, row: Format) -> None:
        """Raise UnwritableImage for colours or transparency that the format cannot store."""
        imageio.refuse_colours(content.profile, content.cicp, row)
        imageio.refuse_alpha(content, row)

    def make(
        self,
        content: Image,
        settings: Settings,
        worker: Cleaner,
        *,
        series: Series | None,
        listener: Listener,
        cancel: CancelToken,
    ) -> Outcome[Image]:
        """Clean the image, or keep it if its noise is below --skip-clean; add the processing record.

        An image that cleaning leaves unchanged is kept, too, without a record. A frame of a *series* uses the noise
        estimate of the series, unless its own noise differs.
        """
        worker = worker.for_model(settings.denoise.model)
        clean = functools.partial(worker.clean, options=settings.denoise, listener=listener, cancel=cancel)
        if settings.mask is not None:
            clean = functools.partial(clean, mask=mask_for(content, settings))
        limit = settings.batch.skip_clean
        notes, estimate = content.notes, None
        if limit > 0 or series is not None:
            from denoiser.estimation.estimator import estimate_noise  # torch, which other options do not need here

            own = estimate_noise(content)
            estimate = own if series is None else series.of(own)
            if series is not None and not series.fits(own):
                notes = (*notes, misfit(own, series))
            if estimate.sigma < limit:
                facts = {"kept": True} | _noise(estimate)
                return Outcome(content, content.megapixels, facts, notes, kept=True)
        noisy = _deepened(content, bits_of(settings.write))
        cleaned = clean(noisy) if estimate is None else clean(noisy, estimate=estimate)
        facts = _facts_of(cleaned) | {"model": worker.model_name} | _noise(cleaned.estimate)
        result, notes = cleaned.image, tuple(dict.fromkeys((*notes, *cleaned.notes)))
        if result is noisy or np.array_equal(result.pixels, noisy.pixels):
            return Outcome(content, content.megapixels, {"kept": True} | facts, notes, kept=True)
        if settings.write.ticket:
            result = record_of(settings, facts, worker.model_digest).added_to(cleaned.image)
            if result is cleaned.image and not settings.write.strip:
                notes = (*notes, NO_RECORD)
        return Outcome(result, content.megapixels, facts, notes)

    def write(self, outcome: Outcome[Image], job: Job, settings: Settings) -> Outcome[Image]:
        """Write the clean image, or copy the source if nothing changes; the fact "result" tells which."""
        if not outcome.kept:
            return _as(CLEANED, super().write(outcome, job, settings))
        why = _why_reencoded(outcome.result, formats.by_suffix(job.target), settings)
        if why:
            return _as(CONVERTED, super().write(outcome, job, settings), f"{NOTE_CONVERTED}: {why}")
        _copy(job, outcome.result)
        # Notes on how the image was read do not apply to a copy.
        notes = tuple(note for note in outcome.notes if note not in outcome.result.notes)
        return _as(COPIED, dataclasses.replace(outcome, notes=notes), NOTE_COPIED)

    def is_copy(self, outcome: Outcome[Image], row: Format, settings: Settings) -> bool:
        """Return whether the image is kept and no option asks for another file."""
        return outcome.kept and not _why_reencoded(outcome.result, row, settings)

    def row_of(self, content: Image, settings: Settings) -> Format:
        """Return the format of the source, or that of --format."""
        assert content.origin is not None  # it was read
        return formats.output_format(content.origin, settings.write)

    def try_alone(self, source: Path, target: Path) -> None:
        """Decode the source and encode it for the target."""
        imageio.encode(imageio.read(source), formats.by_suffix(target).key)


CLEANING = CleanWork()


def _named(find: FoundFile, settings: Settings, header: imageio.ImageHeader | None = None) -> PurePath | None:
    """Return the path of the output below its folder, without suffix, if --rename or --flat determines it."""
    template = settings.batch.rename or ("{name}" if settings.batch.flat else "")
    parent = PurePath() if settings.batch.flat else find.below.parent
    return parent / naming.rendered(template, find.path, header) if template else None


def _as(result: str, outcome: Outcome[Image], *notes: str) -> Outcome[Image]:
    facts = dict(outcome.facts) | {"result": result}
    return dataclasses.replace(outcome, facts=facts, notes=(*outcome.notes, *notes))


def _copy(job: Job, image: Image) -> None:
    """Copy the source to the target, with its times; raise UnreadableImage if it has changed since it was read."""
    times = image.origin.times_ns if image.origin else None
    try:
        original = job.source.open("rb")
    except OSError as error:
        raise UnreadableImage(f"{job.source}: cannot be reopened ({error.strerror}).") from error
    with original, whole_file(job.target, times_ns=times) as copy:
        shutil.copyfileobj(original, copy, 1 << 20)
        if times is not None and os.fstat(original.fileno()).st_mtime_ns != times[1]:
            raise UnreadableImage(
                f"{job.source}: changed while it was read.",
                hint="Run again when no other program is writing to it.",
            )


def _deepened(image: Image, bits: int) -> Image:
    """Return the image with at least so many bits, so that the output has the precision of the model."""
    if bits <= image.bits:
        return image
    pixels, alpha = depth.at_depth(image, bits)
    return dataclasses.replace(image, pixels=pixels, alpha=alpha, bits=bits)


def _why_reencoded(image: Image, row: Format, settings: Settings) -> str:
    """Return what asks for another file than that of the unchanged image; empty if nothing does."""
    if image.origin is None:
        return "the image is not from a file"
    if image.origin.format != row.key:
        return f"{formats.ROWS[image.origin.format].name} becomes {row.name}"
    bits = depth.fitting(bits_of(settings.write) or image.bits, row.depths)
    options = {"--depth": bits != image.bits, "--crop": settings.batch.crop, "--strip": settings.write.strip}
    options |= {"--size": size_of(settings.write, image.width, image.height) != (image.width, image.height)}
    options |= {"--quality": settings.write.quality is not None and row.key in layout.WITH_QUALITY}
    return next((name for name, given in options.items() if given), "")


def mask_for(image: Image, settings: Settings) -> Mask:
    """Return the mask of an image or of its crop; raise UnreadableImage if it does not fit, or has changed."""
    chosen = settings.mask
    assert chosen is not None
    try:
        data = chosen.path.read_bytes()
    except OSError as error:
        raise UnreadableImage(f"{chosen.path}: the mask cannot be read ({error.strerror}).") from error
    if hashlib.sha256(data).hexdigest() != chosen.sha256:
        raise UnreadableImage(f"{chosen.path}: the mask changed while it was used.", hint="Run again.")
    whole = image.origin.size if image.origin and image.origin.size else (image.width, image.height)
    mask = masks.mask_in(data, str(chosen.path), whole)
    crop = crop_of(settings.batch)
    if crop is None:
        return mask
    x, y, width, height = crop
    return mask[y : y + height, x : x + width]


def cropped(image: Image, name: str, settings: Settings) -> Image:
    """Return the part that --crop names; raise UnreadableImage if it is not inside the image."""
    crop = crop_of(settings.batch)
    if crop is None:
        return image
    x, y, width, height = crop
    if x + width > image.width or y + height > image.height:
        raise UnreadableImage(
            f"{name}: the crop {settings.batch.crop} is outside the image ({image.width} x {image.height} pixels).",
            hint="--crop is x,y,width,height in pixels of the upright image.",
        )
    part = slice(y, y + height), slice(x, x + width)
    alpha = None if image.alpha is None else image.alpha[part]
    return dataclasses.replace(image, pixels=image.pixels[part], alpha=alpha)


def _facts_of(cleaned: Cleaned) -> dict[str, Any]:
    """Return what is recorded of a result: only its time if nothing was computed."""
    names = ("seconds", "device", "precision", "tile", "trust") if cleaned.device else ("seconds",)
    return {name: getattr(cleaned, name) for name in names}


def _noise(estimate: Any) -> dict[str, Any]:
    if estimate is None:
        return {}
    return {"noise": {name: round(float(getattr(estimate, name)), 3) for name in ("luma", "chroma", "kind")}}
