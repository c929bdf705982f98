"""Cleans, encodes or decodes the files of a run, as a worker of a pool: the same steps as on one machine."""

from __future__ import annotations

import dataclasses
import os
import platform
import sys
import threading
import time
import traceback
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from denoiser.batch import staging, steps
from denoiser.batch.layout import Job
from denoiser.batch.manifest import Made, SourceFile
from denoiser.batch.plan import AnyWork, work_of
from denoiser.batch.settings import ModelChoice, Settings
from denoiser.batch.steps import Failed
from denoiser.batch.trial import find_crashes
from denoiser.batch.work import Worker
from denoiser.errors import DenoiserError
from denoiser.events import CancelToken, ignore
from denoiser.version import __version__

if TYPE_CHECKING:
    from denoiser.estimation.series import Series

_Result = TypeVar("_Result")

_GB = 1e9
_SHARE_OF_FREE = 0.5  # of the memory, for all workers of a node together


@dataclass(frozen=True, slots=True)
class Setup:
    """What a worker needs to start."""

    settings: Settings
    choice: ModelChoice | None
    cpus: int
    gpu: bool


@dataclass(frozen=True, slots=True)
class Description:
    """What a worker is. All workers of a run have the same, so that their outputs do not differ."""

    version: str
    node: str = dataclasses.field(compare=False)
    digest: str
    kept: dict[str, Any]  # device, precision and tile
    facts: dict[str, Any]  # for the first record of the run

    def __str__(self) -> str:
        return f"{self.node} has version {self.version}, {', '.join(f'{n} {v}' for n, v in self.kept.items())}"


@dataclass(frozen=True, slots=True)
class FileTask:
    """One file of a run."""

    job: Job
    series: Series | None = None


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of a file: *error* and *crash* are for files that failed."""

    source: SourceFile | None = None
    made: Made | None = None
    megapixels: float = 0.0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    error: DenoiserError | None = None
    crash: str = ""


class FileWorker:
    """Processes files in a process of its own. Several calls may run at once; each step has one at a time."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._settings = setup.settings
        self._work: AnyWork = work_of(setup.settings)
        self._worker: Worker | None = None
        self._copies = ExitStack()
        self._copies.enter_context(staging.session())
        self._reading, self._making, self._writing = threading.Lock(), threading.Lock(), threading.Lock()

    def describe(self) -> Description | Failed:
        """Load the weights, and return what this worker is; or why it cannot work."""
        no_file = Job(Path("the worker"), Path(), 0.0)
        return portable(steps.attempt(no_file, self._open))

    def process(self, task: FileTask, attempt: int) -> FileResult:
        """Process one file. Files that may have ended a worker are tried in a child process first."""
        job, began = task.job, time.perf_counter()
        if attempt or job.suspect:
            crashes = find_crashes([job], CancelToken(), self._work)
            if crashes:
                return FileResult(crash=crashes[job])
        result = portable(steps.attempt(job, lambda: self._processed(task)))
        if isinstance(result, Failed):
            return FileResult(error=result.error)
        return dataclasses.replace(result, seconds=time.perf_counter() - began)

    def close(self) -> None:
        """Remove the local copies of objects."""
        self._copies.close()

    def _open(self) -> Description:
        if not self._setup.gpu:
            limit_threads(self._setup.cpus)
        self._settings = with_share_of_memory(self._setup)
        worker = self._work.open(self._setup.choice, self._settings)
        self._worker = worker
        facts = {name: getattr(worker, name, None) for name in ("device", "precision", "tile")}
        kept = {name: value for name, value in facts.items() if value is not None}
        names = {"version": __version__, "model": worker.model_name}
        return Description(__version__, platform.node(), worker.model_digest, kept, names | kept)

    def _processed(self, task: FileTask) -> FileResult:
        assert self._worker is not None  # describe is called first
        work, job, records = self._work, task.job, _LastRecord()
        with self._reading:
            loaded = steps.read(job, work, self._settings, records)
        with self._making:
            outcome = steps.make(
                job,
                loaded.content,
                work,
                self._settings,
                self._worker,
                series=task.series,
                listener=ignore,
                cancel=CancelToken(),
            )
        megapixels, source = loaded.content.megapixels, loaded.source
        del loaded
        with self._writing:
            written = steps.write(job, outcome, source, work, self._settings, records)
        facts = dict(written.facts)
        return FileResult(source, records.made, megapixels, notes=written.notes, facts=facts)


class _LastRecord:
    """Keeps what would be recorded of one file; the driver of the run records it."""

    made: Made | None = None

    def begun(self, target: Path, source: SourceFile) -> None:
        """The driver has recorded it."""

    def done(self, _target: Path, _source: SourceFile, made: Made) -> None:
        """Keep it."""
        self.made = made


def portable(result: _Result | Failed) -> _Result | Failed:
    """Return the result; of an error, the traceback becomes a note, since pickling drops it."""
    if isinstance(result, Failed):
        error = result.error
        error.add_note("".join(traceback.format_exception(error)).rstrip())
        error.__cause__ = error.__context__ = error.__traceback__ = None
    return result


def limit_threads(cpus: int) -> None:
    """Use so many threads for inference, so that the workers of a node do not compete for its cores."""
    os.environ["OMP_NUM_THREADS"] = str(cpus)  # for libraries that are imported later
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(cpus)


def with_share_of_memory(setup: Setup) -> Settings:
    """Return the settings with a limit of memory, if none is given: the workers of a node share what is free."""
    options = setup.settings.denoise
    if setup.gpu or options.memory is not None or setup.settings.of_network is not options:
        return setup.settings
    from denoiser.engine.memory import free_bytes

    workers = max(1, (os.cpu_count() or 1) // setup.cpus)
    share = max(0.1, round(_SHARE_OF_FREE * free_bytes("cpu") / workers / _GB, 1))
    return dataclasses.replace(setup.settings, denoise=dataclasses.replace(options, memory=share))
