"""What each kind of noise costs beside a training step of the small denoiser, and JPEG in torch beside libjpeg.

One thread. The bar: the mixture that training draws takes at most a tenth of a step. "ms per MP" is core time, so
that other work on the machine does not count. --device cuda measures on a GPU, which JPEG must not leave.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import contract
import torch
from skimage import data
from torch import Tensor

from denoiser.imageio.rivals import recompressed
from denoiser.networks import registry
from denoiser.networks.conditioning import Denoiser
from denoiser.noise import camera, simple
from denoiser.noise.jpeg import through_jpeg
from denoiser.training import recipe
from denoiser.training.degrade import degrade
from denoiser.training.recipe import NoiseShares
from denoiser.training.run import LOSSES

PATCH = 96
DESIGN = NoiseShares(white=0.45, camera=0.33, shaped=0.12, clean=0.10)
MIXTURE_SHARE = 0.1  # of a training step
QUALITY = 80


def main() -> int:
    words = arguments()
    report = contract.Report(__doc__, words)
    torch.set_num_threads(1)
    device = torch.device(words.device)
    crops = photo_crops(words.crops).to(device)
    generator = torch.Generator(device).manual_seed(words.seed)
    megapixels = crops.shape[0] * PATCH**2 / 1e6
    step = training_step(crops)
    cases = {
        "kinds": {"training step": step} | kinds(crops, generator),
        "JPEG, colour in full": jpeg(crops, half_chroma=False),
        "JPEG, colour at half size": jpeg(crops, half_chroma=True),
    }
    for case, alternatives in cases.items():
        timings = contract.measure(alternatives, repeat=words.repeat)
        cost = {name: {"ms per MP": timing.cpu_median * 1e3 / megapixels} for name, timing in timings.items()}
        bars = {"mixture": MIXTURE_SHARE} if case == "kinds" and device.type == "cpu" else {}
        report.add(
            case, timings, work=megapixels, unit="MP/s", against=next(iter(timings)), at_most=bars, facts=cost
        )
    return report.finish()


def kinds(crops: Tensor, generator: torch.Generator) -> dict[str, Callable[[], object]]:
    """Each kind as training draws it, told levels and all; the ones that are drawn rarely as they are."""
    only = {name: NoiseShares(**(dict.fromkeys(KINDS, 0.0) | {name: 1.0})) for name in KINDS}
    drawn = {"mixture": DESIGN} | only
    calls: dict[str, Callable[[], object]] = {
        name: (lambda shares=shares: degrade(crops, shares, generator)) for name, shares in drawn.items()
    }
    return calls | {
        "shoot": lambda: camera.shoot(crops, generator),
        "photograph": lambda: camera.photograph(crops, generator),
        "poisson": lambda: simple.add_poisson(crops, 200.0, generator),
        "speckle": lambda: simple.add_speckle(crops, 25.0, generator),
    }


KINDS = ("white", "camera", "shaped", "clean", "impulse", "masking")


def jpeg(crops: Tensor, *, half_chroma: bool) -> dict[str, Callable[[], object]]:
    """Ours, batched, beside libjpeg, file by file with the way to the CPU and back."""
    quality = torch.full((len(crops),), float(QUALITY), device=crops.device)

    def by_libjpeg() -> Tensor:
        files = crops.mul(255).round().byte().permute(0, 2, 3, 1).cpu().contiguous().numpy()
        back = [torch.from_numpy(recompressed(file, QUALITY, half_chroma=half_chroma).copy()) for file in files]
        return torch.stack(back).to(crops.device).permute(0, 3, 1, 2) / 255

    return {"libjpeg": by_libjpeg, "torch": lambda: through_jpeg(crops, quality, half_chroma=half_chroma)}


def training_step(crops: Tensor) -> Callable[[], object]:
    """Forward and backward of the small denoiser, without the optimiser."""
    fast = recipe.load("fast")
    network = registry.build(Denoiser, fast.architecture, dict(fast.settings)).to(crops.device)
    planes = torch.zeros(len(crops), 4, 1, 1, device=crops.device)
    images = crops.contiguous(memory_format=torch.channels_last)

    def step() -> None:
        network.zero_grad()
        LOSSES["charbonnier"](network(images, planes), images).backward()

    return step


def photo_crops(count: int) -> Tensor:
    """*count* crops (count, 3, PATCH, PATCH) in 0..1 of a photo."""
    photo = torch.from_numpy(data.astronaut()).permute(2, 0, 1) / 255
    tiles = photo.unfold(1, PATCH, PATCH).unfold(2, PATCH, PATCH).reshape(3, -1, PATCH, PATCH).transpose(0, 1)
    return tiles.repeat(-(-count // len(tiles)), 1, 1, 1)[:count].contiguous()


def arguments() -> argparse.Namespace:
    parser = contract.parser(__doc__)
    parser.add_argument("--crops", type=int, default=16, metavar="N", help="crops in a batch (16)")
    parser.add_argument("--device", default="cpu", metavar="NAME", help="where it is measured (cpu)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
