"""`denoise generate`: new images from a trained autoencoder."""

from __future__ import annotations

from pathlib import Path

import click

from denoiser_cli.autoencoder_model import MODEL, print_written
from denoiser_cli.flags import ExampleCommand, Flag, OutputMode, speaking_flags

_EXAMPLES = """\
denoise train autoencoder mnist.npz --kind variational --out ./vae
denoise generate ./vae --out grid.png
denoise generate ./vae --count 100 --seed 1 --out more.png
"""


@click.command(cls=ExampleCommand, examples=_EXAMPLES)
@MODEL
@click.option("--out", cls=Flag, required=True, metavar="FILE", help="Image file for the grid.")
@click.option(
    "--count",
    cls=Flag,
    type=click.IntRange(1, 10_000),
    default=64,
    metavar="N",
    help="Number of images. [default 64]",
)
@click.option("--seed", cls=Flag, type=click.IntRange(0), default=0, metavar="N", help="Random seed. [default 0]")
@speaking_flags
@click.pass_obj
def command(mode: OutputMode, /, model: str, out: str, count: int, seed: int) -> int:
    """Generate images from random codes.

    A variational autoencoder is made for this. Codes of other kinds are drawn from a normal distribution with the
    mean and covariance of the training codes, and their images are often blurred.
    """
    from denoiser import imageio  # slow imports (torch): after the arguments are checked
    from denoiser.imageio.sheet import image_grid
    from denoiser.workbench.autoencoder import as_pixels, load_autoencoder

    images = load_autoencoder(model).sample(count, seed)
    imageio.write(image_grid(as_pixels(images)), Path(out))
    print_written(mode, out)
    return 0
