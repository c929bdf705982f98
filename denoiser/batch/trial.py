"""Tries files that an interrupted run had begun, in a child process: files that crash are found there.

Most of them are harmless, since a run may be killed for any reason; a file counts as dangerous only if it ends a
second process, too. `python -m denoiser.batch.trial` is that process: it decodes and encodes in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from denoiser.batch import staging
from denoiser.batch.cleaning import CLEANING
from denoiser.batch.layout import Job
from denoiser.batch.plan import AnyWork, work_named
from denoiser.childprocess import Child, ChildEnded, serve
from denoiser.errors import DenoiserError
from denoiser.events import CancelToken

SECONDS_OF_ONE = 300.0  # an image of 500 megapixels needs a minute; a decoder that takes longer hangs


def find_crashes(
    jobs: Sequence[Job], cancel: CancelToken, work: AnyWork = CLEANING, *, patience: float = SECONDS_OF_ONE
) -> dict[Job, str]:
    """Return the jobs whose files end the process that reads them, with the cause. Raises Cancelled."""
    crashes: dict[Job, str] = {}
    with Child("denoiser.batch.trial", patience) as child:
        for job in jobs:
            try:
                path = staging.fetch(job, None, cancel.wait)
            except DenoiserError:
                continue  # reported when the run reads it
            request = [work.words.verb, str(path.absolute()), job.target.name]
            try:
                child.ask(request, cancel.raise_if_cancelled)
            except ChildEnded as end:
                if end.signal or end.hangs:  # a Python exception in the child would only fail the file
                    crashes[job] = end.signal or end.cause
    return crashes


def _try(request: list[str]) -> str:
    verb, source, target = request
    with suppress(DenoiserError, MemoryError):
        work_named(verb).try_alone(Path(source), Path(target))
    return "passed"


if __name__ == "__main__":
    serve(_try)
