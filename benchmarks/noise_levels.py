"""Real photos at every noise level: PSNR, colour of blocks, refusals, and whether a higher level is smoother.

Photos are searched for below --data; of pairs (<scene>__noisy.*, <scene>__clean.*) the noisy side is cleaned and
compared with the clean one. For each level:

    psnr      mean over the pairs, and the median; fall: the median difference from the first level
    shift     largest change of the mean colour of a block of 64 x 64 pixels, in 8-bit steps, beyond what the noise
              did there: measured for pairs, else 4/64 of the estimated sigma, and 0.4 of it near black and white;
              over: the share of images above 1
    kept      share of all pixels that the sanity check kept as in the source
    refused   images that ended in an error
    rises     images whose high-frequency energy is more than 1 % above that of the next lower level
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import contract
import numpy as np

from denoiser import imageio
from denoiser.engine.session import Session
from denoiser.errors import FaultyResult
from denoiser.estimation.estimate import NoiseEstimate
from denoiser.estimation.estimator import estimate_noise
from denoiser.events import CancelToken
from denoiser.image import Image
from denoiser.imageio import formats
from denoiser.options import DenoiseOptions

LEVELS = ("auto", "2x", "3x", "2", "5", "8", "12", "16", "23", "32", "50", "75")
BLOCK = 64
BAR_SHIFT, BAR_RISE = 1.0, 1.01


def cleaned(session: Session, image: Image, level: float | None, estimate: NoiseEstimate) -> tuple[Image, float]:
    """The result, and the share that was kept as in the source."""
    gradual = session.gradual(image, level, estimate)
    while gradual.clean_next(None, CancelToken()):
        pass
    canvas = gradual.work.canvas
    return session.finish(gradual.work).image, canvas.kept_share if canvas else 0.0


def level_of(word: str, estimate: NoiseEstimate) -> float | None:
    if word == "auto":
        return None
    return min(75.0, estimate.sigma * float(word[0])) if word.endswith("x") else float(word)


def block_means(pixels: np.ndarray) -> np.ndarray:
    height, width = (side // BLOCK * BLOCK for side in pixels.shape[:2])
    blocks = pixels[:height, :width].astype(np.float64).reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK, -1)
    return blocks.mean(axis=(1, 3))


def shift(source: np.ndarray, result: np.ndarray, truth: np.ndarray | None, estimate: NoiseEstimate) -> float:
    means = block_means(source)
    if not means.size:
        return 0.0
    if truth is not None:
        explained = np.abs(block_means(truth) - means)
    else:
        near_end = np.minimum(means, 255 - means) < 2 * estimate.sigma
        explained = estimate.sigma * (4 / BLOCK + 0.4 * near_end)
    return float((np.abs(block_means(result) - means) - explained).max())


def energy(pixels: np.ndarray) -> float:
    """Of the finest detail: second differences down and across."""
    grey = pixels.astype(np.float32).mean(axis=2)
    return float(np.square(np.diff(grey, 2, axis=0)).mean() + np.square(np.diff(grey, 2, axis=1)).mean())


def middle(image: Image, side: int) -> Image:
    top, left = max(0, image.height - side) // 2, max(0, image.width - side) // 2
    alpha = None if image.alpha is None else image.alpha[top : top + side, left : left + side]
    pixels = np.ascontiguousarray(image.pixels[top : top + side, left : left + side])
    return image.with_pixels(pixels, alpha) if alpha is not None else image.with_pixels(pixels)


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(np.square(one.astype(np.float64) - other).mean(), 1e-9)))


def main() -> int:
    arguments = contract.parser(__doc__)
    arguments.add_argument("--data", type=Path, required=True, metavar="DIR", help="photos or pairs")
    arguments.add_argument("--model", default="fast", help="a name or a .safetensors file (fast)")
    arguments.add_argument("--side", type=int, default=100_000, metavar="N", help="only the middle of N x N pixels")
    arguments.add_argument("--levels", nargs="+", default=list(LEVELS), metavar="LEVEL", help=" ".join(LEVELS))
    words = arguments.parse_args()
    report = contract.Report(__doc__, words)
    photos = sorted(path for path in words.data.rglob("*") if formats.is_image_name(path))
    truths = {path: path.with_name(path.name.replace("__noisy", "__clean")) for path in photos}
    truths = {noisy: clean for noisy, clean in truths.items() if clean != noisy and clean in photos}
    photos = [path for path in photos if path not in truths.values()]
    found: dict[str, dict[str, list[float]]] = {word: defaultdict(list) for word in words.levels}
    session = Session(DenoiseOptions(model=words.model, device="cpu"))
    for path in photos:
        image = middle(imageio.read(path), words.side)
        truth = middle(imageio.read(truths[path]), words.side).pixels if path in truths else None
        estimate = estimate_noise(image)
        before = np.inf
        for word in words.levels:
            figures = found[word]
            try:
                result, kept = cleaned(session, image, level_of(word, estimate), estimate)
            except FaultyResult:
                figures["refused"].append(1.0)
                continue
            figures["kept"].append(kept)
            figures["shift"].append(shift(image.pixels, result.pixels, truth, estimate))
            if truth is not None:
                figures["psnr"].append(psnr(result.pixels, truth))
            if word[-1].isdigit():  # they are given in ascending order
                now = energy(result.pixels)
                figures["rises"].append(float(now > BAR_RISE * before))
                before = now
    for word, figures in found.items():
        facts = {"refused": len(figures["refused"]), "kept %": round(100 * float(np.mean(figures["kept"])), 3)}
        facts |= {"shift": round(max(figures["shift"]), 2), "rises": int(sum(figures["rises"]))}
        facts |= {"over": round(float(np.mean(np.array(figures["shift"]) > BAR_SHIFT)), 2)}
        if figures["psnr"]:
            first = found[words.levels[0]]["psnr"]
            facts |= {"fall": round(float(np.median(np.subtract(first, figures["psnr"]))), 2)}
            facts |= {"psnr": round(float(np.mean(figures["psnr"])), 2)}
            facts |= {"median": round(float(np.median(figures["psnr"])), 2)}
        report.add_facts(f"{len(photos)} images, level {word}", session.model_name, **facts)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
