"""Embeds the images of a call, for the commands that explore them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from denoiser.batch.discover import looks_like_image
from denoiser.batch.survey import Survey
from denoiser.errors import DenoiserError, NothingToDo, UnreadableImage, UsageError
from denoiser.events import CancelToken, Event, FileFailed, Listener
from denoiser.options import ClusterOptions
from denoiser.storage import Url, location
from denoiser_cli.flags import OutputMode
from denoiser_cli.lines import one_line, shown, to_stderr
from denoiser_cli.render_json import JsonOutput
from denoiser_cli.render_text import TextOutput

if TYPE_CHECKING:
    from pandas import DataFrame

    from denoiser.workbench.embedding import Elsewhere

TABLES = (".parquet", ".csv")


@dataclass(frozen=True, slots=True)
class Embedded:
    """The table of the images that could be read; how many rows came from an earlier table, and how many failed."""

    table: DataFrame
    reused: int
    failed: int

    @property
    def exit_code(self) -> int:
        """1 if an image could not be read."""
        return DenoiserError.exit_code if self.failed else 0


def embedded(
    paths: tuple[str, ...],
    model: str,
    mode: OutputMode,
    cancel: CancelToken,
    index: Path | None = None,
    cluster: ClusterOptions = ClusterOptions(),
) -> Embedded:
    """The table of the images below *paths*. Rows of unchanged files are taken from *index*, which is then written.

    A cancelled call writes what is done to *index* and raises Cancelled. Unreadable files are printed.
    """
    from denoiser.workbench.embedding import embed, read_table, write_table  # slow import (torch)

    files, failed = _images(paths, mode)
    known = read_table(index) if index is not None and index.exists() else None
    output = JsonOutput() if mode.json else TextOutput(mode, "embedded")
    failures = []

    def listener(event: Event) -> None:
        if isinstance(event, FileFailed):
            failures.append(event)
        output.handle(event)

    with output:
        elsewhere = _elsewhere(model, cluster, cancel, listener) if cluster.cluster else None
        table = embed(files, model=model, known=known, listener=listener, cancel=cancel, elsewhere=elsewhere)
    before = set() if known is None else set(zip(known["path"], known["modified"], strict=True))
    reused = sum(pair in before for pair in zip(table["path"], table["modified"], strict=True))
    if index is not None and (known is None or reused < len(table) or len(known) != len(table)):
        write_table(table, index)
    cancel.raise_if_cancelled()
    return Embedded(table, reused, failed + len(failures))


def _elsewhere(model: str, cluster: ClusterOptions, cancel: CancelToken, listener: Listener) -> Elsewhere:
    from denoiser.cluster.mapping import embedded_rows  # an extra

    return functools.partial(embedded_rows, model, cluster, cancel, listener)


def refuse_target(out: str | None, suffixes: tuple[str, ...], example: str) -> Path:
    """The path of --out; raise UsageError if it is missing or has another suffix."""
    if not out:
        raise UsageError("--out is missing: the file to write.", hint=f"For example: {example}")
    path = location(out)
    if isinstance(path, Url):
        raise UsageError(f"{out}: this file cannot be written to a store.", hint=f"For example: {example}")
    if path.suffix.lower() not in suffixes:
        raise UsageError(f"{out}: must end in {' or '.join(suffixes)}.", hint=f"For example: {example}")
    return path


def _images(paths: tuple[str, ...], mode: OutputMode) -> tuple[list[Path], int]:
    """The images below *paths*, each once, and the number of folders that cannot be read, which are printed."""
    found = Survey(looks_like_image).look([location(path) for path in paths])
    unreadable = [UnreadableImage(f"{one.path}: {one.reason}.") for one in found.skipped if one.is_error]
    for error in unreadable:
        to_stderr(one_line(error.message))
    if not found.finds and not unreadable:
        raise NothingToDo(
            f"{shown(location(paths[0]))}: no image found.", hint="Name image files or a folder of images."
        )
    if not mode.quiet:
        for skipped in found.skipped:
            if not skipped.is_error:
                to_stderr(f"Skipped {shown(skipped.path)}: {one_line(skipped.reason)}")
    return list(dict.fromkeys(find.path for find in found.finds)), len(unreadable)
