"""`denoise explain`: what the numbers of an image's code change, and which images activate them most."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from denoiser_cli.autoencoder_model import MODEL, image_for, print_written
from denoiser_cli.completion import complete_value
from denoiser_cli.flags import ExampleCommand, Flag, OutputMode, speaking_flags
from denoiser_cli.lines import to_stderr

if TYPE_CHECKING:
    from denoiser.workbench.autoencoder import Autoencoder

_EXAMPLES = """\
denoise explain ./vae seven.png --out strips.png
denoise explain ./vae seven.png --latents 5 --json --out strips.png
denoise explain ./sparse seven.png --images mnist.npz --out units.png
"""
_MOST_IMAGES = 10_000  # of a set, to search for those that activate a unit most


@click.command(cls=ExampleCommand, examples=_EXAMPLES)
@MODEL
@click.argument("image", metavar="SOURCE", shell_complete=complete_value)
@click.option("--out", cls=Flag, required=True, metavar="FILE", help="Image file for the strips.")
@click.option(
    "--latents",
    cls=Flag,
    type=click.IntRange(1, 1024),
    default=16,
    metavar="N",
    help="Number of strips. [default 16]",
)
@click.option(
    "--images", cls=Flag, metavar="DATA", help="Show the images of this set that activate each number most."
)
@speaking_flags
@click.pass_obj
def command(mode: OutputMode, /, model: str, image: str, out: str, latents: int, images: str | None) -> int:
    """Explain the code of an image.

    Each row of the output is one number of the code, those that vary most over the training images first: the image
    decoded with that number from low to high. With --images, each row has the images with the largest values
    instead. A number is active if its variance exceeds 0.01.
    """
    from denoiser import imageio  # slow imports (torch): after the arguments are checked
    from denoiser.imageio.sheet import image_grid
    from denoiser.workbench.autoencoder import as_pixels, load_autoencoder
    from denoiser.workbench.codes import explain

    loaded = load_autoencoder(model)
    found = explain(loaded, image_for(loaded, image), latents=latents)
    if mode.json:
        for latent in found:
            click.echo(json.dumps({"latent": latent.index, "deviation": latent.deviation, "active": latent.active}))
    elif not mode.quiet:
        active = sum(latent.active for latent in found)
        numbers = ", ".join(str(latent.index) for latent in found)
        to_stderr(f"{active} of these {len(found)} numbers are active: {numbers}")
    if images:
        grid, columns = _strongest(loaded, images, latents)
    else:
        grid, columns = as_pixels(np.concatenate([latent.strip for latent in found])), len(found[0].strip)
    imageio.write(image_grid(grid, columns=columns), Path(out))
    print_written(mode, out)
    return 0


def _strongest(model: Autoencoder, source: str, units: int) -> tuple[np.ndarray, int]:
    from denoiser.training.image_sets import as_floats, load_image_set
    from denoiser.workbench.codes import strongest_images

    channels, height, _ = model.image_shape
    found = load_image_set(source, size=height if Path(source).is_dir() else None, colour=channels == 3)
    pixels = as_floats(found.train[:_MOST_IMAGES]).permute(0, 2, 3, 1).numpy()
    chosen = strongest_images(model, pixels, units=units)
    return np.concatenate([pixels[rows] for rows in chosen.values()]), len(next(iter(chosen.values())))
