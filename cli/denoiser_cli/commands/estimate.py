"""`denoise estimate`: noise estimates as a table, JSON or CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
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
    from denoiser.estimation import estimate_noise  # slow import (torch): after the arguments are checked

    found = discover([Path(path) for path in paths], is_image_name=formats.is_image_name)
    if not found.finds:
        raise NothingToDo(
            f"{shown(Path(paths[0]))}: no image found.", hint="Name image files or a folder of images."
        )
    if not mode.quiet:
        for skipped in found.skipped:
            to_stderr(f"Skipped {shown(skipped.path)}: {one_line(skipped.reason)}")
    if as_csv:
        click.echo(_csv_line(_COLUMNS))
    elif not mode.json:
        click.echo("  luma  chroma  kind  image, description")
    failed = False
    with stopping_politely() as cancel:
        for find in found.finds:
            cancel.raise_if_cancelled()
            try:
                estimate = estimate_noise(imageio.read(find.path))
            except UnreadableImage as error:
                failed = True
                if mode.json:
                    event = {"event": "error", "kind": type(error).__name__, "message": error.message}
                    click.echo(json.dumps(event))
                to_stderr(one_line(error.message))
                continue
            click.echo(_line(find.path, estimate, as_json=mode.json, as_csv=as_csv))
    return DenoiserError.exit_code if failed else 0


_COLUMNS = ("path", "luma", "chroma", "kind", "grey", "reason")


def _line(path: Path, estimate: NoiseEstimate, *, as_json: bool, as_csv: bool) -> str:
    values = {"path": str(path), **estimate.as_values()}
    if as_json:
        return json.dumps(values)
    if as_csv:
        return _csv_line([str(values[column]) for column in _COLUMNS])
    return f"{estimate.luma:6.2f} {estimate.chroma:7.2f} {estimate.kind:5.2f}  {shown(path)}: {estimate.reason}"


def _csv_line(values: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()
