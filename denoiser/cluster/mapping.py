"""Applies a function to many files on a Ray cluster: noise estimates, and rows of embedded images."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from denoiser import imageio
from denoiser.batch import steps
from denoiser.batch.layout import Job
from denoiser.batch.steps import Failed
from denoiser.batch.trial import find_crashes
from denoiser.cluster.connection import Need, absolute, connected, refuse_no_room
from denoiser.cluster.file_worker import limit_threads, portable
from denoiser.cluster.pool import MOST_ATTEMPTS, LostTask, OnLost, Pool
from denoiser.errors import BrokenInstall, DenoiserError, UnreadableImage
from denoiser.events import CancelToken, Listener, WorkerLost, ignore
from denoiser.options import ClusterOptions
from denoiser.storage import as_file
from denoiser.version import __version__

if TYPE_CHECKING:
    from denoiser.estimation.estimate import NoiseEstimate

Function = Callable[[Path], Any]


def noise_estimates(
    paths: Sequence[Path], cluster: ClusterOptions, cancel: CancelToken, listener: Listener = ignore
) -> Iterator[tuple[Path, NoiseEstimate | DenoiserError]]:
    """Yield each image with its noise estimate or its error, in the order in which they end.

    The level maps are left out. The listener receives WorkerLost.
    """
    return _mapped(_estimator, paths, cluster, cancel, listener)


def embedded_rows(
    model: str, cluster: ClusterOptions, cancel: CancelToken, listener: Listener, paths: Sequence[Path]
) -> Iterator[tuple[Path, dict[str, Any] | DenoiserError]]:
    """Yield each image with its row for `denoiser.workbench.embed`, or its error, as they end."""
    return _mapped(functools.partial(_embedder, model), paths, cluster, cancel, listener)


def _estimator() -> Function:
    from denoiser.estimation.estimator import estimate_noise

    def estimate(path: Path) -> NoiseEstimate:
        with as_file(path) as file:
            image = imageio.read(file)
        return dataclasses.replace(estimate_noise(image), level_map=np.zeros((1, 1), np.float32))

    return estimate


def _embedder(model: str) -> Function:
    from denoiser.workbench.embedding import RowMaker  # torch takes seconds

    return RowMaker(model).row


def _mapped(
    make: Callable[[], Function],
    paths: Sequence[Path],
    cluster: ClusterOptions,
    cancel: CancelToken,
    listener: Listener,
) -> Iterator[tuple[Path, Any]]:
    """Yield each path with the result of the function that *make* returns on a worker, or with its error."""
    names = {absolute(path): path for path in paths}
    need = Need(cluster.worker_cpus or 1)

    def on_lost(cause: str, tasks: list[Path]) -> None:
        listener(WorkerLost(cause, tuple(names[task] for task in tasks)))

    with connected(cluster) as ray:
        refuse_no_room(ray, cluster, need)
        pool: Pool[Path] = Pool(
            ray, FunctionWorker, lambda _: FunctionSetup(make, need.cpus), need, cluster.workers
        )
        try:
            version = pool.opened(lambda: cancel.cancelled)
            if isinstance(version, Failed):
                raise version.error
            if version not in (None, __version__):
                raise BrokenInstall(f"A worker has version {version} of denoise, this machine {__version__}.")
            yield from _named(pool, names, cancel, on_lost)
        finally:
            pool.close()


def _named(
    pool: Pool[Path], names: dict[Path, Path], cancel: CancelToken, on_lost: OnLost
) -> Iterator[tuple[Path, Any]]:
    for task, result in pool.results(iter(names), lambda: cancel.cancelled, on_lost):
        name = names[task]
        if isinstance(result, LostTask):
            words = f"{name}: each of {MOST_ATTEMPTS} workers ended while it read this file ({result.cause})."
            result = UnreadableImage(words)
        elif isinstance(result, Failed):
            result = result.error
        yield name, result


@dataclass(frozen=True, slots=True)
class FunctionSetup:
    """What a worker needs to start: *make* returns the function, and is called on the worker."""

    make: Callable[[], Function]
    cpus: int


class FunctionWorker:
    """Applies a function to files, as a worker of a pool."""

    def __init__(self, setup: FunctionSetup) -> None:
        self._setup = setup
        self._function: Function | None = None

    def describe(self) -> str | Failed:
        """Prepare the function, and return the version of denoise; or why it cannot work."""
        return portable(steps.attempt(Job(Path("the worker"), Path(), 0.0), self._prepare))

    def process(self, path: Path, attempt: int) -> Any:
        """Return the result for a file, or a Failed. A file that may have ended a worker is tried alone first."""
        job = Job(path, Path("any.png"), 0.0)
        crash = next(iter(find_crashes([job], CancelToken()).values()), "") if attempt else ""
        if crash:
            return Failed(UnreadableImage(f"{path}: crashed a worker and a repeated trial ({crash})."))
        assert self._function is not None  # describe is called first
        return portable(steps.attempt(job, functools.partial(self._function, path)))

    def close(self) -> None:
        """Nothing is left to remove."""

    def _prepare(self) -> str:
        limit_threads(self._setup.cpus)
        self._function = self._setup.make()
        return __version__
