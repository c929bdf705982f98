"""Free sample photos and reproducible noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from denoiser.errors import MissingExtra

if TYPE_CHECKING:
    from denoiser.image import Image

CREDITS_NAME = "CREDITS.txt"


@dataclass(frozen=True, slots=True)
class Sample:
    """A photo bundled with scikit-image, and its noise."""

    photo: str
    name: str  # of the noisy file; the suffix is its format
    noise: str  # "white" or "camera"
    amount: float  # white: sigma in 8-bit steps; camera: variance of the photons per unit of light
    bits: int
    seed: int
    credit: str


SAMPLES = (
    Sample(
        "astronaut.png", "astronaut.png", "white", 25, 8, 1,
        "Eileen Collins; NASA, Great Images in NASA. Public domain.",
    ),
    Sample("coffee.png", "coffee.jpg", "white", 15, 8, 2, "Rachel Michetti, Pikolo Espresso Bar. CC0."),
    Sample("chelsea.png", "chelsea.jpg", "camera", 8e-3, 8, 3, "Stéfan van der Walt. CC0."),
    Sample("rocket.jpg", "rocket.png", "camera", 4e-3, 16, 4, "SpaceX. Public domain."),
    Sample("camera.png", "camera.png", "white", 25, 8, 5, "Lav Varshney. CC0."),
)  # fmt: skip

JPEG_QUALITY = 92


def credits() -> str:
    """Return the text of CREDITS.txt."""
    lines = [f"{sample.name}: {sample.credit}" for sample in SAMPLES]
    head = "The photos are bundled with scikit-image and free to use; the noise was added by `denoise samples`."
    return "\n".join([head, "", *lines, ""])


def make(sample: Sample) -> tuple[Image, Image]:
    """Return the noisy and the clean photo."""
    import numpy as np
    import torch

    from denoiser.image import from_numpy
    from denoiser.imageio import read
    from denoiser.noise import add_white, shoot

    photo = read(_photo(sample.photo))
    values = torch.from_numpy(photo.pixels.astype(np.float32) / photo.white).permute(2, 0, 1).unsqueeze(0)
    generator = torch.Generator().manual_seed(sample.seed)
    if sample.noise == "camera":
        noisy, clean = shoot(values, generator, shot=torch.tensor([sample.amount]))
    else:
        noisy, clean = add_white(values, sample.amount, generator), values
    both = (noisy, clean)
    white = (1 << sample.bits) - 1
    dtype = np.uint8 if sample.bits == 8 else np.uint16
    arrays = ((v[0].clamp(0, 1) * white).round().permute(1, 2, 0).numpy().astype(dtype) for v in both)
    noisy_image, clean_image = (from_numpy(array) for array in arrays)
    return noisy_image, clean_image


def names() -> Iterator[str]:
    """Yield the names of all files that are written."""
    yield from (sample.name for sample in SAMPLES)
    yield CREDITS_NAME


def _photo(name: str) -> Path:
    # Read the files directly: importing scikit-image takes seconds.
    found = find_spec("skimage")
    path = Path(found.origin).parent / "data" / name if found and found.origin else None
    if path is None or not path.is_file():
        raise MissingExtra("The sample photos need scikit-image, which is not installed.", extra="demo")
    return path
