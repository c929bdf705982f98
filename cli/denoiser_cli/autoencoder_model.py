"""The MODEL argument of commands for trained autoencoders, and images resized for one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from denoiser.errors import UnusableData
from denoiser_cli.completion import complete_value
from denoiser_cli.flags import OutputMode

if TYPE_CHECKING:
    from denoiser.workbench.autoencoder import Autoencoder

MODEL = click.argument("model", metavar="MODEL", shell_complete=complete_value)


def image_for(model: Autoencoder, path: str) -> Any:
    """The image in *path* as *model* takes it: (H, W) or (H, W, C) uint8."""
    from denoiser.training.image_sets import read_image

    channels, height, width = model.image_shape
    if height != width:
        raise UnusableData(f"This model takes {width}×{height} values, not square images.")
    pixels = read_image(Path(path), height, colour=channels == 3)
    return pixels if channels == 3 else pixels[:, :, 0]


def print_written(mode: OutputMode, out: str) -> None:
    """Print the path of the output, unless the output is quiet or JSON."""
    if not mode.quiet and not mode.json:
        click.echo(out)
