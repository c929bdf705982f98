"""Noise estimates of many images, one line each."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

import click

from denoiser import imageio
from denoiser.batch.discover import discover
from denoiser.errors import DenoiserError, NothingToDo, UnreadableImage
from denoiser.estimation import NoiseEstimate, estimate_noise
from denoiser.imageio import formats
from denoiser_cli.interrupt import stopping_politely
from denoiser_cli.lines import one_line, say, shown

_HEAD = ("luma", "chroma", "kind", "image", "description")
_COLUMNS = ("path", "luma", "chroma", "kind", "grey", "reason")


class Voice(Enum):
    """Output format."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


def tell(sources: Sequence[Path], voice: Voice, *, quiet: bool) -> int:
    """Print a line per image as soon as it is estimated. Return the exit code; errors go to stderr."""
    found = discover(sources, is_picture_name=formats.is_picture_name)
    if not found.finds:
        raise NothingToDo(f"{shown(sources[0])}: no image found.", hint="Name image files or a folder of images.")
    if not quiet:
        for passed in found.passed:
            say(f"Skipped {shown(passed.path)}: {one_line(passed.reason)}")
    if voice is Voice.TEXT:
        click.echo("{:>6} {:>7} {:>5}  {}".format(*_HEAD[:3], ", ".join(_HEAD[3:])))
    elif voice is Voice.CSV:
        click.echo(_csv_line(_COLUMNS))
    failed = 0
    with stopping_politely() as cancel:
        for find in found.finds:
            cancel.raise_if_cancelled()
            try:
                estimate = estimate_noise(imageio.read(find.path))
            except UnreadableImage as error:
                failed += 1
                _tell_failure(error, voice)
                continue
            click.echo(_line(find.path, estimate, voice))
    return DenoiserError.exit_code if failed else 0


def _line(path: Path, estimate: NoiseEstimate, voice: Voice) -> str:
    if voice is Voice.JSON:
        return json.dumps({"path": str(path), **estimate.as_values()})
    if voice is Voice.CSV:
        values = {"path": str(path), **estimate.as_values()}
        return _csv_line([str(values[column]) for column in _COLUMNS])
    return f"{estimate.luma:6.2f} {estimate.chroma:7.2f} {estimate.kind:5.2f}  {shown(path)}: {estimate.reason}"


def _csv_line(values: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()


def _tell_failure(error: UnreadableImage, voice: Voice) -> None:
    if voice is Voice.JSON:
        click.echo(json.dumps({"event": "error", "kind": type(error).__name__, "message": error.message}))
    say(one_line(error.message))
