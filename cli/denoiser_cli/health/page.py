"""Runs the checks of `denoise doctor` in child processes and formats the findings as a page or as JSON values.

A check that crashes or hangs is a finding. The page has no personal names, so that it fits into bug reports.
"""

from __future__ import annotations

import getpass
import json
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Self

from denoiser_cli.lines import one_line

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


Value = str | int | float | bool | None | list[str]


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the page. *name* and *value* are for programs, *words* for people."""

    name: str
    value: Value
    words: str = ""

    def __str__(self) -> str:
        if self.words:
            return self.words
        if isinstance(self.value, list):
            return ", ".join(self.value) or "none"
        return "unknown" if self.value is None else str(self.value)


@dataclass(frozen=True, slots=True)
class Remark:
    """A problem, its remedy, and whether it makes cleaning impossible."""

    text: str
    remedy: str = ""
    stops_cleaning: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Findings of one part."""

    facts: Sequence[Fact] = ()
    remarks: Sequence[Remark] = ()

    @property
    def stops_cleaning(self) -> bool:
        """Whether one of the remarks makes cleaning impossible."""
        return any(remark.stops_cleaning for remark in self.remarks)


def section_as_values(section: Section) -> dict[str, Any]:
    """Return plain values for JSON; `from_values` is the inverse."""
    return asdict(section)


def from_values(values: Mapping[str, Any]) -> Section:
    """Return the section of `section_as_values`."""
    return Section(
        tuple(Fact(**fact) for fact in values["facts"]), tuple(Remark(**remark) for remark in values["remarks"])
    )


Findings = Mapping[Part, Section]
_SHARED_NAMES = {"root", "user", "admin", "ubuntu", "runner", "build", "nobody"}  # not personal
_HOMES = re.compile(r"(?P<folder>/home|/Users|\\Users)(?P<slash>[/\\])[^/\\\s'\"]+")
_INDENT = 2


def can_clean(findings: Findings) -> bool:
    """Return whether cleaning works on this machine."""
    return not any(section.stops_cleaning for section in findings.values())


def as_text(findings: Findings) -> Iterator[str]:
    """Yield the lines of the page: summary, problems, then all facts by section."""
    remarks = [remark for section in findings.values() for remark in section.remarks]
    yield _verdict(remarks)
    for remark in sorted(remarks, key=lambda remark: not remark.stops_cleaning):
        yield f"- {nameless(remark.text)}{f' {nameless(remark.remedy)}' if remark.remedy else ''}"
    for part, section in findings.items():
        yield ""
        yield part.title
        width = max((len(fact.name) for fact in section.facts), default=0) + _INDENT
        for fact in section.facts:
            yield f"{'':{_INDENT}}{_spaced(fact.name):{width}}{nameless(str(fact))}"


def as_values(findings: Findings) -> dict[str, Any]:
    """Return the page as JSON values."""
    remarks = [remark for section in findings.values() for remark in section.remarks]
    return {
        "event": "examined",
        "can_clean": can_clean(findings),
        "remarks": [_remark_values(remark) for remark in remarks],
        "sections": {
            part.name: {fact.name: _nameless_value(fact.value) for fact in section.facts}
            for part, section in findings.items()
        },
    }


def nameless(text: str) -> str:
    """Return *text* on one line, without home folders and user names."""
    for home in {str(Path.home()), str(Path.home().resolve())} - {"/"}:
        text = re.sub(rf"{re.escape(home)}(?![\w-]|\.\w)", lambda _: "~", text)
    text = _HOMES.sub(r"\g<folder>\g<slash>NAME", text)
    user = _user()
    if user and user not in _SHARED_NAMES:
        text = re.sub(rf"(?<=[/\\-]){re.escape(user)}(?![\w-])", "NAME", text)
    return one_line(text)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user ID without a name, as in containers
        return ""


def _verdict(remarks: list[Remark]) -> str:
    if any(remark.stops_cleaning for remark in remarks):
        return "denoise doctor: cleaning does not work on this machine."
    count = "no problems found" if not remarks else f"{len(remarks)} note{'s'[: len(remarks) > 1]}"
    return f"denoise doctor: cleaning works; {count}."


def _spaced(name: str) -> str:
    return name.removesuffix("_gb").replace("_", " ")


def _remark_values(remark: Remark) -> dict[str, Any]:
    words = {"text": nameless(remark.text), "remedy": nameless(remark.remedy)}
    return words | {"stops_cleaning": remark.stops_cleaning}


def _nameless_value(value: Any) -> Any:
    if isinstance(value, list):
        return [nameless(one) for one in value]
    return nameless(value) if isinstance(value, str) else value
