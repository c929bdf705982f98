"""Examines each part in a child process, which is replaced if it crashes or hangs."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any, Self

from denoiser_cli.health.finding import Fact, Remark, Section, from_values

_SECONDS = 120.0  # for one part, on a busy machine; torch alone may take twenty to load
_REPORT = "Please report this problem and include this page."


@dataclass(frozen=True, slots=True)
class Part:
    """What `examine_` and *name* check in this package, its heading, and the parts it depends on."""

    name: str
    title: str
    needs: tuple[str, ...] = ()
    vital: bool = False  # cleaning is impossible if this part fails


PARTS = (
    Part("versions", "Versions"),
    Part("machine", "Hardware"),
    Part("packages", "Packages", vital=True),
    Part("weights", "Weights", vital=True),
    Part("network", "Inference", needs=("packages", "weights"), vital=True),
    Part("formats", "Formats", needs=("packages",), vital=True),
    Part("places", "Folders"),
)


def examine(
    out: str, parts: tuple[Part, ...] = PARTS, *, seconds: float = _SECONDS
) -> Iterator[tuple[Part, Section]]:
    """Yield each part with its findings; skip parts whose dependencies failed."""
    words = {"places": {"out": out}}
    stopped: dict[str, str] = {}
    with _Examiner(seconds) as examiner:
        for part in parts:
            unsound = next((stopped[name] for name in part.needs if name in stopped), None)
            if unsound is not None:
                section = Section((Fact("examined", False, f"not examined: see {unsound}"),))
            else:
                section = examiner.ask(part, words.get(part.name, {}))
            if section.stops_cleaning or unsound is not None:
                stopped[part.name] = unsound or part.title
            yield part, section


@dataclass(slots=True)
class _Examiner:
    """The child process. A context manager that ends it."""

    seconds: float
    _process: subprocess.Popen[str] | None = None
    _answers: queue.Queue[str] = field(default_factory=queue.Queue)
    _complaints: IO[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def ask(self, part: Part, words: dict[str, Any]) -> Section:
        """Return the findings of *part*; a crash or a timeout is a finding, too."""
        process = self._started()
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps({"part": part.name, "words": words}) + "\n")
            process.stdin.flush()
        try:
            answer = self._answers.get(timeout=self.seconds)
        except queue.Empty:
            self._end()
            return _fault(part, f"no response within {self.seconds:g} s")
        if answer:
            return from_values(json.loads(answer))
        how = _way_to_die(process.wait())
        return _fault(part, f"{how}{self._last_complaint()}")

    def _started(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end()
        self._complaints = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - see _end
        self._process = subprocess.Popen(
            # -P: ignore modules in the current folder, such as torch.py
            [sys.executable, "-P", "-m", "denoiser_cli.health.examiner"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
            encoding="utf-8",
        )
        assert self._process.stdout is not None
        self._answers = queue.Queue()
        threading.Thread(target=_listen, args=(self._process.stdout, self._answers), daemon=True).start()
        return self._process

    def _last_complaint(self) -> str:
        if self._complaints is None:
            return ""
        self._complaints.seek(0)
        lines = [line.strip() for line in self._complaints if line.strip()]
        return f" ({lines[-1]})" if lines else ""

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(OSError):
                process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()
        if self._complaints is not None:
            self._complaints.close()
            self._complaints = None


def _listen(lines: IO[str], answers: queue.Queue[str]) -> None:
    """Queue each line, and an empty one at the end."""
    with suppress(OSError, ValueError):
        for line in lines:
            answers.put(line)
    answers.put("")


def _fault(part: Part, what: str) -> Section:
    remark = Remark(f"{part.title}: {what}.", _REPORT, stops_cleaning=part.vital)
    return Section((Fact("examined", False, what),), (remark,))


def _way_to_die(code: int) -> str:
    if code >= 0:
        return f"the child process exited with code {code}"
    with suppress(ValueError):
        return f"the child process was killed by {signal.Signals(-code).name}"
    return f"the child process was killed by signal {-code}"
