"""Images in, files out: names of the outputs, and a loop that makes one after another and reports it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from denoiser import imageio
from denoiser.atomicfile import remove_leftovers
from denoiser.batch import layout
from denoiser.batch.discover import FoundFile, discover, looks_like_image
from denoiser.batch.layout import Job, SourceInfo
from denoiser.batch.report import Report
from denoiser.batch.settings import Settings
from denoiser.errors import Cancelled, DenoiserError, ForeignOutput, NothingToDo, OutputFull, UnreadableImage
from denoiser.events import CancelToken, FileDone, FileFailed, FileSkipped, FileStarted, Listener, Started
from denoiser.imageio import formats
from denoiser.options import WriteOptions


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """The outputs to make, what is known to fail, and what was skipped."""

    jobs: tuple[Job, ...]
    failed: tuple[FileFailed, ...] = ()
    skipped: tuple[FileSkipped, ...] = ()

    @property
    def megapixels(self) -> float:
        return sum(job.megapixels for job in self.jobs)


def plan_outputs(
    sources: Sequence[Path], out: Path, settings: Settings, *, folder_only: bool = False
) -> OutputPlan:
    """The outputs for the images in *sources*, in their tree below *out*, in the formats that *settings* ask for.

    *out* is a file if it is named like an image and there is a single source file, unless *folder_only*. Raises
    NothingToDo, UnsafeOutput, UsageError, or ForeignOutput for an output that exists, unless it may be replaced.
    """
    write, batch = settings.write, settings.batch
    single = not folder_only and _names_a_file(out, sources)
    found = discover(
        sources, is_image_name=looks_like_image, recursive=batch.recursive, leave_out=None if single else out
    )
    if not single:
        layout.refuse_no_folder(out)
        layout.refuse_input_folder(out, found.folders)
    errors = [one for one in found.skipped if one.is_error]
    if not found.finds and not errors:
        raise NothingToDo(f"{sources[0]}: no image found.", hint="Name image files or a folder of images.")
    blocked: list[layout.Blocked] = []
    if single:
        jobs = [layout.into_file(_info(found.finds[0], write), out, write)]
    else:
        jobs = layout.into_folder([_info(find, write) for find in found.finds], out)
        case_matters = layout.is_case_sensitive(out)
        jobs, blocked = layout.sort_out_collisions(jobs, case_matters=case_matters, verb="write")
    jobs, more = layout.sort_out_blocked(jobs, {find.identity for find in found.finds})
    present = [job.target for job in jobs if job.target.exists()]
    if present and not batch.overwrite:
        others = f", and {len(present) - 1} others" if len(present) > 1 else ""
        raise ForeignOutput(f"{present[0]}: already exists{others}.")
    failed = [FileFailed(one.path, UnreadableImage(f"{one.path}: {one.reason}.")) for one in errors]
    failed += [FileFailed(job.source, error) for job, error in (*blocked, *more)]
    skipped = tuple(FileSkipped(one.path, one.reason) for one in found.skipped if not one.is_error)
    return OutputPlan(tuple(jobs), tuple(failed), skipped)


def announce(plan: OutputPlan, listener: Listener, *, passes: int = 1) -> None:
    """Report what a run will do that goes through the images *passes* times, what is skipped, and what fails."""
    listener(Started(len(plan.jobs) + len(plan.failed), passes * plan.megapixels))
    for skipped in plan.skipped:
        listener(skipped)
    for failed in plan.failed:
        listener(failed)


def make_outputs(
    plan: OutputPlan, make: Callable[[Job], Sequence[str]], *, listener: Listener, cancel: CancelToken
) -> Report:
    """Call *make* for each job; it writes the output and returns notes. A file that fails is reported.

    A cancel or a full disk ends the loop.
    """
    began = time.perf_counter()
    failures, done = list(plan.failed), list[FileDone]()
    stopped: DenoiserError | None = None
    for folder in {job.target.parent for job in plan.jobs}:
        remove_leftovers(folder)
    for job in plan.jobs:
        if cancel.cancelled or stopped is not None:
            break
        listener(FileStarted(job.source, job.megapixels))
        started = time.perf_counter()
        try:
            notes = tuple(make(job))
        except Cancelled:
            break
        except DenoiserError as error:
            stopped = error if isinstance(error, OutputFull) else None
            failures.append(FileFailed(job.source, error))
            listener(failures[-1])
        else:
            seconds = time.perf_counter() - started
            done.append(FileDone(job.source, job.target, job.megapixels, seconds, notes))
            listener(done[-1])
    return Report(
        done=len(done),
        cleaned=len(done),
        skipped=len(plan.skipped),
        left=len(plan.jobs) + len(plan.failed) - len(done) - len(failures),
        failures=tuple(failures),
        megapixels=sum(one.megapixels for one in done),
        seconds=time.perf_counter() - began,
        cancelled=cancel.cancelled,
        stopped_by=stopped,
    )


def _names_a_file(out: Path, sources: Sequence[Path]) -> bool:
    single = len(sources) == 1 and sources[0].is_file()
    return single and not out.is_dir() and formats.is_image_name(out)


def _info(find: FoundFile, write: WriteOptions) -> SourceInfo:
    """Size and output format of a file from its header; a corrupt one is reported when it is read."""
    try:
        header = imageio.probe(find.path)
    except DenoiserError:
        guess = formats.by_suffix(find.path).key if formats.is_image_name(find.path) else "png"
        return SourceInfo(find.path, find.below, formats.output_format(guess, write))
    row = formats.output_format(header, write)
    return SourceInfo(find.path, find.below, row, header.width * header.height / 1e6)
