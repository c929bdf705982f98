"""Carries out the plan of a run over many files on a Ray cluster.

    driver                                      workers, on any node
    begun -> record   ->  a job              ->  read, process, write; the file appears whole
    record, report    <-  a row of its facts <-  or the error that the file failed with

Pixels never pass through Ray: workers read and write files themselves, so they need the same folders or stores.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from denoiser.atomicfile import remove_leftovers
from denoiser.batch import steps
from denoiser.batch.layout import Job
from denoiser.batch.plan import Plan
from denoiser.batch.report import Report, reporting
from denoiser.batch.runner import threads
from denoiser.batch.series import SeriesFitting, found_event
from denoiser.batch.settings import ModelChoice, Settings
from denoiser.batch.steps import Failed
from denoiser.batch.tally import Tally
from denoiser.cluster.connection import Need, absolute, connected, has_gpus, refuse_no_room
from denoiser.cluster.file_worker import Description, FileResult, FileTask, FileWorker, Setup
from denoiser.cluster.pool import MOST_ATTEMPTS, LostTask, Pool
from denoiser.errors import BrokenInstall, DenoiserError, MissingDevice, UsageError
from denoiser.events import CancelToken, FileStarted, Listener, WorkerLost, ignore
from denoiser.options import ClusterOptions
from denoiser.storage import Url
from denoiser.version import __version__

if TYPE_CHECKING:
    from denoiser.estimation.series import Series

_CPUS_OF_GPU_WORKER = 4  # for decoding and encoding beside the GPU
_DEVICES = ("auto", "cpu", "cuda")
_LOCAL = ClusterOptions(cluster="local")


def carry_out(
    plan: Plan,
    settings: Settings = Settings(),
    cluster: ClusterOptions = _LOCAL,
    *,
    listener: Listener = ignore,
    cancel: CancelToken | None = None,
) -> Report:
    """Carry out *plan* on a Ray cluster, and write the file of --report.

    Keeps the promises of `denoiser.batch.carry_out`: outputs appear whole, each is recorded, a file that fails is
    reported and the others are processed. A cancel finishes the files that workers have. A worker that ends is
    replaced, and its files are processed again. Raises MissingCluster if no cluster can be reached.
    """
    run = _ClusterRun(plan, settings, cancel or CancelToken())
    with reporting(plan, settings.batch.report, listener) as handle:
        run.tally.listener = handle
        run.tally.announce()
        if plan.jobs and not run.is_over():
            with connected(cluster) as ray:
                run.carry_out(ray, cluster)
        return run.tally.report(cancelled=run.cancel.cancelled and run.tally.left > 0)


@dataclass(slots=True)
class _ClusterRun:
    plan: Plan
    settings: Settings
    cancel: CancelToken
    tally: Tally = field(init=False)
    series: dict[str, Series | None] = field(default_factory=dict)
    jobs: dict[Job, Job] = field(default_factory=dict)  # those of workers, and as they were planned

    def __post_init__(self) -> None:
        self.tally = Tally(self.plan, self.settings, ignore)

    def is_over(self) -> bool:
        return self.cancel.cancelled or self.tally.stopped_by is not None

    def carry_out(self, ray: Any, options: ClusterOptions) -> None:
        _remove_leftovers(self.plan.jobs)
        need = need_of(ray, options, self.settings, self.plan.choice)
        refuse_no_room(ray, options, need)
        pool: Pool[FileTask] = Pool(ray, FileWorker, self._setup(need), need, options.workers)
        try:
            description = pool.opened(self.is_over)
            if description is not None:
                self._check(description)
                self.tally.start_records(description.digest, description.facts)
                self._find_series()
                for task, result in pool.results(self._tasks(), self.is_over, self._on_lost):
                    self._take(self.jobs.pop(task.job), result)
        finally:
            pool.close()
            self.tally.end_records()

    def _setup(self, need: Need) -> Any:
        def setup(first: Description | None) -> Setup:
            choice = self.plan.choice
            if choice is not None:
                kept = first.kept if first is not None else choice.kept
                device = {"device": "cuda" if need.gpus else "cpu"}
                choice = ModelChoice(_everywhere(choice.model), choice.digest, device | kept)
            return Setup(self.settings, choice, need.cpus, bool(need.gpus))

        return setup

    def _check(self, description: Description | Failed) -> None:
        """Raise what prevents the first worker from working, or BrokenInstall for another version."""
        if isinstance(description, Failed):
            raise description.error
        if description.version != __version__:
            raise BrokenInstall(
                f"{description.node} has version {description.version} of denoise, this machine {__version__}.",
                hint="Install the same version on all nodes.",
            )

    def _find_series(self) -> None:
        """Estimate the noise of each group on this machine, before the first image is cleaned."""
        manifest = self.tally.manifest
        if not self.plan.groups or manifest is None or self.is_over():
            return
        with ThreadPoolExecutor(threads(self.settings), thread_name_prefix="denoise-reader") as readers:
            fitting = SeriesFitting(self.settings, manifest, readers, self.cancel)
            for group in self.plan.groups:
                self.series[group.name] = fitting.fit(group)
                self.tally.listener(found_event(group, self.series[group.name]))

    def _tasks(self) -> Iterator[FileTask]:
        for job in self.plan.jobs:
            failed = steps.attempt(job, functools.partial(self._record_begin, job))
            if isinstance(failed, Failed):
                self.tally.fail(job, failed.error)
                continue
            self.tally.listener(FileStarted(job.source, job.megapixels))
            here = dataclasses.replace(job, source=absolute(job.source), target=absolute(job.target), record=None)
            self.jobs[here] = job
            yield FileTask(here, self.series.get(job.series))

    def _record_begin(self, job: Job) -> None:
        """Record the file as begun. For an object of a store this would cost a request; its worker looks anyway."""
        source = None if isinstance(job.source, Url) else steps.source_of(job)
        if self.tally.manifest is not None and source is not None:
            self.tally.manifest.begun(job.target, source)

    def _take(self, job: Job, result: FileResult | LostTask) -> None:
        """Record and count what became of a file."""
        if isinstance(result, LostTask):
            words = f"{job.source}: each of {MOST_ATTEMPTS} workers ended while it processed this file"
            hint = "If memory is short, give each worker more with fewer --workers, or set --memory."
            self.tally.fail(job, DenoiserError(f"{words} ({result.cause}).", hint=hint))
        elif result.crash:
            self.tally.crash(job, result.crash)
        elif result.error is not None:
            self.tally.fail(job, result.error)
        else:
            recorded = steps.attempt(job, functools.partial(self._record_end, job, result))
            if isinstance(recorded, Failed):
                self.tally.fail(job, recorded.error)
                return
            self.tally.finish(job, result.megapixels, result.seconds, result.notes, result.facts)

    def _record_end(self, job: Job, result: FileResult) -> None:
        if self.tally.manifest is not None and result.source is not None and result.made is not None:
            source = dataclasses.replace(result.source, path=job.source)
            self.tally.manifest.done(job.target, source, result.made)

    def _on_lost(self, cause: str, tasks: list[FileTask]) -> None:
        _remove_leftovers(task.job for task in tasks)
        self.tally.listener(WorkerLost(cause, tuple(self.jobs[task.job].source for task in tasks)))


def need_of(ray: Any, options: ClusterOptions, settings: Settings, choice: ModelChoice | None) -> Need:
    """Return what a worker needs: a GPU if the cluster has one, and no option or earlier run says otherwise."""
    wanted = settings.of_network.device
    if wanted not in _DEVICES:
        raise UsageError(f"--device {wanted} cannot be used on a cluster.", hint="Choose auto, cpu or cuda.")
    if choice is not None and wanted == "auto":
        wanted = choice.kept.get("device", wanted)
    on_gpu = wanted == "cuda" or (wanted == "auto" and has_gpus(ray))
    if on_gpu and not has_gpus(ray):
        raise MissingDevice("No node of the cluster has a GPU.")
    return Need(options.worker_cpus or (_CPUS_OF_GPU_WORKER if on_gpu else 1), int(on_gpu))


def _everywhere(model: str) -> str:
    """Return the absolute path of a weights file; names stay."""
    return str(Path(model).absolute()) if model.endswith(".safetensors") else model


def _remove_leftovers(jobs: Iterable[Job]) -> None:
    for folder in sorted({job.target.parent for job in jobs if not isinstance(job.target, Url)}):
        remove_leftovers(folder)
