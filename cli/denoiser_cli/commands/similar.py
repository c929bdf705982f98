"""`denoise similar`: groups of duplicates and look-alikes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from denoiser.batch.layout import writable_row
from denoiser.errors import NothingToDo, UnsafeOutput, UsageError
from denoiser.events import CancelToken, ignore
from denoiser.options import ExploreOptions
from denoiser_cli.completion import complete_value
from denoiser_cli.exploring import embedded, refuse_target
from denoiser_cli.failure import stopping_politely
from denoiser_cli.flags import ExampleCommand, Flag, OutputMode, option_flags, speaking_flags
from denoiser_cli.lines import one_line, to_stderr
from denoiser_cli.render_json import KEYS, emit

if TYPE_CHECKING:
    from pandas import DataFrame

_EXAMPLE = "denoise similar ./imgs"
_EXAMPLES = f"""\
{_EXAMPLE}                                  groups of duplicates and look-alikes
denoise similar ./imgs --out groups.png                 also as a contact sheet
denoise similar ./imgs --query a.jpg                    what is similar to one image
denoise similar ./imgs --index photos.parquet --csv > groups.csv
"""
_COLUMNS = list(KEYS["similar"])


@click.command(cls=ExampleCommand, examples=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="PATHS", shell_complete=complete_value)
@click.option("--query", cls=Flag, metavar="FILE", help="Find images similar to this one.")
@click.option("--out", cls=Flag, metavar="FILE", help="Contact sheet of the groups, for example groups.png.")
@click.option(
    "--index",
    cls=Flag,
    metavar="FILE",
    help="Parquet table that keeps the features for the next call; only new and changed images are read then.",
)
@click.option("--csv", "as_csv", cls=Flag, is_flag=True, help="Print CSV with a header.")
@option_flags(ExploreOptions, section="Hardware", only=("model",))
@speaking_flags
@click.pass_obj
def command(
    mode: OutputMode,
    /,
    paths: tuple[str, ...],
    query: str | None,
    out: str | None,
    index: str | None,
    as_csv: bool,
    model: str,
) -> int:
    """Find duplicates and look-alikes. Nothing is ever deleted.

    Duplicates are copies of one photo: resized, recompressed, slightly cropped or recoloured, turned or denoised.
    The one of each group that has the most detail, by resolution and sharpness, is marked to keep. Look-alikes are
    other photos of the same scene or kind.
    """
    if not paths:
        raise UsageError("No image or folder given.", hint=f"For example: {_EXAMPLE}")
    if as_csv and mode.json:
        raise UsageError("Choose only one of --csv and --json.")
    table_file = refuse_target(index, (".parquet",), f"{_EXAMPLE} --index photos.parquet") if index else None
    sheet = Path(out) if out else None
    if sheet is not None:
        writable_row(sheet)
    with stopping_politely() as cancel:
        made = embedded(paths if query is None else (*paths, query), model, mode, cancel, table_file)
        if sheet is not None and sheet.exists() and any(sheet.samefile(path) for path in made.table["path"]):
            raise UnsafeOutput(f"{sheet}: is one of the images; inputs are never overwritten.")
        groups = _groups(made.table, query, cancel)
        if sheet is not None:
            _draw(made.table, groups, sheet)
    _print(groups, mode, as_csv=as_csv)
    return made.exit_code


def _groups(table: DataFrame, query: str | None, cancel: CancelToken) -> DataFrame:
    from denoiser.workbench.similar import find_like, find_similar

    if query is None:
        return find_similar(table, listener=ignore, cancel=cancel)
    places = [number for number, path in enumerate(table["path"]) if Path(path) == Path(query)]
    if not places:
        raise NothingToDo(f"{query}: is not an image that can be read.", hint="Pass an image to --query.")
    return find_like(table, places[0])


def _draw(table: DataFrame, groups: DataFrame, sheet: Path) -> None:
    from denoiser import imageio
    from denoiser.imageio.group_sheet import Group, group_sheet

    parts = []
    for (number, kind), members in groups.groupby(["group", "kind"], sort=False):
        captions = [
            f"{'keep  ' if keep and kind == 'duplicates' else ''}{Path(path).name}"
            for path, keep in zip(members["path"], members["keep"], strict=True)
        ]
        thumbnails = [table["thumbnail"].iloc[row] for row in members["row"]]
        parts.append(Group(f"{number}: {len(members)} {kind or 'neighbours'}", tuple(thumbnails), tuple(captions)))
    imageio.write(group_sheet(parts), sheet)


def _print(groups: DataFrame, mode: OutputMode, *, as_csv: bool) -> None:
    if as_csv:
        click.echo(groups[_COLUMNS].to_csv(index=False), nl=False)
    elif mode.json:
        for record in groups[_COLUMNS].to_dict("records"):
            emit("similar", record)
    else:
        _print_text(groups)
    if not mode.quiet and not len(groups):
        to_stderr("No duplicates and no look-alikes.")
    extra = groups[~groups["keep"]]
    if not mode.quiet and len(extra):
        to_stderr(f"{len(extra)} duplicates of images that would be kept. Nothing was deleted.")


def _print_text(groups: DataFrame) -> None:
    for (number, kind), members in groups.groupby(["group", "kind"], sort=False):
        click.echo(f"Group {number}, {len(members)} {kind or 'neighbours'}")
        for row in members.itertuples():
            mark = "keep" if row.keep and kind == "duplicates" else ""
            size = f"{row.width}x{row.height}"
            click.echo(
                f"  {mark:4}  {size:>11}  sharpness {row.sharpness:.3f}  similarity {row.similarity:5.2f}  "
                f"{one_line(row.path)}"
            )
