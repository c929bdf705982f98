"""Series: images of one camera, ISO and size share a noise estimate, so that they look alike.

Up to sixteen images, spread over the group, are estimated before the first is cleaned. The result is recorded and
used by every later run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from denoiser import imageio
from denoiser.batch.history import History
from denoiser.batch.layout import Job
from denoiser.batch.manifest import Manifest, SourceFile, stamp_of
from denoiser.batch.settings import Settings
from denoiser.errors import DenoiserError
from denoiser.estimation.estimate import NoiseEstimate
from denoiser.estimation.series import Series, fit_series
from denoiser.events import CancelToken, SeriesFound

if TYPE_CHECKING:
    from denoiser.imageio import ImageHeader

MOST_LOOKED_AT = 16  # images of a group: the median of more is hardly better, and each must be decoded
MEGAPIXELS_AT_ONCE = 64.0  # of images that are decoded in parallel
FEWEST = 3  # with two images, an outlier cannot be identified


@dataclass(frozen=True, slots=True)
class Group:
    """Images of one camera, ISO and size, which are its name; "" for images whose headers lack them."""

    name: str
    frames: int
    samples: tuple[Job, ...] = ()  # to be estimated
    known: Series | None = None  # of an earlier run

    @property
    def heading(self) -> str:
        """The name for messages."""
        return self.name or "no camera or ISO in the metadata"


def name_of(header: ImageHeader) -> str:
    """Return camera, ISO and size, with the longer side first; "" if the header lacks one of them."""
    camera, iso = header.shot
    if not camera or not iso or not header.width or not header.height:
        return ""
    sides = sorted((header.width, header.height), reverse=True)
    return f"{camera}, ISO {iso}, {sides[0]} x {sides[1]}"


def groups_of(jobs: Iterable[Job], history: History, settings: Settings) -> tuple[Group, ...]:
    """Return the groups of a run by name. They do not depend on the order of *jobs*, or on which are done."""
    members: dict[str, list[Job]] = {}
    for job in jobs:
        members.setdefault(job.series, []).append(job)
    return tuple(_group(name, members[name], history, settings) for name in sorted(members))


def _group(name: str, jobs: list[Job], history: History, settings: Settings) -> Group:
    if not name or len(jobs) < FEWEST:
        return Group(name, len(jobs))
    known = None if settings.batch.overwrite else from_record(history.series.get(name))
    if known is not None:
        return Group(name, len(jobs), known=known)
    ordered = sorted(jobs, key=lambda job: job.name)
    count = min(len(ordered), MOST_LOOKED_AT)
    chosen = [ordered[round(place * (len(ordered) - 1) / (count - 1))] for place in range(count)]
    samples = (dataclasses.replace(job, suspect=history.is_dangerous(job.name)) for job in chosen)
    return Group(name, len(jobs), tuple(samples))


@dataclass(frozen=True, slots=True)
class SeriesFitting:
    """Estimates the samples of groups in the threads *readers*."""

    settings: Settings
    manifest: Manifest
    readers: Executor
    cancel: CancelToken

    def fit(self, group: Group) -> Series | None:
        """Return and record the common noise of *group*; None if too few of its images can be read."""
        if group.known is not None or len(group.samples) < FEWEST:
            return group.known
        together = max(1, int(MEGAPIXELS_AT_ONCE // max(job.megapixels for job in group.samples)))
        found = []
        for start in range(0, len(group.samples), together):
            looks = self.readers.map(self._look, group.samples[start : start + together])
            found += [estimate for estimate in looks if estimate is not None]
        self.cancel.raise_if_cancelled()
        if len(found) < FEWEST:
            return None
        series = fit_series(found)
        self.manifest.series(group.name, as_record(series, len(found)))
        return series

    def _look(self, job: Job) -> NoiseEstimate | None:
        from denoiser.estimation.estimator import estimate_noise  # needed only here

        stamp = stamp_of(job.source)
        if self.cancel.cancelled or stamp is None:
            return None
        source = SourceFile(job.source, stamp)
        self.manifest.looking(job.target, source)
        try:
            return estimate_noise(imageio.read(job.source, self.settings.read))
        except (DenoiserError, MemoryError):
            return None  # reported when the run reads this file
        finally:
            self.manifest.looked(job.target, source)


def found_event(group: Group, series: Series | None) -> SeriesFound:
    """Return the event about a group."""
    noise = {}
    if series is not None:
        common = series.estimate
        noise = {"luma": common.luma, "chroma": common.chroma, "kind": common.kind}
    return SeriesFound(group.heading, group.frames, noise, _how(group, series))


def _how(group: Group, series: Series | None) -> str:
    if group.known is not None:
        return "noise estimate from an earlier run"
    if series is not None:
        return series.estimate.reason
    if not group.name:
        return "separate estimates"
    few = "too few images" if group.frames < FEWEST else "too few readable images"
    return f"{few} for a series: separate estimates"


def misfit(own: NoiseEstimate, series: Series) -> str:
    """Return the note for an image whose noise differs from its series."""
    common = series.estimate
    return (
        f"its noise differs from its series: luma {own.luma:.1f} and chroma {own.chroma:.1f}, "
        f"the others {common.luma:.1f} and {common.chroma:.1f}; its own estimate was used"
    )


def without(group: Group, targets: Collection[Path]) -> Group:
    """Return the group without the samples that would be written to *targets*."""
    return dataclasses.replace(group, samples=tuple(job for job in group.samples if job.target not in targets))


def stated(noise: Mapping[str, Any], own: NoiseEstimate) -> Series | None:
    """Return the series that an image was cleaned with, from its processing record; the image fits it."""
    try:
        luma, chroma, kind = (float(noise[name]) for name in ("luma", "chroma", "kind"))
    except (KeyError, TypeError, ValueError):
        return None
    return Series(dataclasses.replace(own, luma=luma, chroma=chroma, kind=kind, reason="as noted"))


def as_record(series: Series, looked_at: int) -> dict[str, Any]:
    """Return the record of a series."""
    noise = series.estimate.as_values()
    return {"noise": noise, "fits": {"luma": series.luma, "chroma": series.chroma}, "looked_at": looked_at}


def from_record(words: Mapping[str, Any] | None) -> Series | None:
    """Return the series of a record; None if there is none, or it is invalid."""
    try:
        if words is None:
            return None
        noise, fits = words["noise"], words["fits"]
        luma, chroma, kind = (float(noise[name]) for name in ("luma", "chroma", "kind"))
        ranges = [(float(fits[name][0]), float(fits[name][1])) for name in ("luma", "chroma")]
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    level_map = np.full((1, 1), luma, dtype=np.float32)
    common = NoiseEstimate(
        luma, chroma, kind, level_map, str(noise.get("reason", "")), grey=bool(noise.get("grey"))
    )
    return Series(common, luma=ranges[0], chroma=ranges[1])
