"""`denoise interpolate`: images between two images, through the codes of a trained autoencoder."""

from __future__ import annotations

from pathlib import Path

import click

from denoiser_cli.autoencoder_model import MODEL, image_for, print_written
from denoiser_cli.completion import complete_value
from denoiser_cli.flags import ExampleCommand, Flag, OutputMode, speaking_flags

_EXAMPLES = """\
denoise interpolate ./vae one.png seven.png --out strip.png
denoise interpolate ./vae one.png seven.png --steps 20 --out strip.png
"""


@click.command(cls=ExampleCommand, examples=_EXAMPLES)
@MODEL
@click.argument("first", metavar="SOURCE", shell_complete=complete_value)
@click.argument("second", metavar="SOURCE", shell_complete=complete_value)
@click.option("--out", cls=Flag, required=True, metavar="FILE", help="Image file for the strip.")
@click.option(
    "--steps",
    cls=Flag,
    type=click.IntRange(2, 1000),
    default=10,
    metavar="N",
    help="Number of images. [default 10]",
)
@speaking_flags
@click.pass_obj
def command(mode: OutputMode, /, model: str, first: str, second: str, out: str, steps: int) -> int:
    """Interpolate between two images.

    Both are cropped to squares and resized for the model. The strip shows the codes on the line between theirs,
    decoded.
    """
    from denoiser import imageio  # slow imports (torch): after the arguments are checked
    from denoiser.imageio.sheet import image_grid
    from denoiser.workbench.autoencoder import as_pixels, load_autoencoder
    from denoiser.workbench.codes import interpolate

    loaded = load_autoencoder(model)
    between = interpolate(loaded, image_for(loaded, first), image_for(loaded, second), steps)
    imageio.write(image_grid(as_pixels(between), columns=steps), Path(out))
    print_written(mode, out)
    return 0
