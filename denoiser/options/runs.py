"""Runs over many files."""

from __future__ import annotations

import re
from dataclasses import dataclass

from denoiser.errors import UsageError
from denoiser.options.control import RECTANGLE, check, control, rectangle


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How a run over many files goes about it."""

    recursive: bool = control(True, help="Walk folders in folders.")
    overwrite: bool = control(False, help="Make outputs again that are there already, whoever made them.")
    verify: bool = control(False, help="Compare what is done with its recorded digests, byte for byte.")
    retry_failed: bool = control(False, help="Try files again that took an earlier run down with them.")
    max_errors: int = control(
        0, help="Stop after so many failed files; 0 never stops.", minimum=0, maximum=2**31 - 1, unit="files"
    )
    shard: str = control("", form="I/N", help="Do part I of N of the files, the same ones each time.")
    series: bool = control(
        False, help="Clean pictures of one camera, ISO and size by one estimate of their noise, so that they match."
    )
    skip_clean: float = control(
        0.0,
        help="Copy pictures as they are whose estimated noise is below this; 0 cleans them all.",
        minimum=0.0,
        maximum=75.0,
        unit="8-bit sigma",
    )
    crop: str = control("", form="X,Y,W,H", help="Clean this part of each picture alone, in pixels.")
    jobs: int | None = control(
        None,
        help="Threads that read files, and as many that write them; auto follows the processor.",
        minimum=1,
        maximum=64,
        automatic=True,
    )
    report: str = control("", form="FILE", help="Write a line on each file to this .csv or .json file.")

    def __post_init__(self) -> None:
        check(self)
        _parts_of(self)


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How a folder is watched."""

    interval: float = control(
        5.0,
        help="Seconds between two looks; a file is taken once it has not changed from one to another.",
        minimum=0.1,
        maximum=86_400.0,
        unit="seconds",
    )
    once: bool = control(False, help="Clean what is there now, and end: for cron and its like.")

    def __post_init__(self) -> None:
        check(self)


def _parts_of(options: BatchOptions) -> None:
    """Refuses words that stand for several numbers and do not."""
    if options.shard and shard_of(options) is None:
        raise UsageError(f"shard is I/N with I from 1 to N, for example 2/8, not {options.shard!r}.")
    if options.crop and crop_of(options) is None:
        raise UsageError(f"crop is {RECTANGLE}, not {options.crop!r}.")
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
    return rectangle(options.crop)
