"""`denoise embed`: features, layout and clusters of images as a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from denoiser.errors import UsageError
from denoiser.events import CancelToken
from denoiser.options import ExploreOptions
from denoiser_cli.completion import complete_value
from denoiser_cli.exploring import TABLES, Embedded, embedded, refuse_target
from denoiser_cli.failure import stopping_politely
from denoiser_cli.flags import (
    ExampleCommand,
    Flag,
    OutputMode,
    cluster_flags,
    cluster_of,
    collect,
    option_flags,
    speaking_flags,
)
from denoiser_cli.lines import shown, to_stderr
from denoiser_cli.render_json import emit

if TYPE_CHECKING:
    from pandas import DataFrame

_EXAMPLE = "denoise embed ./imgs --out photos.parquet"
_EXAMPLES = f"""\
{_EXAMPLE}
denoise embed ./imgs --out photos.csv --clusters 8
denoise embed ./by-label --out photos.parquet --probe
denoise embed ./digits --out digits.parquet --model ./run/autoencoder.safetensors
"""
_MOST_RECONSTRUCTED = 2000  # images for the errors of an autoencoder and of PCA


@click.command(cls=ExampleCommand, examples=_EXAMPLES, urls=True)
@click.argument("paths", nargs=-1, metavar="PATHS", shell_complete=complete_value)
@click.option("--out", cls=Flag, metavar="FILE", help="Output table, .parquet or .csv. [required]")
@click.option(
    "--probe", cls=Flag, is_flag=True, help="Print the accuracy of a linear classifier of the folder names."
)
@option_flags(ExploreOptions, section="Map")
@cluster_flags
@speaking_flags
@click.pass_obj
def command(mode: OutputMode, /, paths: tuple[str, ...], out: str | None, probe: bool, **words: Any) -> int:
    """Write features, layout and clusters of images to a table.

    The columns are path, folder, features, x, y, cluster, width, height, date, taken, noise, sharpness and
    thumbnail. An existing Parquet file is updated: only new and changed images are read. With an autoencoder, its
    reconstruction error is printed beside that of PCA with as many dimensions.
    """
    if not paths:
        raise UsageError("No image or folder given.", hint=f"For example: {_EXAMPLE}")
    target = refuse_target(out, TABLES, _EXAMPLE)
    options = collect(ExploreOptions, words)
    with stopping_politely() as cancel:
        index = target if target.suffix.lower() == ".parquet" else None
        made = embedded(paths, options.model, mode, cancel, index, cluster_of(words))
        facts = _facts(made, options, probe, target, cancel)
    if mode.json:
        emit("embedded", facts)
    elif not mode.quiet:
        _print(facts, target)
    return made.exit_code


def _facts(
    made: Embedded, options: ExploreOptions, probe: bool, target: Path, cancel: CancelToken
) -> dict[str, Any]:
    """Write the table; return what is printed."""
    from denoiser.workbench import analysis
    from denoiser.workbench.embedding import write_table

    table = analysis.located(made.table, options)
    facts: dict[str, Any] = dict.fromkeys(("probe", "folds", "error", "pca_error"))
    facts |= {"images": len(table), "reused": made.reused, "clusters": int(table["cluster"].max() + 1)}
    if probe:
        features = analysis.stacked(table)
        labels = [Path(folder).name for folder in table["folder"]]
        facts["probe"], facts["folds"] = analysis.probe(features, labels, seed=options.seed)
    if table.attrs["codes"]:
        facts["error"], facts["pca_error"] = _errors(table, options.model)
    cancel.raise_if_cancelled()
    write_table(table, target)
    return facts


def _errors(table: DataFrame, model: str) -> tuple[float, float]:
    """The reconstruction errors of an autoencoder and of PCA on the images of the table."""
    import numpy as np

    from denoiser import imageio
    from denoiser.storage import as_file, location
    from denoiser.workbench.analysis import reconstruction_errors
    from denoiser.workbench.embedding import small_pixels
    from denoiser.workbench.encoder import CodeEncoder, load_encoder

    encoder = load_encoder(model)
    assert isinstance(encoder, CodeEncoder)
    paths = table["path"].sample(min(len(table), _MOST_RECONSTRUCTED), random_state=0)
    inputs = []
    for path in paths:
        with as_file(location(path)) as file:
            inputs.append(encoder.inputs(small_pixels(imageio.read(file))))
    return reconstruction_errors(encoder.network, np.concatenate(inputs))


def _print(facts: dict[str, Any], target: Path) -> None:
    reused = f", {facts['reused']} of them unchanged" if facts["reused"] else ""
    to_stderr(f"{facts['images']} images{reused} in {facts['clusters']} clusters: {shown(target)}")
    if facts["probe"] is not None:
        click.echo(
            f"Linear probe: {facts['probe']:.1%} of the labels are right, by {facts['folds']}-fold validation."
        )
    if facts["error"] is not None:
        click.echo(
            f"Mean squared error: autoencoder {facts['error']:.5f}, PCA with as many dimensions "
            f"{facts['pca_error']:.5f}."
        )
