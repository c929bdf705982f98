"""Cleaning a folder in one call, or in two steps: planning and carrying out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from denoiser.batch.cleaning import ask_device
from denoiser.batch.plan import PathLike, Plan, make_plan, refuse_surprises
from denoiser.batch.report import Report, reporting
from denoiser.batch.runner import run_plan
from denoiser.batch.settings import Settings
from denoiser.events import CancelToken, Listener, ignore
from denoiser.options import BatchOptions, DenoiseOptions, ReadOptions, WriteOptions


def denoise_folder(  # noqa: PLR0913 - the library's call: all but three are keywords with good defaults
    source: PathLike | Sequence[PathLike],
    out: PathLike,
    options: DenoiseOptions = DenoiseOptions(),
    *,
    read: ReadOptions = ReadOptions(),
    write: WriteOptions = WriteOptions(),
    batch: BatchOptions = BatchOptions(),
    listed: Iterable[PathLike] = (),
    listener: Listener = ignore,
    cancel: CancelToken | None = None,
) -> Report:
    """Clean every image below *source* (or several files and folders) into the same tree below *out*.

    Raises before reading pixels if the arguments are invalid or unsafe. Files that fail later are in the report;
    the others are cleaned. Finished files are skipped; files of unknown origin, and outputs that were made with
    other options, are replaced only if *batch* has overwrite. *listed* files keep the folders of their names. All
    may be URLs of stores, such as "s3://photos/in". The listener is called in the calling thread; *cancel* is
    thread-safe.
    """
    settings = Settings(options, read, write, batch)
    plan = plan_folder(source, out, settings, listed=listed, cancel=cancel)
    refuse_surprises(plan, settings)
    return carry_out(plan, settings, listener=listener, cancel=cancel)


def plan_folder(
    source: PathLike | Sequence[PathLike],
    out: PathLike,
    settings: Settings = Settings(),
    *,
    listed: Iterable[PathLike] = (),
    cancel: CancelToken | None = None,
) -> Plan:
    """Return what a run will do; writes nothing."""
    return make_plan(source, out, settings, listed=listed, choose_device=ask_device, cancel=cancel)


def carry_out(
    plan: Plan, settings: Settings = Settings(), *, listener: Listener = ignore, cancel: CancelToken | None = None
) -> Report:
    """Carry out *plan* on this machine, and write the file of --report."""
    with reporting(plan, settings.batch.report, listener) as handle:
        return run_plan(
            plan, lambda: plan.work.open(plan.choice, settings), settings, listener=handle, cancel=cancel
        )
