"""Tries files that were begun when a run died, in a process of their own: a decoder that crashes has a name then.

Most of them are innocent, since a run may be killed for any reason; so nothing is held against a file but that it
ends a second process, too. As a program (`python -m denoiser.batch.trial`) it is that process: it takes the kind of
work, source and target per line from its standard input, decodes and encodes in memory, and answers with a line.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from denoiser.batch.layout import Job
from denoiser.batch.plan import named, work_of
from denoiser.batch.settings import Settings
from denoiser.errors import DenoiserError
from denoiser.events import CancelToken

SECONDS_OF_ONE = 300.0  # a picture of 500 megapixels needs a minute; what takes longer hangs
_POLL_SECONDS = 0.1  # a cancel is heard within this


def find_crashes(
    jobs: Sequence[Job],
    cancel: CancelToken,
    settings: Settings = Settings(),
    *,
    patience: float = SECONDS_OF_ONE,
) -> dict[Job, str]:
    """The jobs whose files end the process that reads them, with the cause. Raises Cancelled; leaves no process."""
    crashes: dict[Job, str] = {}
    rest = list(jobs)
    while rest:
        passed, cause = _try_together(rest, cancel, work_of(settings).words.verb, patience)
        if cause is not None and passed < len(rest):
            crashes[rest[passed]] = cause
        rest = rest[passed + 1 :]
    return crashes


def _try_together(jobs: Sequence[Job], cancel: CancelToken, verb: str, patience: float) -> tuple[int, str | None]:
    """How many of *jobs* passed before the process ended, and what ended it; no cause if it ended by itself."""
    command = [sys.executable, "-P", "-m", "denoiser.batch.trial"]  # -P: no module of the current folder
    lines = [json.dumps([verb, str(job.source.absolute()), job.target.name]) for job in jobs]
    child = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C goes to the whole terminal, and is no fault of a file
    )
    assert child.stdin is not None and child.stdout is not None
    passed = 0
    try:
        with suppress(BrokenPipeError):
            child.stdin.write("".join(f"{line}\n" for line in lines).encode())
            child.stdin.close()
        while (answer := _answer(child, cancel, patience)) is not None:
            if not answer:
                return passed, _cause(child.wait())
            passed += answer.count(b"\n")
        return passed, f"no response within {patience:.0f} seconds"
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
        with suppress(BrokenPipeError):
            child.stdin.close()


def _answer(child: subprocess.Popen[bytes], cancel: CancelToken, patience: float) -> bytes | None:
    """What the child says next, nothing when it has ended, None when it says nothing for too long."""
    assert child.stdout is not None
    until = time.monotonic() + patience
    while time.monotonic() < until:
        cancel.raise_if_cancelled()
        if select.select([child.stdout], [], [], _POLL_SECONDS)[0]:
            return os.read(child.stdout.fileno(), 1 << 16)
    return None


def _cause(code: int) -> str | None:
    if code >= 0:
        return None  # an exception of Python ends a file, and not a run
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


def main() -> None:
    """Reads and encodes what stands on standard input, one answer each."""
    for line in sys.stdin:
        verb, source, target = json.loads(line)
        with suppress(DenoiserError, MemoryError):
            named(verb).try_alone(Path(source), Path(target))
        os.write(1, b"passed\n")


if __name__ == "__main__":
    main()
