"""`denoise estimate`: noise estimates as a table, JSON or CSV."""

from __future__ import annotations

import csv
import functools
import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from denoiser import imageio
from denoiser.batch.discover import looks_like_image
from denoiser.batch.survey import Survey
from denoiser.errors import DenoiserError, NothingToDo, StoreUnavailable, UnreadableImage, UsageError
from denoiser.events import CancelToken
from denoiser.image import Image
from denoiser.options import ClusterOptions
from denoiser.storage import as_file, location
from denoiser_cli.completion import complete_value
from denoiser_cli.failure import stopping_politely
from denoiser_cli.flags import ExampleCommand, Flag, OutputMode, cluster_flags, cluster_of, speaking_flags
from denoiser_cli.lines import one_line, shown, to_stderr

if TYPE_CHECKING:
    from denoiser.estimation.estimate import NoiseEstimate

PIPE = "-"

_EXAMPLES = """\
denoise estimate ./imgs                     one line per image
denoise estimate a.jpg b.png --csv > noise.csv
denoise estimate ./imgs --json              with the level by brightness
denoise estimate - < a.jpg                  read a pipe
"""


@click.command(cls=ExampleCommand, examples=_EXAMPLES, urls=True)
@click.argument("paths", nargs=-1, metavar="PATHS", shell_complete=complete_value)
@click.option("--csv", "as_csv", cls=Flag, is_flag=True, help="Print CSV with a header.")
@cluster_flags
@speaking_flags
@click.pass_obj
def command(mode: OutputMode, /, paths: tuple[str, ...], as_csv: bool, **words: Any) -> int:
    """Estimate the noise of images.

    Luma and chroma levels are standard deviations on the 0–255 scale; kind is from 0 (white) to 1 (correlated, as
    in camera JPEGs). `denoise --noise-level auto` uses the same estimate.
    """
    if not paths:
        raise UsageError("No image or folder given.", hint="For example: denoise estimate ./imgs")
    if as_csv and mode.json:
        raise UsageError("Choose only one of --csv and --json.")
    cluster = cluster_of(words)
    if PIPE in paths and cluster.cluster:
        raise UsageError("--cluster needs files; it does not work with pipes.")
    files, unreadable = _from_pipe(paths) if PIPE in paths else _from_disk(paths, mode)
    for error in unreadable:
        _print_failure(error, mode)
    if as_csv:
        click.echo(_csv_line(_COLUMNS))
    elif not mode.json:
        click.echo("  luma  chroma  kind  image, description")
    failed = bool(unreadable)
    with stopping_politely() as cancel:
        for path, estimate in _on_cluster(files, cluster, cancel) if cluster.cluster else _here(files, cancel):
            if isinstance(estimate, DenoiserError):
                failed = True
                _print_failure(estimate, mode)
            else:
                click.echo(_line(path, estimate, as_json=mode.json, as_csv=as_csv))
        cancel.raise_if_cancelled()
    return DenoiserError.exit_code if failed else 0


Files = list[tuple[Path, Callable[[], Image]]]  # each with a function that reads it
Estimates = Iterator[tuple[Path, "NoiseEstimate | DenoiserError"]]


def _here(files: Files, cancel: CancelToken) -> Estimates:
    from denoiser.estimation.estimator import estimate_noise  # slow import (torch): after the arguments are checked

    for path, read in files:
        if cancel.cancelled:
            return
        try:
            yield path, estimate_noise(read())
        except (UnreadableImage, StoreUnavailable) as error:
            yield path, error


def _on_cluster(files: Files, cluster: ClusterOptions, cancel: CancelToken) -> Estimates:
    from denoiser.cluster.mapping import noise_estimates  # an extra

    return noise_estimates([path for path, _ in files], cluster, cancel)


def _from_pipe(paths: tuple[str, ...]) -> tuple[Files, list[UnreadableImage]]:
    """Return standard input."""
    if len(paths) > 1:
        raise UsageError("A pipe holds a single image.", hint="Leave out - or the other paths.")
    if sys.stdin.isatty():
        raise UsageError("Standard input is a terminal.", hint="For example: denoise estimate - < a.jpg")
    return [(Path(PIPE), lambda: imageio.read_bytes(sys.stdin.buffer.read(), "standard input"))], []


def _from_disk(paths: tuple[str, ...], mode: OutputMode) -> tuple[Files, list[UnreadableImage]]:
    """Return the images, and errors for folders that cannot be read."""
    found = Survey(looks_like_image).look([location(path) for path in paths])
    unreadable = [UnreadableImage(f"{one.path}: {one.reason}.") for one in found.skipped if one.is_error]
    if not found.finds and not unreadable:
        raise NothingToDo(
            f"{shown(location(paths[0]))}: no image found.", hint="Name image files or a folder of images."
        )
    for skipped in found.skipped:
        if not skipped.is_error and not mode.quiet:
            to_stderr(f"Skipped {shown(skipped.path)}: {one_line(skipped.reason)}")
    return [(find.path, functools.partial(_read, find.path)) for find in found.finds], unreadable


def _read(path: Path) -> Image:
    with as_file(path) as file:
        return imageio.read(file)


def _print_failure(error: DenoiserError, mode: OutputMode) -> None:
    if mode.json:
        click.echo(json.dumps({"event": "error", "kind": type(error).__name__, "message": error.message}))
    to_stderr(one_line(error.message))


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
