"""The work of cleaning: pictures to clean pictures of the same format and depth."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from denoiser import imageio
from denoiser.atomicfile import whole_file
from denoiser.batch import layout
from denoiser.batch.discover import Find
from denoiser.batch.history import DeviceChooser, History, choose_weights
from denoiser.batch.layout import Job, Sighting
from denoiser.batch.series import misfit, name_of
from denoiser.batch.settings import Choice, Settings
from denoiser.batch.ticket import ticket_of
from denoiser.batch.work import Outcome, Words
from denoiser.errors import DenoiserError, MissingDevice, UnreadableImage, UsageError
from denoiser.events import CancelToken, Listener
from denoiser.imageio import formats
from denoiser.imageio.formats import Format
from denoiser.options import WriteOptions, crop_of

if TYPE_CHECKING:
    from denoiser.estimation import NoiseEstimate, Series
    from denoiser.image import Image

_CHUNK = 1 << 20  # bytes
KEPT = "little noise: copied unchanged"
NO_TICKET = "its XMP is corrupt and was kept as it is, without a processing record"


def ask_device(wish: str) -> str:
    """The device that a wish comes to on this machine."""
    from denoiser.engine.device import choose_device  # torch takes seconds, and is asked only where it matters

    return choose_device(wish)


class Cleaned(Protocol):
    """What a cleaner gives back: denoiser.engine.Cleaned is one, and says what each means."""

    @property
    def image(self) -> Image: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def seconds(self) -> float: ...
    @property
    def device(self) -> str: ...
    @property
    def precision(self) -> str: ...
    @property
    def tile(self) -> int: ...
    @property
    def trust(self) -> float: ...
    @property
    def estimate(self) -> NoiseEstimate | None: ...


class Cleaner(Protocol):
    """Cleans images one after another, for example denoiser.engine.Session."""

    model_name: str
    model_digest: str
    device: str
    precision: str

    def clean(
        self, image: Image, *, estimate: NoiseEstimate | None = None, listener: Listener, cancel: CancelToken
    ) -> Cleaned: ...


class Cleaning:
    """Pictures become clean ones."""

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
        """A series finds the level that noise-level would give."""
        if settings.batch.series and settings.denoise.noise_level is not None:
            raise UsageError(
                "Choose only one of --series and --noise-level.", hint="--series estimates the noise level."
            )

    def takes(self, name: Path) -> bool:
        """Pictures."""
        return formats.is_picture_name(name)

    def makes(self, target: Path) -> bool:
        """Pictures."""
        return formats.is_picture_name(target)

    def row(self, target: Path) -> Format:
        """That of the name's suffix."""
        return layout.writable_row(target)

    def sight(self, find: Find, settings: Settings) -> Sighting:
        """Size, output format, and the name of its series."""
        try:
            header = imageio.probe(find.path)
        except DenoiserError:
            # The run will meet the same error when it reads the file, and tell it with the others.
            return Sighting(find.path, find.below, _guessed(find.path, settings.write))
        row = formats.output_format(header, settings.write)
        name = name_of(header) if settings.batch.series else ""
        return Sighting(find.path, find.below, row, header.width * header.height / 1e6, name)

    def choose(self, settings: Settings, history: History, choose_device: DeviceChooser) -> Choice:
        """Denoisers."""
        return choose_weights(settings, history, choose_device)

    def open(self, choice: Choice | None, settings: Settings) -> Cleaner:
        """A session of the engine."""
        from denoiser.engine import open_session  # torch takes seconds; a run that finds all done needs none of it

        if choice is None:
            return open_session(settings.denoise)
        try:
            return open_session(choice.applied(settings.denoise))
        except MissingDevice:
            if not choice.kept:
                raise
            # The machine of the earlier run had another device; the weights stay, so that the outputs look alike.
            return open_session(choice.without_place().applied(settings.denoise))

    def read(self, path: Path, settings: Settings) -> Image:
        """The picture, or the part of it that was asked for."""
        return cropped(imageio.read(path, settings.read), str(path), settings)

    def read_bytes(self, data: bytes, name: str, settings: Settings) -> Image:
        """The same from a pipe."""
        return cropped(imageio.read_bytes(data, name, settings.read), name, settings)

    def make(
        self,
        content: Image,
        settings: Settings,
        worker: Cleaner,
        *,
        series: Series | None,
        listener: Listener,
        cancel: CancelToken,
    ) -> Outcome:
        """Clean, or as it is where little noise is found and that was asked for.

        A frame of a *series* is taken for as noisy as the others, unless it does not fit them. The clean one bears
        its ticket, unless that is not wanted.
        """
        network = functools.partial(worker.clean, listener=listener, cancel=cancel)
        limit = settings.batch.skip_clean
        notes, estimate = content.notes, None
        if limit > 0 or series is not None:
            from denoiser.estimation import estimate_noise  # needed by these wishes alone

            own = estimate_noise(content)
            estimate = own if series is None else series.of(own)
            if series is not None and not series.fits(own):
                notes = (*notes, misfit(own, series))
            if estimate.sigma < limit:
                facts = {"kept": True} | _noise(estimate)
                return Outcome(content, content.megapixels, facts, (*notes, KEPT), kept=True)
        cleaned = network(content) if estimate is None else network(content, estimate=estimate)
        facts = _facts_of(cleaned) | {"model": worker.model_name} | _noise(cleaned.estimate)
        result, notes = cleaned.image, (*notes, *cleaned.notes)
        if settings.write.ticket:
            result = ticket_of(settings, facts, worker.model_digest).onto(cleaned.image)
            if result is cleaned.image and not settings.write.strip:
                notes = (*notes, NO_TICKET)
        return Outcome(result, content.megapixels, facts, notes)

    def write(self, outcome: Outcome, job: Job, settings: Settings) -> tuple[str, ...]:
        """The clean picture; of one that is kept its very bytes, where nothing else was asked."""
        image: Image = outcome.result
        if outcome.kept and _may_be_copied(job, image, settings):
            _copy(job, image)
            return ()
        imageio.write(image, job.target, settings.write)
        return imageio.losses(image, formats.by_suffix(job.target).key)

    def encoded(self, outcome: Outcome, content: Image, settings: Settings) -> bytes:
        """In the format of the source, unless another was asked for."""
        assert content.origin is not None  # it was read
        return imageio.encode(
            outcome.result, formats.output_format(content.origin, settings.write).key, settings.write
        )

    def try_alone(self, source: Path, target: Path) -> None:
        """Decodes the source and encodes it for the target."""
        imageio.encode(imageio.read(source), formats.by_suffix(target).key)


CLEANING = Cleaning()


def _copy(job: Job, image: Image) -> None:
    """The very bytes of the source under the name of the target, with its times."""
    try:
        original = job.source.open("rb")
    except OSError as error:
        raise UnreadableImage(f"{job.source}: cannot be reopened ({error.strerror}).") from error
    with original, whole_file(job.target, times_ns=image.origin.times_ns if image.origin else None) as copy:
        while chunk := original.read(_CHUNK):
            copy.write(chunk)


def _may_be_copied(job: Job, image: Image, settings: Settings) -> bool:
    same = image.origin is not None and formats.by_suffix(job.target).key == image.origin.format
    options = settings.write
    return same and not options.strip and options.jpeg_quality is None and not settings.batch.crop


def cropped(image: Image, name: str, settings: Settings) -> Image:
    """The part of the picture that was asked for; UnreadableImage where it reaches beyond."""
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
    """What is recorded of a result; only its time where nothing had to be computed."""
    facts: dict[str, Any] = {"seconds": cleaned.seconds}
    if not cleaned.device:
        return facts
    return facts | {
        "device": cleaned.device,
        "precision": cleaned.precision,
        "tile": cleaned.tile,
        "trust": cleaned.trust,
    }


def _noise(estimate: Any) -> dict[str, Any]:
    if estimate is None:
        return {}
    values = {"luma": estimate.luma, "chroma": estimate.chroma, "kind": estimate.kind}
    return {"noise": {name: round(float(value), 3) for name, value in values.items()}}


def _guessed(path: Path, write: WriteOptions) -> Format:
    named = formats.by_suffix(path).key if formats.is_picture_name(path) else "png"
    return formats.output_format(named, write)
