"""A measurement and its result: the sample sets, the methods compared, and their scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from denoiser.engine import Session
from denoiser.errors import UsageError
from denoiser.evaluation.denoising import Score, score
from denoiser.evaluation.methods import Contender, as_set, baseline, given_level
from denoiser.evaluation.samples import SampleSet, pair_set, untouched_set, white_set
from denoiser.events import CancelToken

KINDS = ("white", "pairs", "untouched")
PAPER_LEVELS = (15.0, 25.0, 50.0)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to measure on a folder; raises UsageError for contradictory options."""

    kind: str = "white"
    levels: tuple[float, ...] = PAPER_LEVELS  # of white noise, in 8-bit units
    grey: bool = False
    noise_level: float | None = None  # that the session was opened with; None is automatic
    automatic: bool = False  # for white noise, also measure the network with its own estimate
    baselines: tuple[str, ...] = ()
    limit: int | None = None  # pictures of the folder

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(f"kind is one of {', '.join(KINDS)}, not {self.kind!r}.")
        if self.kind != "white" and (self.grey or self.automatic):
            raise UsageError("--grey and --automatic belong to white noise; all else is cleaned as it comes.")
        if self.automatic and self.noise_level is not None:
            raise UsageError("--automatic and --noise-level contradict each other.")
        if self.kind == "untouched" and self.baselines:
            raise UsageError("A baseline needs noise to be measured on; --kind untouched has none.")


@dataclass(frozen=True, slots=True)
class Measured:
    """A sample set, the methods, and their scores."""

    samples: SampleSet
    contenders: tuple[Contender, ...]
    scores: tuple[Score, ...]


def measure(
    session: Session, folder: Path, wanted: Wanted, *, progress: Callable[[str], None], cancel: CancelToken
) -> list[Measured]:
    """Measure *wanted* on the images below *folder*; *progress* receives a progress line for each."""
    entered = [(samples, _contenders(session, samples, wanted, cancel)) for samples in _sets(folder, wanted)]
    return [
        Measured(samples, contenders, tuple(score(samples, contenders, progress=progress, cancel=cancel)))
        for samples, contenders in entered
    ]


def _sets(folder: Path, wanted: Wanted) -> list[SampleSet]:
    if wanted.kind == "pairs":
        return [pair_set(folder, limit=wanted.limit)]
    if wanted.kind == "untouched":
        return [untouched_set(folder, limit=wanted.limit)]
    return [white_set(folder, level, grey=wanted.grey, limit=wanted.limit) for level in wanted.levels]


def _contenders(session: Session, samples: SampleSet, wanted: Wanted, cancel: CancelToken) -> tuple[Contender, ...]:
    ours = [as_set(session, cancel, noise_level=wanted.noise_level)]
    if wanted.kind == "white" and wanted.noise_level is None:
        ours = [given_level(session, cancel), *(ours if wanted.automatic else ())]
    return (*ours, *(baseline(name, samples.level) for name in wanted.baselines))
