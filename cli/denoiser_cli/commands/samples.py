"""`denoise samples`: writes noisy sample photos."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from denoiser.errors import MissingExtra, UsageError
from denoiser_cli.completion import complete_value
from denoiser_cli.flags import ExampleCommand, Flag, OutputMode, speaking_flags
from denoiser_cli.lines import shown, to_stderr

if TYPE_CHECKING:
    from denoiser.image import Image


_EXAMPLES = """\
denoise samples ./imgs                              write five noisy photos
denoise samples ./imgs --originals ./originals      also write them without noise
"""


@click.command(cls=ExampleCommand, examples=_EXAMPLES)
@click.argument("folder", metavar="DIR", shell_complete=complete_value)
@click.option(
    "--originals", cls=Flag, metavar="DIR", help="Also write the photos without noise, as PNG, to this folder."
)
@speaking_flags
@click.pass_obj
def command(mode: OutputMode, /, folder: str, originals: str | None) -> int:
    """Write noisy sample photos.

    The photos are public domain or CC0 and come with scikit-image (extra `demo`); CREDITS.txt lists the authors.
    The noise is the same in every call. Existing files are not overwritten.
    """
    from denoiser import imageio
    from denoiser.atomicfile import whole_file
    from denoiser.options import WriteOptions

    noisy_folder, clean_folder = Path(folder), Path(originals) if originals else None
    targets = [noisy_folder / name for name in names()]
    if clean_folder is not None:
        targets += [_original(clean_folder, sample) for sample in SAMPLES]
    _refuse_present(targets)
    for sample in SAMPLES:
        noisy, clean = make(sample)
        imageio.write(noisy, noisy_folder / sample.name, WriteOptions(quality=JPEG_QUALITY))
        if clean_folder is not None:
            imageio.write(clean, _original(clean_folder, sample))
    with whole_file(noisy_folder / CREDITS_NAME) as file:
        file.write(credits().encode())
    for target in targets:
        click.echo(json.dumps({"written": str(target)}) if mode.json else shown(target))
    if not mode.quiet:
        to_stderr(f"Now try: denoise {shown(noisy_folder)} --out ./clean")
    return 0


def _original(folder: Path, sample: SamplePhoto) -> Path:
    return (folder / sample.name).with_suffix(".png")


def _refuse_present(targets: list[Path]) -> None:
    for target in targets:
        if target.exists():
            raise UsageError(f"{target}: already exists.", hint="Choose another folder.")


CREDITS_NAME = "CREDITS.txt"


@dataclass(frozen=True, slots=True)
class SamplePhoto:
    """A photo bundled with scikit-image, and its noise."""

    photo: str
    name: str  # of the noisy file; the suffix is its format
    noise: str  # "white" or "camera"
    amount: float  # white: sigma in 8-bit steps; camera: variance of the photons per unit of light
    bits: int
    seed: int
    credit: str


SAMPLES = (
    SamplePhoto(
        "astronaut.png", "astronaut.png", "white", 25, 8, 1,
        "Eileen Collins; NASA, Great Images in NASA. Public domain.",
    ),
    SamplePhoto("coffee.png", "coffee.jpg", "white", 15, 8, 2, "Rachel Michetti, Pikolo Espresso Bar. CC0."),
    SamplePhoto("chelsea.png", "chelsea.jpg", "camera", 8e-3, 8, 3, "Stéfan van der Walt. CC0."),
    SamplePhoto("rocket.jpg", "rocket.png", "camera", 4e-3, 16, 4, "SpaceX. Public domain."),
    SamplePhoto("camera.png", "camera.png", "white", 25, 8, 5, "Lav Varshney. CC0."),
)  # fmt: skip

JPEG_QUALITY = 92


def credits() -> str:
    """Return the text of CREDITS.txt."""
    lines = [f"{sample.name}: {sample.credit}" for sample in SAMPLES]
    head = "The photos are bundled with scikit-image and free to use; the noise was added by `denoise samples`."
    return "\n".join([head, "", *lines, ""])


def make(sample: SamplePhoto) -> tuple[Image, Image]:
    """Return the noisy and the clean photo."""
    import numpy as np
    import torch

    from denoiser.image import from_numpy
    from denoiser.imageio import read
    from denoiser.noise.camera import shoot
    from denoiser.noise.simple import add_white

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
