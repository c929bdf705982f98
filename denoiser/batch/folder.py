"""A whole folder in one call."""

from __future__ import annotations

from collections.abc import Sequence

from denoiser.batch.plan import PathLike, make_plan
from denoiser.batch.report import Report
from denoiser.batch.runner import Cleaner, run_plan
from denoiser.events import CancelToken, Listener, ignore
from denoiser.options import DenoiseOptions, ReadOptions, WriteOptions


def denoise_folder(  # noqa: PLR0913 - the library's call: all but three are keywords with good defaults
    source: PathLike | Sequence[PathLike],
    out: PathLike,
    options: DenoiseOptions = DenoiseOptions(),
    *,
    read: ReadOptions = ReadOptions(),
    write: WriteOptions = WriteOptions(),
    recursive: bool = True,
    overwrite: bool = False,
    listener: Listener = ignore,
    cancel: CancelToken | None = None,
) -> Report:
    """Cleans every picture below *source* (or several files and folders) into the same tree below *out*.

    Raises before a pixel is read when the call makes no sense or would do harm; a file that fails later is in the
    report, and the others are clean. Outputs that are there already stay, unless *overwrite*. The listener is
    called in the calling thread; *cancel* may be used from any.
    """
    plan = make_plan(source, out, write=write, recursive=recursive, overwrite=overwrite, cancel=cancel)

    def open_cleaner() -> Cleaner:
        from denoiser.engine import open_session  # torch takes seconds, and a run that finds all done needs none

        return open_session(options)

    return run_plan(plan, open_cleaner, read=read, write=write, listener=listener, cancel=cancel)
