"""What can be set, once: ranges, units and help drive flags, keywords and widgets alike."""

from __future__ import annotations

import dataclasses
import numbers
from dataclasses import dataclass, field
from typing import Any

from denoiser.errors import UsageError


@dataclass(frozen=True, slots=True)
class Control:
    """How one field is offered to people; the face decides between flag and slider."""

    help: str
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    automatic: bool = False  # None stands for "auto"
    flag: str = ""  # where the word of the command line is one that Python keeps for itself


def _control(default: Any, **words: Any) -> Any:
    return field(default=default, metadata={"control": Control(**words)})


def controls(options: type[Any]) -> dict[str, Control]:
    """The controls of an options class by field name, in the order in which they are declared."""
    return {f.name: f.metadata["control"] for f in dataclasses.fields(options)}


def _check(options: Any) -> None:
    for field_ in dataclasses.fields(options):
        control: Control = field_.metadata["control"]
        value = getattr(options, field_.name)
        word = field_.name.replace("_", "-")
        if value is None:
            if not control.automatic:
                raise UsageError(f"{word} needs a value.")
        elif not _is_of(value, kind := str(field_.type).removesuffix(" | None")):
            raise UsageError(f"{word} is {_KINDS[kind][1]}, not {value!r}.")
        elif control.choices and value not in control.choices:
            raise UsageError(f"{word} is one of {', '.join(control.choices)}, not {value!r}.")
        elif control.minimum is not None and not _within(value, control):
            raise UsageError(
                f"{word} lies between {_figure(control.minimum)} and {_figure(control.maximum)}, not {value}."
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


def _within(value: Any, control: Control) -> bool:
    low = control.minimum is None or value >= control.minimum
    high = control.maximum is None or value <= control.maximum
    return low and high  # false for NaN, which is neither


@dataclass(frozen=True, slots=True)
class DenoiseOptions:
    """What a person can ask of the cleaning of a picture."""

    noise_level: float | None = _control(
        None,
        help="What the network is told of the noise, as 8-bit sigma; auto lets it judge for itself.",
        minimum=0.0,
        maximum=75.0,
        unit="8-bit sigma",
        automatic=True,
    )
    strength: float = _control(
        1.0,
        help="How much of the removed noise stays removed; 0 gives the source bit for bit.",
        minimum=0.0,
        maximum=1.0,
    )
    model: str = _control("auto", help="auto, a name from `denoise models`, or a .safetensors file.")
    device: str = _control("auto", help="Where the network runs.", choices=("auto", "cpu", "cuda", "mps"))
    precision: str = _control("auto", help="What the network reckons in.", choices=("auto", "fp32", "bf16"))

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What is refused or taken when a file is read."""

    max_pixels: int = _control(
        500_000_000,
        help="Refuse pictures with more pixels than this, before anything is allocated.",
        minimum=1,
        maximum=2**40,
        unit="pixels",
    )
    frames: str = _control(
        "first",
        help="What to do with files of several pictures: take the first and say so, or refuse.",
        choices=("first", "refuse"),
    )

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How a picture is written; what is None follows the source."""

    format: str | None = _control(
        None,
        help="The format of the outputs; auto keeps the source's.",
        choices=("png", "jpeg", "tiff", "webp", "avif", "jxl"),
        automatic=True,
    )
    jpeg_quality: int | None = _control(
        None,
        help="JPEG quality; auto keeps the source's tables and subsampling, or 95.",
        minimum=1,
        maximum=100,
        automatic=True,
    )
    strip: bool = _control(False, help="Leave out all metadata but the colour profile.")

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What a person can ask of a training."""

    minutes: float = _control(
        30.0,
        help="How long to train in all, earlier sittings counted in.",
        minimum=0.01,
        maximum=100_000.0,
        unit="minutes",
    )
    recipe: str = _control(
        "auto",
        help="Network, noise and stages: a name or a TOML file; auto is fast, or fine-tune with --from.",
    )
    start: str = _control(
        "", flag="from", help="Weights to start from: a name from `denoise models`, or a .safetensors file."
    )
    resume: bool = _control(False, help="Go on from the state in the --out folder.")
    seed: int = _control(0, help="Where the random numbers start.", minimum=0, maximum=2**63 - 1)
    device: str = _control("auto", help="Where the network is trained.", choices=("auto", "cpu", "cuda", "mps"))

    def __post_init__(self) -> None:
        _check(self)
