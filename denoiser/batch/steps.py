"""What is done with one file, step by step: read with its fingerprint, written with its record. No threads here."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from denoiser import __version__, imageio
from denoiser.atomicfile import whole_file
from denoiser.batch.digest import sha256_of, stamp_of
from denoiser.batch.layout import Job
from denoiser.batch.manifest import Made, Manifest, Source
from denoiser.batch.series import misfit
from denoiser.batch.settings import Choice, Settings
from denoiser.batch.ticket import ticket_of
from denoiser.errors import UnreadableImage, UnwritableImage
from denoiser.imageio import formats
from denoiser.options import crop_of

if TYPE_CHECKING:
    from denoiser.estimation import NoiseEstimate, Series
    from denoiser.image import Image

_CHUNK = 1 << 20  # bytes
KEPT = "little noise: kept as it is"
_FACTS = ("seconds", "device", "precision", "tile", "trust")
_NOTHING = (None, "")  # where nothing had to be computed


class Cleaned(Protocol):
    """What a cleaner gives back: denoiser.engine.Cleaned is one."""

    @property
    def image(self) -> Image: ...
    @property
    def notes(self) -> tuple[str, ...]: ...


class Weights(Protocol):
    """Whose work it is: denoiser.engine.Session is one."""

    model_name: str
    model_digest: str


class Network(Protocol):
    """A session that is ready for one picture after another."""

    def __call__(self, image: Image, /, *, estimate: NoiseEstimate | None = None) -> Cleaned: ...


@dataclass(frozen=True, slots=True)
class Picture:
    """What was read of a source; *source* is None where nobody keeps records."""

    image: Image
    source: Source | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A picture that is ready to be written, and what made it so; *kept* ones were left as they are."""

    image: Image
    facts: Mapping[str, Any]
    notes: tuple[str, ...]
    kept: bool = False


def read(job: Job, settings: Settings, manifest: Manifest | None) -> Picture:
    """Journals the file as begun, decodes it and cuts the crop out; UnreadableImage if it changes meanwhile."""
    before = stamp_of(job.source)
    if manifest is not None and before is not None:
        manifest.begun(job.target, Source(job.source, before))
    image = imageio.read(job.source, settings.read)
    digest = sha256_of(job.source) if manifest is not None else ""
    if before is not None and stamp_of(job.source) != before:
        raise UnreadableImage(
            f"{job.source}: changed while it was read.", hint="Run again when it is no longer written to."
        )
    image = cropped(image, str(job.source), settings)
    return Picture(image, Source(job.source, before, digest) if before is not None and manifest else None)


def clean(
    image: Image, settings: Settings, network: Network, weights: Weights, series: Series | None = None
) -> Outcome:
    """What becomes of a picture: clean, or as it is where little noise is found and that was asked for.

    A frame of a *series* is taken for as noisy as the others, unless it does not fit them. The clean one bears its
    ticket, unless that is not wanted.
    """
    limit = settings.batch.skip_clean
    notes, estimate = image.notes, None
    if limit > 0 or series is not None:
        from denoiser.estimation import estimate_noise  # needed by these wishes alone

        own = estimate_noise(image)
        estimate = own if series is None else series.of(own)
        if series is not None and not series.fits(own):
            notes = (*notes, misfit(own, series))
        if estimate.sigma < limit:
            return Outcome(image, {"kept": True} | _noise(estimate), (*notes, KEPT), kept=True)
    cleaned = network(image) if estimate is None else network(image, estimate=estimate)
    facts = {name: value for name in _FACTS if (value := getattr(cleaned, name, None)) not in _NOTHING}
    facts |= {"model": weights.model_name} | _noise(getattr(cleaned, "estimate", None))
    result = cleaned.image
    if settings.write.ticket:
        result = ticket_of(settings, facts, weights.model_digest).onto(result)
    return Outcome(result, facts, (*notes, *cleaned.notes))


def write(
    job: Job, outcome: Outcome, source: Source | None, settings: Settings, manifest: Manifest | None
) -> tuple[str, ...]:
    """Writes the output, then its record; returns in words what the file could not hold."""
    image = outcome.image
    if outcome.kept and _may_be_copied(job, image, settings):
        _copy(job, image)
        lost: tuple[str, ...] = ()
    else:
        imageio.write(image, job.target, settings.write)
        lost = imageio.losses(image, formats.by_suffix(job.target).key)
    if manifest is not None and source is not None:
        stamp = stamp_of(job.target)
        if stamp is None:
            raise UnwritableImage(f"{job.target}: was removed as soon as it was written.", hint="Run again.")
        notes = list(dict.fromkeys((*outcome.notes, *lost)))
        facts = dict(outcome.facts) | ({"notes": notes} if notes else {})
        manifest.done(job.target, source, Made(stamp, sha256_of(job.target), image.megapixels, facts))
    return lost


def source_of(job: Job) -> Source | None:
    """The source of a job as it is now, or None where it is gone."""
    stamp = stamp_of(job.source)
    return Source(job.source, stamp) if stamp else None


def facts_of_run(cleaner: Any, choice: Choice | None) -> dict[str, Any]:
    """What the first line of a manifest says of the weights and of where they run."""
    words = {"version": __version__, "model": choice.model if choice else cleaner.model_name}
    return words | {
        name: value
        for name in ("device", "precision", "tile")
        if (value := getattr(cleaner, name, None)) is not None
    }


def _noise(estimate: Any) -> dict[str, Any]:
    if estimate is None:
        return {}
    values = {"luma": estimate.luma, "chroma": estimate.chroma, "kind": estimate.kind}
    return {"noise": {name: round(float(value), 3) for name, value in values.items()}}


def _copy(job: Job, image: Image) -> None:
    """The very bytes of the source under the name of the target, with its times."""
    try:
        original = job.source.open("rb")
    except OSError as error:
        raise UnreadableImage(f"{job.source}: cannot be opened again ({error.strerror}).") from error
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
            f"{name}: the crop {settings.batch.crop} reaches beyond its {image.width} x {image.height} pixels.",
            hint="--crop is x,y,width,height in pixels of the upright picture.",
        )
    part = slice(y, y + height), slice(x, x + width)
    alpha = None if image.alpha is None else image.alpha[part]
    return dataclasses.replace(image, pixels=image.pixels[part], alpha=alpha)
