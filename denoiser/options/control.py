"""Field metadata and validation shared by all option classes."""

from __future__ import annotations

import dataclasses
import numbers
import re
from dataclasses import dataclass, field
from typing import Any

from denoiser.errors import UsageError

# Shared by all commands that run a model.
DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "fp32", "bf16")
PRECISIONS_OF_DENOISERS = (*PRECISIONS, "int8")


@dataclass(frozen=True, slots=True)
class Control:
    """How one field is presented; the front end chooses between flag and slider."""

    help: str
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    choices: tuple[str | int, ...] = ()
    automatic: bool = False  # None stands for "auto"
    flag: str = ""  # name of the flag, where the field name is a Python keyword
    form: str = ""  # placeholder in the help, for example X,Y,W,H
    short: str = ""  # one-letter flag
    zero: str = ""  # a word that stands for 0
    alias: str = ""  # a former name of the flag


def control(default: Any, **words: Any) -> Any:
    """Declare a field of an options class with its default and its metadata."""
    return field(default=default, metadata={"control": Control(**words)})


def fraction(default: float, help_text: str) -> Any:
    """Declare a field with values from 0 to 1."""
    return control(default, help=help_text, minimum=0.0, maximum=1.0)


def controls(options: type[Any]) -> dict[str, Control]:
    """Return the controls of an options class by field name, in declaration order."""
    return {f.name: f.metadata["control"] for f in dataclasses.fields(options)}


def check(options: Any) -> None:
    """Raise UsageError for a value of the wrong type, not among the choices, or out of range."""
    for field_ in dataclasses.fields(options):
        offered: Control = field_.metadata["control"]
        value = getattr(options, field_.name)
        word = field_.name.replace("_", "-")
        if value is None:
            if not offered.automatic:
                raise UsageError(f"{word} must not be None.")
        elif not _is_of(value, kind := str(field_.type).removesuffix(" | None")):
            raise UsageError(f"{word} must be {_KINDS[kind][1]}, not {value!r}.")
        elif offered.choices and value not in offered.choices:
            raise UsageError(f"{word} must be one of {', '.join(map(str, offered.choices))}, not {value!r}.")
        elif offered.minimum is not None and not _within(value, offered):
            raise UsageError(
                f"{word} must be between {_figure(offered.minimum)} and {_figure(offered.maximum)}, not {value}."
            )


# Accepted types by annotation, with their names in messages. NumPy scalars count as numbers.
_KINDS: dict[str, tuple[type, str]] = {
    "bool": (bool, "True or False"),
    "int": (numbers.Integral, "a whole number"),
    "float": (numbers.Real, "a number"),
    "str": (str, "text"),
}


def _is_of(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "bool"  # bool is a subclass of int in Python
    return isinstance(value, _KINDS[kind][0])


def _figure(number: float | None) -> str:
    return f"{number:,}".removesuffix(".0")


def _within(value: Any, offered: Control) -> bool:
    low = offered.minimum is None or value >= offered.minimum
    high = offered.maximum is None or value <= offered.maximum
    return low and high  # false for NaN


RECTANGLE = "x,y,width,height in whole pixels, for example 0,0,640,480"


def rectangle(words: str) -> tuple[int, int, int, int] | None:
    """Parse x,y,width,height; None if the text has another form."""
    found = re.fullmatch(r"(\d{1,9}),(\d{1,9}),([1-9]\d{0,8}),([1-9]\d{0,8})", words)
    return (int(found[1]), int(found[2]), int(found[3]), int(found[4])) if found else None
