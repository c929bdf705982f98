"""`denoise estimate`: noise estimates as a table, JSON or CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import click

from denoiser import imageio
from denoiser.batch.discover import discover
from denoiser.errors import DenoiserError, NothingToDo, UnreadableImage, UsageError
from denoiser.imageio import formats
from denoiser_cli.completion import complete_value
from denoiser_cli.failure import stopping_politely
from denoiser_cli.flags import ExampleCommand, Flag, OutputMode, speaking_flags
from denoiser_cli.lines import one_line, shown, to_stderr

if TYPE_CHECKING:
    from denoiser.estimation import NoiseEstimate

_EXAMPLES = """\
denoise estimate ./imgs                     one line per image
denoise estimate a.jpg b.png --csv > noise.csv
denoise estimate ./imgs --json              with the level by brightness
"""


@click.command(cls=ExampleCommand, examples=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="PATHS", shell_complete=complete_value)
@click.option("--csv", "as_csv", cls=Flag, is_flag=True, help="Print CSV with a header.")
@speaking_flags
@click.pass_obj
def command(mode: OutputMode, /, paths: tuple[str, ...], as_csv: bool) -> int:
    """Estimate the noise of images.

    Luma and chroma levels are standard deviations on the 0–255 scale; kind is from 0 (white) to 1 (correlated, as
    in camera JPEGs). `denoise --noise-level auto` uses the same estimate.
    """
    if not paths:
        raise UsageError("No image or folder given.", hint="For example: denoise estimate ./imgs")
    if as_csv and mode.json:
        raise UsageError("Choose only one of --csv and --json.")
    voice = _Voice.JSON if mode.json else _Voice.CSV if as_csv else _Voice.TEXT
    return _tell([Path(path) for path in paths], voice, quiet=mode.quiet)


_HEAD = ("luma", "chroma", "kind", "image", "description")
_COLUMNS = ("path", "luma", "chroma", "kind", "grey", "reason")


class _Voice(Enum):
    """Output format."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


def _tell(sources: Sequence[Path], voice: _Voice, *, quiet: bool) -> int:
    """Print a line per image as soon as it is estimated. Return the exit code; errors go to stderr."""
    from denoiser.estimation import estimate_noise  # slow import; not needed for --help

    found = discover(sources, is_image_name=formats.is_image_name)
    if not found.finds:
        raise NothingToDo(f"{shown(sources[0])}: no image found.", hint="Name image files or a folder of images.")
    if not quiet:
        for skipped in found.skipped:
            to_stderr(f"Skipped {shown(skipped.path)}: {one_line(skipped.reason)}")
    if voice is _Voice.TEXT:
        click.echo("{:>6} {:>7} {:>5}  {}".format(*_HEAD[:3], ", ".join(_HEAD[3:])))
    elif voice is _Voice.CSV:
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


def _line(path: Path, estimate: NoiseEstimate, voice: _Voice) -> str:
    if voice is _Voice.JSON:
        return json.dumps({"path": str(path), **estimate.as_values()})
    if voice is _Voice.CSV:
        values = {"path": str(path), **estimate.as_values()}
        return _csv_line([str(values[column]) for column in _COLUMNS])
    return f"{estimate.luma:6.2f} {estimate.chroma:7.2f} {estimate.kind:5.2f}  {shown(path)}: {estimate.reason}"


def _csv_line(values: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()


def _tell_failure(error: UnreadableImage, voice: _Voice) -> None:
    if voice is _Voice.JSON:
        click.echo(json.dumps({"event": "error", "kind": type(error).__name__, "message": error.message}))
    to_stderr(one_line(error.message))
