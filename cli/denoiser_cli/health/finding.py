"""What an examination finds: facts, remarks on what is broken or slow, and the section that they stand in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

Value = str | int | float | bool | None | list[str]


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the page. *name* and *value* are for programs, *words* is what people read."""

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
    """Something that is not as it should be: what, what to do, and whether nothing can be cleaned because of it."""

    text: str
    remedy: str = ""
    stops_cleaning: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """What one part of the examination found."""

    facts: Sequence[Fact] = ()
    remarks: Sequence[Remark] = ()

    @property
    def stops_cleaning(self) -> bool:
        """Whether one of the remarks says so."""
        return any(remark.stops_cleaning for remark in self.remarks)


def as_values(section: Section) -> dict[str, Any]:
    """Plain values, for the way from one process to another; `from_values` is the way back."""
    return asdict(section)


def from_values(values: Mapping[str, Any]) -> Section:
    """The section that `as_values` was given."""
    return Section(
        tuple(Fact(**fact) for fact in values["facts"]), tuple(Remark(**remark) for remark in values["remarks"])
    )
