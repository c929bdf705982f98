"""A child process for work that may crash or hang: one JSON value per line in, one per line out.

`Child` is the parent's side. A module that is run as the child passes its function to `serve`.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any, Self

_POLL_SECONDS = 0.1  # between two calls of *check*


@dataclass(slots=True)
class ChildEnded(Exception):
    """The child did not answer. *signal* is the name of the signal that killed it, if any."""

    cause: str
    signal: str = ""
    last_line: str = ""  # of its standard error
    hangs: bool = False


@dataclass(slots=True)
class Child:
    """A process that runs `python -m module`. Started by the first request, and again when it ended."""

    module: str
    seconds: float  # for one request
    _process: subprocess.Popen[str] | None = None
    _reader: threading.Thread | None = None
    _answers: queue.Queue[str] = field(default_factory=queue.Queue)
    _errors: IO[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def ask(self, request: Any, check: Callable[[], None] = lambda: None) -> Any:
        """Return the answer; raise ChildEnded if there is none. *check* is called while waiting, and may raise."""
        process = self._started()
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
        until = time.monotonic() + self.seconds
        while True:
            check()
            try:
                answer = self._answers.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                if time.monotonic() < until:
                    continue
                self._end()
                raise ChildEnded(f"no response within {self.seconds:g} s", hangs=True) from None
            if not answer:
                raise self._ended(process.wait())
            return json.loads(answer)

    def _started(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end()
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - see _end
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", self.module],  # -P: ignore modules of the current folder, such as torch.py
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C in the terminal is for the parent
        )
        self._answers = queue.Queue()
        self._reader = threading.Thread(target=_listen, args=(self._process.stdout, self._answers), daemon=True)
        self._reader.start()
        return self._process

    def _ended(self, code: int) -> ChildEnded:
        assert self._errors is not None
        self._errors.seek(0)
        lines = [line.strip() for line in self._errors if line.strip()]
        last = lines[-1] if lines else ""
        if code >= 0:
            return ChildEnded(f"the child process exited with code {code}", last_line=last)
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return ChildEnded(f"the child process was killed by {name}", name, last)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            assert self._reader is not None
            self._reader.join(1)  # longer only if the child has left a process that holds its standard output
            with suppress(BrokenPipeError), process:
                """Wait, and close the pipes."""
        if self._errors is not None:
            self._errors.close()
            self._errors = None


def _listen(lines: IO[str], answers: queue.Queue[str]) -> None:
    """Queue each line, and an empty one at the end."""
    with suppress(OSError, ValueError):  # closed while it was read
        for line in lines:
            answers.put(line)
    answers.put("")


def serve(answer: Callable[[Any], Any]) -> None:
    """Answer each request on standard input. What libraries print to standard output goes to standard error."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        for line in sys.stdin:
            print(json.dumps(answer(json.loads(line))), file=answers, flush=True)
