"""A whole folder in one call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from denoiser.batch.filereport import reporting
from denoiser.batch.plan import PathLike, Plan, make_plan
from denoiser.batch.report import Report
from denoiser.batch.runner import Cleaner, run_plan
from denoiser.batch.settings import Choice, Settings
from denoiser.errors import MissingDevice
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
    """Cleans every picture below *source* (or several files and folders) into the same tree below *out*.

    Raises before a pixel is read when the call makes no sense or would do harm; a file that fails later is in the
    report, and the others are clean. What an earlier call has done stays; what nobody knows to be made here is
    never replaced unless *batch* says so. *listed* files keep the folders of their names. The listener is called in
    the calling thread; *cancel* may be used from any.
    """
    settings = Settings(options, read, write, batch)
    plan = plan_folder(source, out, settings, listed=listed, cancel=cancel)
    return carry_out(plan, settings, listener=listener, cancel=cancel)


def plan_folder(
    source: PathLike | Sequence[PathLike],
    out: PathLike,
    settings: Settings = Settings(),
    *,
    listed: Iterable[PathLike] = (),
    cancel: CancelToken | None = None,
) -> Plan:
    """What `denoise_folder` would do, as a value; writes nothing."""
    return make_plan(source, out, settings, listed=listed, choose_device=ask_device, cancel=cancel)


def carry_out(
    plan: Plan, settings: Settings = Settings(), *, listener: Listener = ignore, cancel: CancelToken | None = None
) -> Report:
    """Does what *plan* says, with the engine of this machine and the file of --report."""
    with reporting(plan, settings.batch.report, listener) as told:
        return run_plan(plan, lambda: open_cleaner(plan.choice, settings), settings, listener=told, cancel=cancel)


def ask_device(wish: str) -> str:
    """The device that a wish comes to on this machine."""
    from denoiser.engine.device import choose_device  # torch takes seconds, and is asked only where it matters

    return choose_device(wish)


def open_cleaner(choice: Choice | None, settings: Settings) -> Cleaner:
    """The engine of this machine with the weights of *choice*."""
    from denoiser.engine import open_session  # and a run that finds all done needs none of it

    if choice is None:
        return open_session(settings.denoise)
    try:
        return open_session(choice.applied(settings.denoise))
    except MissingDevice:
        if not choice.kept:
            raise
        # The machine of the earlier run had another device; the weights stay, so that the outputs look alike.
        return open_session(choice.without_place().applied(settings.denoise))
