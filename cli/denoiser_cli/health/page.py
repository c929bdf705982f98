"""Formats an examination as a page for bug reports or as JSON values, without personal names."""

from __future__ import annotations

import getpass
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from denoiser_cli.health.examination import Part
from denoiser_cli.health.finding import Remark, Section
from denoiser_cli.lines import one_line

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
