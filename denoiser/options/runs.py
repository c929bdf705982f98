"""Options for runs over many files, and for reading and writing files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from denoiser.errors import UsageError
from denoiser.options.control import RECTANGLE, check, control, rectangle

FIELDS = ("name", "date", "time", "camera", "iso", "folder", "number")  # of names of outputs
_NOT_IN_NAMES = frozenset('\\:*?"<>|' + "".join(map(chr, range(32))))
FIELD = re.compile(rf"\{{({'|'.join(FIELDS)})\}}")


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How a run over many files selects, repeats and reports them."""

    recursive: bool = control(True, help="Search subfolders.")
    overwrite: bool = control(False, help="Replace existing outputs, even those written by other programs.")
    verify: bool = control(False, help="Compare finished files with their recorded checksums.")
    retry_failed: bool = control(False, help="Retry files that crashed an earlier run.")
    max_errors: int = control(
        0, help="Stop after so many failed files; 0 is no limit.", minimum=0, maximum=2**31 - 1, unit="files"
    )
    shard: str = control("", form="I/N", help="Process part I of N; each run divides alike.")
    series: bool = control(False, help="Share one noise estimate per camera, ISO and size.")
    skip_clean: float = control(
        0.0,
        help="Copy images unchanged if their estimated noise is below this; 0 cleans all.",
        minimum=0.0,
        maximum=75.0,
        unit="8-bit sigma",
    )
    crop: str = control("", form="X,Y,W,H", help="Clean only this region of each image, in pixels.")
    rename: str = control("", form="NAME", help=f"Name outputs by text, / and {{{'}, {'.join(FIELDS)}}}.")
    flat: bool = control(False, help="Write outputs without the subfolders of the inputs.")
    mask: str = control("", form="PATH", help="Local strength: a grey PNG, or a folder of them.")
    sidecars: bool = control(False, help="Use settings and masks stored beside the images.")
    jobs: int | None = control(
        None,
        help="Number of reader and writer threads.",
        minimum=1,
        maximum=64,
        automatic=True,
    )
    report: str = control("", form="FILE", help="Write a .csv or .json report with one row per file.")

    def __post_init__(self) -> None:
        check(self)
        _parts_of(self)


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How a folder is watched."""

    interval: float = control(
        5.0,
        help="Seconds between scans; a file is processed once it is unchanged between two scans.",
        minimum=0.1,
        maximum=86_400.0,
        unit="seconds",
    )
    once: bool = control(False, help="Clean what is there now and exit, for example from cron.")

    def __post_init__(self) -> None:
        check(self)


def _parts_of(options: BatchOptions) -> None:
    """Raise UsageError for an invalid shard, crop, template or report."""
    if options.shard and shard_of(options) is None:
        raise UsageError(f"shard must be I/N with I from 1 to N, for example 2/8, not {options.shard!r}.")
    if options.crop and crop_of(options) is None:
        raise UsageError(f"crop must be {RECTANGLE}, not {options.crop!r}.")
    if options.rename:
        check_name(options.rename)
    if options.report and not options.report.lower().endswith((".csv", ".json")):
        raise UsageError(f"report must end in .csv or .json, not {options.report!r}.")


def check_name(template: str) -> None:
    """Raise UsageError if a template for names is invalid, or leads out of the output folder."""
    rest = FIELD.sub("x", template)
    if "{" in rest or "}" in rest:
        raise UsageError(f"rename {template!r} has an unknown field. Known are {{{'}, {'.join(FIELDS)}}}.")
    parts = rest.split("/")
    if any(part.strip(" .") == "" or set(part) & _NOT_IN_NAMES for part in parts):
        raise UsageError(f"rename must be like {{name}}-{{number}} or {{date}}/{{name}}, not {template!r}.")


def shard_of(options: BatchOptions) -> tuple[int, int] | None:
    """Return (part, parts), counted from 1; None if the run processes all files."""
    found = re.fullmatch(r"([1-9]\d{0,5})/([1-9]\d{0,5})", options.shard)
    if found is None:
        return None
    part, parts = int(found[1]), int(found[2])
    return (part, parts) if part <= parts else None


def crop_of(options: BatchOptions) -> tuple[int, int, int, int] | None:
    """Return (x, y, width, height) in pixels of the upright image; None for the whole image."""
    return rectangle(options.crop)


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How files are read."""

    max_pixels: int = control(
        500_000_000,
        help="Reject images with more pixels.",
        minimum=1,
        maximum=2**40,
        unit="pixels",
    )
    frames: str = control(
        "first",
        help="Use the first of several images in a file, or reject it.",
        choices=("first", "refuse"),
    )

    def __post_init__(self) -> None:
        check(self)


def renamed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return saved options with the present name of one that had another."""
    return {"quality" if name == "jpeg_quality" else name: value for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How an image is written; None follows the source."""

    format: str | None = control(
        None,
        help="Output format; auto keeps that of the source.",
        choices=("png", "jpeg", "tiff", "webp", "avif", "jxl"),
        automatic=True,
    )
    depth: str | None = control(
        None,
        help="Bits per channel where the format has them.",
        choices=("8", "10", "12", "16", "float"),
        automatic=True,
    )
    quality: int | None = control(
        None,
        short="Q",
        alias="jpeg-quality",
        help="Quality of JPEG, WebP and AVIF; auto keeps that of the source.",
        minimum=1,
        maximum=100,
        automatic=True,
    )
    size: str = control("", form="SIZE", help="Reduce to a long edge in pixels, or to N%.")
    strip: bool = control(False, help="Remove all metadata except the colour profile.")
    ticket: bool = control(True, help="Store a record in XMP for `denoise redo`.")

    def __post_init__(self) -> None:
        check(self)
        if self.size and not _SIZE.fullmatch(self.size):
            raise UsageError(f"size must be like 2048 (pixels) or 50%, at most 100%, not {self.size!r}.")


def bits_of(options: WriteOptions) -> int:
    """Return the bits per channel that are asked for: 32 for float, 0 for those of the source."""
    return 32 if options.depth == "float" else int(options.depth or 0)


_SIZE = re.compile(r"0*[1-9]\d{0,6}|100%|(?!0+(\.0+)?%)\d{1,2}(\.\d{1,3})?%")


def size_of(options: WriteOptions, width: int, height: int) -> tuple[int, int]:
    """Return width and height of the output of an image of this size; never larger than that."""
    if not options.size:
        return width, height
    if options.size.endswith("%"):
        share = float(options.size.removesuffix("%")) / 100
    else:
        share = min(1.0, int(options.size) / max(width, height))
    return max(1, round(width * share)), max(1, round(height * share))
