"""How an option is offered to people, and what is refused: the machinery of every options class."""

from __future__ import annotations

import dataclasses
import numbers
import re
from dataclasses import dataclass, field
from typing import Any

from denoiser.errors import UsageError

# Of every network that runs.
DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "fp32", "bf16")


@dataclass(frozen=True, slots=True)
class Control:
    """How one field is offered to people; the face decides between flag and slider."""

    help: str
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    choices: tuple[str | int, ...] = ()
    automatic: bool = False  # None stands for "auto"
    flag: str = ""  # where the word of the command line is one that Python keeps for itself
    form: str = ""  # how a text is written, where it is more than a word
    short: str = ""  # a letter of the command line
    zero: str = ""  # a word for 0


def control(default: Any, **words: Any) -> Any:
    """A field of an options class with its default and how it is offered."""
    return field(default=default, metadata={"control": Control(**words)})


def controls(options: type[Any]) -> dict[str, Control]:
    """The controls of an options class by field name, in the order in which they are declared."""
    return {f.name: f.metadata["control"] for f in dataclasses.fields(options)}


def check(options: Any) -> None:
    """Refuses a value that is not of its kind, not among its choices, or out of its range."""
    for field_ in dataclasses.fields(options):
        offered: Control = field_.metadata["control"]
        value = getattr(options, field_.name)
        word = field_.name.replace("_", "-")
        if value is None:
            if not offered.automatic:
                raise UsageError(f"{word} needs a value.")
        elif not _is_of(value, kind := str(field_.type).removesuffix(" | None")):
            raise UsageError(f"{word} is {_KINDS[kind][1]}, not {value!r}.")
        elif offered.choices and value not in offered.choices:
            raise UsageError(f"{word} is one of {', '.join(map(str, offered.choices))}, not {value!r}.")
        elif offered.minimum is not None and not _within(value, offered):
            raise UsageError(
                f"{word} lies between {_figure(offered.minimum)} and {_figure(offered.maximum)}, not {value}."
            )


# What a field may hold, by its annotation, and how that is said; the numbers of numpy count as numbers.
_KINDS: dict[str, tuple[type, str]] = {
    "bool": (bool, "True or False"),
    "int": (numbers.Integral, "a whole number"),
    "float": (numbers.Real, "a number"),
    "str": (str, "text"),
}


def _is_of(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "bool"  # although True is a 1 to Python
    return isinstance(value, _KINDS[kind][0])


def _figure(number: float | None) -> str:
    return f"{number:,}".removesuffix(".0")


def _within(value: Any, offered: Control) -> bool:
    low = offered.minimum is None or value >= offered.minimum
    high = offered.maximum is None or value <= offered.maximum
    return low and high  # false for NaN, which is neither


RECTANGLE = "x,y,width,height in whole pixels, for example 0,0,640,480"


def rectangle(words: str) -> tuple[int, int, int, int] | None:
    """(x, y, width, height) of a text of that form; None for any other."""
    found = re.fullmatch(r"(\d{1,9}),(\d{1,9}),([1-9]\d{0,8}),([1-9]\d{0,8})", words)
    return (int(found[1]), int(found[2]), int(found[3]), int(found[4])) if found else None
