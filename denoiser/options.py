"""What can be set, once: ranges, units and help drive flags, keywords and widgets alike."""

from __future__ import annotations

import dataclasses
import numbers
import re
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
    form: str = ""  # how a text is written, where it is more than a word


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
    colour_noise: float = _control(
        1.0,
        help="How much of the removed colour noise stays removed.",
        minimum=0.0,
        maximum=1.0,
    )
    detail: float = _control(
        0.0,
        help="How much fine structure that was removed is given back, where there is structure.",
        minimum=0.0,
        maximum=1.0,
    )
    grain: float = _control(
        0.0,
        help="How much neutral grain is given back, as fine and as strong as the noise that was removed.",
        minimum=0.0,
        maximum=1.0,
    )
    model: str = _control("auto", help="auto, a name from `denoise models`, or a .safetensors file.")
    device: str = _control("auto", help="Where the network runs.", choices=("auto", "cpu", "cuda", "mps"))
    precision: str = _control("auto", help="What the network reckons in.", choices=("auto", "fp32", "bf16"))
    tile: int | None = _control(
        None,
        help="Largest tile, as the side of a square of its area.",
        minimum=64,
        maximum=8192,
        unit="pixels",
        automatic=True,
    )
    batch_size: int | None = _control(
        None, help="Tiles that the device is given at once.", minimum=1, maximum=256, automatic=True
    )
    memory: float | None = _control(
        None,
        help="Most memory for tiles and pictures, in GB; auto takes a share of what is free.",
        minimum=0.1,
        maximum=4096.0,
        unit="GB",
        automatic=True,
    )

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
    ticket: bool = _control(True, help="Say in the XMP of each output what made it, for `denoise redo`.")

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How a run over many files goes about it."""

    recursive: bool = _control(True, help="Walk folders in folders.")
    overwrite: bool = _control(False, help="Make outputs again that are there already, whoever made them.")
    verify: bool = _control(False, help="Compare what is done with its recorded digests, byte for byte.")
    retry_failed: bool = _control(False, help="Try files again that took an earlier run down with them.")
    max_errors: int = _control(
        0, help="Stop after so many failed files; 0 never stops.", minimum=0, maximum=2**31 - 1, unit="files"
    )
    shard: str = _control("", form="I/N", help="Do part I of N of the files, the same ones each time.")
    series: bool = _control(
        False, help="Clean pictures of one camera, ISO and size by one estimate of their noise, so that they match."
    )
    skip_clean: float = _control(
        0.0,
        help="Copy pictures as they are whose estimated noise is below this; 0 cleans them all.",
        minimum=0.0,
        maximum=75.0,
        unit="8-bit sigma",
    )
    crop: str = _control("", form="X,Y,W,H", help="Clean this part of each picture alone, in pixels.")
    jobs: int | None = _control(
        None,
        help="Threads that read files, and as many that write them; auto follows the processor.",
        minimum=1,
        maximum=64,
        automatic=True,
    )
    report: str = _control("", form="FILE", help="Write a line on each file to this .csv or .json file.")

    def __post_init__(self) -> None:
        _check(self)
        _parts_of(self)


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How a folder is watched."""

    interval: float = _control(
        5.0,
        help="Seconds between two looks; a file is taken once it has not changed from one to another.",
        minimum=0.1,
        maximum=86_400.0,
        unit="seconds",
    )
    once: bool = _control(False, help="Clean what is there now, and end: for cron and its like.")

    def __post_init__(self) -> None:
        _check(self)


def _parts_of(options: BatchOptions) -> None:
    """Refuses words that stand for several numbers and do not."""
    if options.shard and shard_of(options) is None:
        raise UsageError(f"shard is I/N with I from 1 to N, for example 2/8, not {options.shard!r}.")
    if options.crop and crop_of(options) is None:
        raise UsageError(
            f"crop is x,y,width,height in whole pixels, for example 0,0,640,480, not {options.crop!r}."
        )
    if options.report and not options.report.lower().endswith((".csv", ".json")):
        raise UsageError(f"report is a file that ends in .csv or .json, not {options.report!r}.")


def shard_of(options: BatchOptions) -> tuple[int, int] | None:
    """(which, of how many), counted from 1; None where the run does them all."""
    found = re.fullmatch(r"([1-9]\d{0,5})/([1-9]\d{0,5})", options.shard)
    if found is None:
        return None
    part, parts = int(found[1]), int(found[2])
    return (part, parts) if part <= parts else None


def crop_of(options: BatchOptions) -> tuple[int, int, int, int] | None:
    """(x, y, width, height) in pixels of the upright picture; None where all of it is cleaned."""
    found = re.fullmatch(r"(\d{1,9}),(\d{1,9}),([1-9]\d{0,8}),([1-9]\d{0,8})", options.crop)
    return (int(found[1]), int(found[2]), int(found[3]), int(found[4])) if found else None


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
    teacher: str = _control("", help="Weights to learn from beside the truth: a name, or a .safetensors file.")
    resume: bool = _control(False, help="Go on from the state in the --out folder.")
    seed: int = _control(0, help="Where the random numbers start.", minimum=0, maximum=2**63 - 1)
    device: str = _control("auto", help="Where the network is trained.", choices=("auto", "cpu", "cuda", "mps"))
    devices: int | None = _control(
        None,
        help="How many of them train together, each in a process of its own; auto takes all GPUs.",
        minimum=1,
        maximum=64,
        automatic=True,
    )

    def __post_init__(self) -> None:
        _check(self)
