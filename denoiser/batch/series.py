"""Pictures that were taken alike share one estimate of their noise, so that the frames of a shoot look alike.

Alike are pictures of one camera, ISO and size, as their headers say. Up to sixteen of them, spread over the group,
are looked at before the first is cleaned; what comes of that is recorded, and taken by every later run.
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
from denoiser.batch.journal import stamp_of
from denoiser.batch.layout import Job
from denoiser.batch.manifest import Manifest, Source
from denoiser.batch.settings import Settings
from denoiser.errors import DenoiserError
from denoiser.estimation import NoiseEstimate, Series, fit_series
from denoiser.events import CancelToken, SeriesFound

if TYPE_CHECKING:
    from denoiser.imageio import Probe

MOST_LOOKED_AT = 16  # pictures of a group: the middle of more is no surer, and each must be decoded
MEGAPIXELS_AT_ONCE = 64.0  # of pictures that are decoded side by side
FEWEST = 3  # with two images, an outlier cannot be identified


@dataclass(frozen=True, slots=True)
class Group:
    """Pictures of one camera, ISO and size; *name* says which, "" for those whose headers do not."""

    name: str
    frames: int
    samples: tuple[Job, ...] = ()  # what is to be looked at
    known: Series | None = None  # what an earlier run found

    @property
    def heading(self) -> str:
        """The group in words."""
        return self.name or "no camera or ISO in the metadata"


def name_of(header: Probe) -> str:
    """Camera, ISO and size, upright or not; "" where the header does not say all three."""
    camera, iso = header.shot
    if not camera or not iso or not header.width or not header.height:
        return ""
    sides = sorted((header.width, header.height), reverse=True)
    return f"{camera}, ISO {iso}, {sides[0]} x {sides[1]}"


def groups_of(jobs: Iterable[Job], history: History, settings: Settings) -> tuple[Group, ...]:
    """The groups of a run by name, the same whatever the order of *jobs* and whichever part of them is done."""
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
class Fitting:
    """Looks at the samples of groups; *readers* are the threads that do it."""

    settings: Settings
    manifest: Manifest
    readers: Executor
    cancel: CancelToken

    def fit(self, group: Group) -> Series | None:
        """What the frames of *group* have in common, recorded; None where too few can be read."""
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
        from denoiser.estimation import estimate_noise  # torch takes seconds, and only this needs it

        stamp = stamp_of(job.source)
        if self.cancel.cancelled or stamp is None:
            return None
        source = Source(job.source, stamp)
        self.manifest.looking(job.target, source)
        try:
            return estimate_noise(imageio.read(job.source, self.settings.read))
        except (DenoiserError, MemoryError):
            return None  # the run meets it again when it comes to this file, and tells it with the others
        finally:
            self.manifest.looked(job.target, source)


def told(group: Group, series: Series | None) -> SeriesFound:
    """What is said of a group."""
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
    """What is said of a frame that does not fit."""
    common = series.estimate
    return (
        f"its noise differs from its series: luma {own.luma:.1f} and chroma {own.chroma:.1f}, "
        f"the others {common.luma:.1f} and {common.chroma:.1f}; its own estimate was used"
    )


def without(group: Group, targets: Collection[Path]) -> Group:
    """The group, where what becomes one of *targets* is not to be looked at."""
    return dataclasses.replace(group, samples=tuple(job for job in group.samples if job.target not in targets))


def stated(noise: Mapping[str, Any], own: NoiseEstimate) -> Series | None:
    """The series that a picture was cleaned by, from what was noted of it: whatever it is, the picture fits."""
    try:
        luma, chroma, kind = (float(noise[name]) for name in ("luma", "chroma", "kind"))
    except (KeyError, TypeError, ValueError):
        return None
    return Series(dataclasses.replace(own, luma=luma, chroma=chroma, kind=kind, reason="as noted"))


def as_record(series: Series, looked_at: int) -> dict[str, Any]:
    """What is recorded of a series."""
    noise = series.estimate.as_values()
    return {"noise": noise, "fits": {"luma": series.luma, "chroma": series.chroma}, "looked_at": looked_at}


def from_record(words: Mapping[str, Any] | None) -> Series | None:
    """The series of a line; None where there is none, or none that can be understood."""
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
