"""What learning a noise gains where the shipped weights know little: film, stripes, speckle, paper, thermal, X-ray.

    python benchmarks/unusual_noise.py --data CLEAN_PHOTOS --minutes 2

Each noise is simulated. Every other photo is learned from, as a noisy photo alone; the others measure PSNR in
automatic mode.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import contract
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from denoiser import imageio
from denoiser.engine.session import Session
from denoiser.errors import UnusableData
from denoiser.image import Pixels, from_numpy
from denoiser.metrics import psnr
from denoiser.options import DenoiseOptions, TrainOptions
from denoiser.training import learn_noise

LEARNED_SIDE, JUDGED_SIDE = 512, 384  # pixels, of the middle of a photo
GAIN, AT_LEAST = 1.0, 2  # dB, on so many of the noises: what the feature is kept for

Look = Callable[[Tensor, torch.Generator], tuple[Tensor, Tensor]]  # a clean photo (1, 3, H, W) to noisy, clean


def white(like: Tensor, generator: torch.Generator, channels: int = 1) -> Tensor:
    return torch.randn(1, channels, *like.shape[2:], generator=generator)


def smooth(noise: Tensor, down: float, across: float) -> Tensor:
    """*noise* through a Gaussian of these sigmas in pixels, at its old variance."""
    radius = int(3 * max(down, across) + 1)
    at = torch.arange(-radius, radius + 1)
    kernel = torch.exp(-0.5 * (at / down) ** 2)[:, None] * torch.exp(-0.5 * (at / across) ** 2)
    kernel = (kernel / kernel.square().sum().sqrt()).expand(noise.shape[1], 1, -1, -1)
    return functional.conv2d(functional.pad(noise, (radius,) * 4, "reflect"), kernel, groups=noise.shape[1])


def film(clean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Grain over one to two pixels, most of it in luma and in the middle tones."""
    luma, colour = smooth(white(clean, generator), 0.9, 0.9), smooth(white(clean, generator, 3), 1.1, 1.1)
    return clean + (0.85 * luma + 0.5 * colour) * (0.4 + 2.4 * clean * (1 - clean)) * 18 / 255, clean


def stripes(clean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Sigma 10 from row to row, and white noise of sigma 3."""
    rows = torch.randn(1, 1, clean.shape[2], 1, generator=generator)
    return clean + rows * 10 / 255 + white(clean, generator, 3) * 3 / 255, clean


def speckle(clean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Grey, times the mean of twenty looks that hang together over two pixels."""
    grey = as_grey(clean)
    return grey * sum(smooth(white(grey, generator), 0.8, 0.8).square() for _ in range(40)) / 40, grey


def paper(clean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Fibres that darken and brighten, and a scanner's white noise of sigma 2."""
    fibres = [smooth(white(clean, generator), *width) for width in ((0.6, 3), (3, 0.6), (1.5, 1.5))]
    noisy = clean * (1 + sum(fibres) / 3**0.5 * 21 / 255)
    return noisy + white(clean, generator, 3) * 2 / 255, clean


def thermal(clean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Grey, enlarged twofold, with offsets of columns (sigma 5) and rows (2)."""
    grey = as_grey(clean)
    height, width = clean.shape[2:]
    small = torch.randn(1, 1, height // 2 + 1, width // 2 + 1, generator=generator)
    noise = functional.interpolate(small, scale_factor=2, mode="bilinear")[..., :height, :width] * 9
    noise = noise + torch.randn(1, 1, 1, width, generator=generator) * 5
    return grey + (noise + torch.randn(1, 1, height, 1, generator=generator) * 2) / 255, grey


def x_ray(clean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A negative with few quanta, blurred by the detector."""
    negative = 1 - as_grey(clean)
    quanta = (0.02 + 0.9 * (1 - negative)).clamp_min(0.02).sqrt()
    return negative + smooth(white(clean, generator), 0.7, 0.7) * quanta * 22 / 255, negative


def as_grey(clean: Tensor) -> Tensor:
    return clean.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)


LOOKS: dict[str, Look] = {
    "film grain": film,
    "row stripes": stripes,
    "speckle": speckle,
    "scanned paper": paper,
    "thermal": thermal,
    "X-ray": x_ray,
}


def middle(path: Path, side: int) -> Tensor:
    """The middle of a photo, (1, 3, H, W) in 0..1, at most *side* pixels in multiples of 16."""
    pixels = imageio.read(path).pixels
    sizes = [min(side, length) // 16 * 16 for length in pixels.shape[:2]]
    top, left = ((length - size) // 2 for length, size in zip(pixels.shape[:2], sizes, strict=True))
    crop = np.ascontiguousarray(pixels[top : top + sizes[0], left : left + sizes[1]])
    return torch.from_numpy(crop).permute(2, 0, 1)[None].float() / 255


def as_pixels(picture: Tensor) -> Pixels:
    return np.ascontiguousarray((picture[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy())


def scores(model: str, pairs: list[tuple[Pixels, Pixels]]) -> list[float]:
    session = Session(DenoiseOptions(model=model))
    return [psnr(session.clean(from_numpy(noisy)).image.pixels, clean, white=255.0) for noisy, clean in pairs]


def noisy_photos(photos: list[Path], look: Look, seed: int, folder: Path) -> list[tuple[Pixels, Pixels]]:
    """Writes every other photo, noisy, into *folder*; returns the others, noisy and clean."""
    folder.mkdir()
    pairs = []
    for number, path in enumerate(photos):
        side = JUDGED_SIDE if number % 2 else LEARNED_SIDE
        generator = torch.Generator().manual_seed(seed + number)
        noisy, clean = (as_pixels(picture) for picture in look(middle(path, side), generator))
        if number % 2:
            pairs.append((noisy, clean))
        else:
            imageio.write(from_numpy(noisy), folder / f"{number}.png")
    return pairs


def main() -> int:
    arguments = contract.parser(__doc__)
    arguments.add_argument("--data", type=Path, required=True, metavar="DIR", help="clean photos")
    arguments.add_argument("--model", default="fast", help="the weights to start from (fast)")
    arguments.add_argument("--minutes", type=float, default=2.0, help="for each noise (2)")
    arguments.add_argument("--look", action="append", choices=list(LOOKS), help="this one alone; may be repeated")
    words = arguments.parse_args()
    report = contract.Report(__doc__, words)
    options = TrainOptions(minutes=words.minutes, seed=words.seed, start=words.model)
    photos = sorted(path for path in words.data.iterdir() if path.is_file())
    gains = []
    for name in words.look or LOOKS:
        with tempfile.TemporaryDirectory() as passing:
            place = Path(passing)
            pairs = noisy_photos(photos, LOOKS[name], words.seed, place / "noisy")
            before = after = scores(words.model, pairs)
            verdict = "fit refused"
            try:
                learned = learn_noise(place / "noisy", place / "out", options)
                after = scores(str(learned.training.weights), pairs)
                verdict = "kept" if learned.validation and learned.validation.kept else "not kept"
            except UnusableData as error:
                print(f"{name}: {error}", file=sys.stderr, flush=True)
        each = [new - old for new, old in zip(after, before, strict=True)]
        gains.append(statistics.fmean(each))
        noisy = statistics.fmean(psnr(one, clean, white=255.0) for one, clean in pairs)
        facts = {"noisy": noisy, "start": statistics.fmean(before), "gain": gains[-1], "least": min(each)}
        report.add_facts(name, verdict, **{key: round(value, 2) for key, value in facts.items()})
        print(name, verdict, facts, file=sys.stderr, flush=True)
    return report.finish() or int(len(gains) == len(LOOKS) and sum(gain >= GAIN for gain in gains) < AT_LEAST)


if __name__ == "__main__":
    sys.exit(main())
