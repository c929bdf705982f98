"""Less than full strength in two ways: blending with the source, and a lower noise level for the network.

Real pairs (<scene>__noisy.*, <scene>__clean.*) are searched for below --data. For each share: PSNR of the blend, of
the level at that share of the estimate, and of the level at which the network removes as much as the blend; and the
share of what full strength removes that each of them removes.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import contract
import numpy as np

from denoiser import imageio
from denoiser.engine.session import Session
from denoiser.estimation.estimate import NoiseEstimate
from denoiser.estimation.estimator import estimate_noise
from denoiser.image import Image
from denoiser.imageio import formats
from denoiser.metrics import psnr
from denoiser.options import DenoiseOptions

SHARES = (0.25, 0.5, 0.75)
STEPS = 7  # of the search for the level that removes as much


def removed(source: Image, result: Image) -> float:
    return float(np.std(source.pixels.astype(np.float32) - result.pixels))


def at_level(session: Session, image: Image, estimate: NoiseEstimate, factor: float) -> Image:
    options = DenoiseOptions(noise_level=min(75.0, max(1e-3, factor * estimate.sigma)))
    return session.clean(image, options=options, estimate=estimate).image


def alike(session: Session, image: Image, estimate: NoiseEstimate, wanted: float) -> Image:
    """The result at the level at which the network removes as much as *wanted*."""
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        factor = (low + high) / 2
        result = at_level(session, image, estimate, factor)
        low, high = (factor, high) if removed(image, result) < wanted else (low, factor)
    return result


def main() -> int:
    arguments = contract.parser(__doc__)
    arguments.add_argument("--data", type=Path, required=True, metavar="PAIRS", help="folder of pairs")
    arguments.add_argument("--model", default="auto", metavar="NAME", help="the denoiser")
    arguments.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth pair")
    words = arguments.parse_args()
    report = contract.Report(__doc__, words)
    paths = sorted(path for path in words.data.rglob("*__noisy.*") if formats.is_image_name(path))[:: words.every]
    session = Session(DenoiseOptions(model=words.model, device="cpu"))
    scores: dict[tuple[float, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for path in paths:
        image = imageio.read(path)
        truth = imageio.read(path.with_name(path.name.replace("__noisy", "__clean"))).pixels
        estimate = estimate_noise(image)
        whole = removed(image, at_level(session, image, estimate, 1.0))
        for share in SHARES:
            options = DenoiseOptions(noise_level=estimate.sigma, strength=share)
            blend = session.clean(image, options=options, estimate=estimate).image
            ways = {"blend": blend, "level": at_level(session, image, estimate, share)}
            ways |= {"level, as much removed": alike(session, image, estimate, removed(image, blend))}
            for name, result in ways.items():
                scores[share, name]["psnr"].append(psnr(result.pixels, truth, white=image.white))
                scores[share, name]["removed"].append(removed(image, result) / whole)
    for (share, name), values in scores.items():
        facts = {key: round(float(np.mean(list_)), 2) for key, list_ in values.items()}
        report.add_facts(f"{len(paths)} pairs, share {share}", name, **facts)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
