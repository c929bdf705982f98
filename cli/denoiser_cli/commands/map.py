"""`denoise map`: a map of images as a web page and as an image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from denoiser.errors import UsageError
from denoiser.events import CancelToken
from denoiser.options import ExploreOptions
from denoiser_cli.completion import complete_value
from denoiser_cli.exploring import embedded, refuse_target
from denoiser_cli.failure import stopping_politely
from denoiser_cli.flags import ExampleCommand, Flag, OutputMode, collect, option_flags, speaking_flags
from denoiser_cli.lines import shown, to_stderr

if TYPE_CHECKING:
    from pandas import DataFrame

_EXAMPLE = "denoise map ./imgs --out map.html"
_EXAMPLES = f"""\
{_EXAMPLE}
denoise map photos.parquet --out map.html           the table of `denoise embed`
denoise map photos.parquet --out map.html --layout umap --clusters 12
"""


@click.command(cls=ExampleCommand, examples=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="PATHS", shell_complete=complete_value)
@click.option("--out", cls=Flag, metavar="FILE", help="Output page, .html; a .png is written beside it. [required]")
@option_flags(ExploreOptions, section="Map")
@speaking_flags
@click.pass_obj
def command(mode: OutputMode, /, paths: tuple[str, ...], out: str | None, **words: Any) -> int:
    """Draw a map of images as a web page, with similar images close together.

    The page is one file that works offline. It shows photos on hover, their neighbours on a click, and saves the
    list of what a box or lasso selects as CSV. Colours show cluster, folder, noise or date. PATHS are images and
    folders, or one Parquet table of `denoise embed`, whose layout and clusters are kept unless flags change them.
    """
    if not paths:
        raise UsageError("No image, folder or table given.", hint=f"For example: {_EXAMPLE}")
    target = refuse_target(out, (".html",), _EXAMPLE)
    options = collect(ExploreOptions, words)
    with stopping_politely() as cancel:
        table, exit_code = _table(paths, options, mode, cancel)
        cancel.raise_if_cancelled()
        _write(table, target)
    if not mode.quiet and not mode.json:
        to_stderr(f"{len(table)} images on {shown(target)} and {shown(target.with_suffix('.png'))}")
    return exit_code


def _table(
    paths: tuple[str, ...], options: ExploreOptions, mode: OutputMode, cancel: CancelToken
) -> tuple[DataFrame, int]:
    """The table with layout and clusters, and the exit code."""
    from denoiser.workbench.analysis import located
    from denoiser.workbench.embedding import read_table

    if any(Path(path).suffix.lower() in (".parquet", ".csv") for path in paths):
        if len(paths) > 1:
            raise UsageError(
                "A map shows one table.", hint="Make one of all folders: denoise embed ./a ./b --out FILE"
            )
        table = read_table(Path(paths[0]))
        source_of = click.get_current_context().get_parameter_source
        changed = [
            name for name in ("layout", "clusters", "seed") if source_of(name) is not ParameterSource.DEFAULT
        ]
        return (located(table, options) if changed or "x" not in table else table), 0
    made = embedded(paths, options.model, mode, cancel)
    return located(made.table, options), made.exit_code


def _write(table: DataFrame, target: Path) -> None:
    from denoiser import imageio
    from denoiser.atomicfile import whole_file
    from denoiser.workbench.analysis import feature_space
    from denoiser.workbench.map_page import map_image, map_page

    page = map_page(table, feature_space(table), title="Map of photos", folder=target.parent)
    with whole_file(target) as file:
        file.write(page.encode())
    imageio.write(map_image(table), target.with_suffix(".png"))
