"""Results of an examination: facts, and remarks on problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

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


def as_values(section: Section) -> dict[str, Any]:
    """Return plain values for JSON; `from_values` is the inverse."""
    return asdict(section)


def from_values(values: Mapping[str, Any]) -> Section:
    """Return the section of `as_values`."""
    return Section(
        tuple(Fact(**fact) for fact in values["facts"]), tuple(Remark(**remark) for remark in values["remarks"])
    )
