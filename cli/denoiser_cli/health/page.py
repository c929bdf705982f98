"""Runs the checks of `denoise doctor` in a child process and formats the findings as a page or as JSON values.

A check that crashes or hangs is a finding. The page has no personal names, so that it fits into bug reports.
"""

from __future__ import annotations

import getpass
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from denoiser.childprocess import Child, ChildEnded
from denoiser_cli.lines import one_line

_SECONDS = 120.0  # for one check on a busy machine; loading torch alone may take twenty
REPORT = "Please report this problem and include this page."


@dataclass(frozen=True, slots=True)
class Check:
    """A check: `examine_` and *name* is its function; *needs* are the checks that must succeed before."""

    name: str
    title: str
    needs: tuple[str, ...] = ()
    vital: bool = False  # cleaning is impossible if this check fails


CHECKS = (
    Check("versions", "Versions"),
    Check("machine", "Hardware"),
    Check("packages", "Packages", vital=True),
    Check("weights", "Weights", vital=True),
    Check("network", "Inference", needs=("packages", "weights"), vital=True),
    Check("formats", "Formats", needs=("packages",), vital=True),
    Check("places", "Folders"),
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the page. *name* and *value* are for programs, *words* for people."""

    name: str
    value: str | int | float | bool | list[str] | None
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


@dataclass(slots=True)
class Section:
    """Findings of one check."""

    facts: list[Fact] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    def fact(self, name: str, value: Any, words: str = "") -> None:
        """Add a line."""
        self.facts.append(Fact(name, value, words))

    def remark(self, text: str, remedy: str = "", *, stops_cleaning: bool = False) -> None:
        """Add a problem."""
        self.remarks.append(Remark(text, remedy, stops_cleaning))

    @property
    def stops_cleaning(self) -> bool:
        """Whether one of the problems makes cleaning impossible."""
        return any(remark.stops_cleaning for remark in self.remarks)


Findings = Mapping[Check, Section]


def examine(
    out: str, checks: tuple[Check, ...] = CHECKS, *, seconds: float = _SECONDS
) -> Iterator[tuple[Check, Section]]:
    """Yield each check with its findings; skip checks that need one that failed."""
    failed: dict[str, str] = {}
    with Child("denoiser_cli.health.examiner", seconds) as child:
        for check in checks:
            cause = next((failed[name] for name in check.needs if name in failed), "")
            if cause:
                section = Section([Fact("examined", False, f"not examined: see {cause}")])
            else:
                section = _ask(child, check, out)
            if section.stops_cleaning or cause:
                failed[check.name] = cause or check.title
            yield check, section


def _ask(child: Child, check: Check, out: str) -> Section:
    try:
        values = child.ask({"check": check.name, "words": {"out": out} if check.name == "places" else {}})
    except ChildEnded as end:
        what = f"{end.cause} ({end.last_line})" if end.last_line else end.cause
        remark = Remark(f"{check.title}: {what}.", REPORT, stops_cleaning=check.vital)
        return Section([Fact("examined", False, what)], [remark])
    return Section([Fact(**fact) for fact in values["facts"]], [Remark(**remark) for remark in values["remarks"]])


def can_clean(findings: Findings) -> bool:
    """Return whether cleaning works on this machine."""
    return not any(section.stops_cleaning for section in findings.values())


def as_text(findings: Findings) -> Iterator[str]:
    """Yield the lines of the page: summary, problems, then all facts by section."""
    remarks = [remark for section in findings.values() for remark in section.remarks]
    count = "no problems found" if not remarks else f"{len(remarks)} note{'s'[: len(remarks) > 1]}"
    result = f"works; {count}." if can_clean(findings) else "does not work on this machine."
    yield f"denoise doctor: cleaning {result}"
    for remark in sorted(remarks, key=lambda remark: not remark.stops_cleaning):
        yield nameless(f"- {remark.text} {remark.remedy}".rstrip())
    for check, section in findings.items():
        yield ""
        yield check.title
        width = max((len(fact.name) for fact in section.facts), default=0) + 2
        for fact in section.facts:
            name = fact.name.removesuffix("_gb").replace("_", " ")
            yield f"  {name:{width}}{nameless(str(fact))}"


def as_values(findings: Findings) -> dict[str, Any]:
    """Return the page as JSON values."""
    return {
        "event": "examined",
        "can_clean": can_clean(findings),
        "remarks": [
            {
                "text": nameless(remark.text),
                "remedy": nameless(remark.remedy),
                "stops_cleaning": remark.stops_cleaning,
            }
            for section in findings.values()
            for remark in section.remarks
        ],
        "sections": {
            check.name: {fact.name: _nameless_value(fact.value) for fact in section.facts}
            for check, section in findings.items()
        },
    }


_SHARED_NAMES = {"", "root", "user", "admin", "ubuntu", "runner", "build", "nobody"}  # not personal
_HOMES = re.compile(r"(?P<folder>/home|/Users|\\Users)(?P<slash>[/\\])[^/\\\s'\"]+")


def nameless(text: str) -> str:
    """Return *text* on one line, without home folders and user names."""
    for home in {str(Path.home()), str(Path.home().resolve())} - {"/"}:
        text = re.sub(rf"{re.escape(home)}(?![\w-]|\.\w)", lambda _: "~", text)
    text = _HOMES.sub(r"\g<folder>\g<slash>NAME", text)
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user ID without a name, as in containers
        user = ""
    if user not in _SHARED_NAMES:
        text = re.sub(rf"(?<=[/\\-]){re.escape(user)}(?![\w-])", "NAME", text)
    return one_line(text)


def _nameless_value(value: Any) -> Any:
    if isinstance(value, list):
        return [nameless(one) for one in value]
    return nameless(value) if isinstance(value, str) else value
