"""How near noise estimates come to the truth, ours beside the smallest eigenvalue of weak-texture patches.

White noise is added to photos and kept in float, as the papers do; --pairs names real pairs, whose difference is
the truth. Photos are scikit-image's, or those of --photos. The classical method is that of Liu, Tanaka and Okutomi
("Single-image noise level estimation for blind denoising", 2013) on luma; of full and half size the larger counts,
since developed noise hides at full size.
"""

from __future__ import annotations

import math
import statistics
import sys
from pathlib import Path

import contract
import numpy as np
from scipy.stats import gamma
from skimage import data

from denoiser import estimate_noise, imageio
from denoiser.evaluation.noise_accuracy import CLEAN_BELOW, Accuracy, measure_accuracy
from denoiser.evaluation.samples import clean_images, real_pairs, with_white_noise
from denoiser.image import Image, from_numpy

PATCH, MOST_PATCHES, ROUNDS = 5, 30_000, 4


def classical(picture: np.ndarray) -> float:
    """Luma sigma of *picture* (H, W, 3) in 0..255."""
    luma = picture.sum(axis=2) / math.sqrt(3)
    height, width = (side // 2 * 2 for side in luma.shape)
    even = luma[:height, :width]
    half = (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4
    return max(smallest_eigenvalue(luma), 2 * smallest_eigenvalue(half))


def smallest_eigenvalue(plane: np.ndarray) -> float:
    """Sigma from the patches whose texture noise alone could explain, found in a few rounds."""
    step = math.ceil(math.sqrt(plane.size / MOST_PATCHES))
    patches = np.lib.stride_tricks.sliding_window_view(plane, (PATCH, PATCH))[::step, ::step]
    patches = patches.reshape(-1, PATCH * PATCH).astype(np.float64)
    slopes = np.eye(PATCH)[1:] - np.eye(PATCH)[:-1]
    gradient = np.concatenate([np.kron(np.eye(PATCH), slopes), np.kron(slopes, np.eye(PATCH))])
    texture = np.square(patches @ gradient.T).sum(axis=1)
    moments = gradient.T @ gradient
    trace, squares = np.trace(moments), np.trace(moments @ moments)
    limit = gamma.ppf(0.99, trace**2 / 2 / squares, scale=2 * squares / trace)
    variance = smallest(patches)
    for _ in range(ROUNDS):
        weak = patches[texture < limit * variance]
        if len(weak) < 3 * PATCH**2:
            break
        variance = smallest(weak)
    return math.sqrt(variance)


def smallest(patches: np.ndarray) -> float:
    return max(float(np.linalg.eigvalsh(np.cov(patches.T))[0]), 1e-9)


def true_sigma(noise: np.ndarray) -> tuple[float, float]:
    """Luma and chroma sigma of *noise* (H, W, 3)."""
    grey = noise.mean(axis=2, keepdims=True)
    luma = math.sqrt(3 * np.square(grey).mean())
    return luma, math.sqrt(np.square(noise - grey).sum(axis=2).mean() / 2)


def off(found: list[float], truth: list[float]) -> dict[str, float]:
    """The medians of found over true, and of how far that is from 1."""
    return facts(Accuracy.of(found, truth))


def facts(accuracy: Accuracy) -> dict[str, float]:
    return {"ratio": round(accuracy.ratio, 3), "off": round(accuracy.off, 3)}


def in_bytes(image: Image) -> np.ndarray:
    scaled = np.rint(image.pixels.astype(np.float32) * np.float32(255 / image.white)).astype(np.uint8)
    return np.repeat(scaled, 3, axis=2) if image.channels == 1 else scaled


def photos(folder: Path | None) -> dict[str, np.ndarray]:
    if folder is None:
        return {name: getattr(data, name)() for name in ("astronaut", "chelsea", "coffee")}
    return {path.stem: in_bytes(imageio.read(path)) for path in clean_images(folder)}


def on_white_noise(report: contract.Report, clean: dict[str, np.ndarray]) -> None:
    ours = measure_accuracy(clean, estimate_noise)
    for level, (luma, chroma) in ours.white.items():
        theirs = [classical(with_white_noise(picture, level, name) * 255) for name, picture in clean.items()]
        case = f"white {level:g}, {len(clean)} photos"
        report.add_facts(case, "ours, luma", **facts(luma))
        report.add_facts(case, "ours, chroma", **facts(chroma))
        report.add_facts(case, "classical, luma", **off(theirs, [level] * len(theirs)))
    theirs = [classical(picture.astype(np.float64)) for picture in clean.values()]
    for name, found in (("ours, luma", list(ours.untouched)), ("classical, luma", theirs)):
        report.add_facts(
            f"as they are, {len(clean)} photos",
            name,
            median=round(statistics.median(found), 2),
            below=sum(sigma < CLEAN_BELOW for sigma in found),
            largest=round(max(found), 2),
        )


def on_pairs(report: contract.Report, folder: Path) -> None:
    ours, theirs, truth = [], [], []
    for pair in real_pairs(folder):
        noisy, clean = (in_bytes(imageio.read(path)) for path in (pair.noisy, pair.clean))
        ours.append(estimate_noise(from_numpy(noisy)))
        theirs.append(classical(noisy.astype(np.float64)))
        truth.append(true_sigma(noisy.astype(np.float64) - clean))
    luma, chroma = ([pair[i] for pair in truth] for i in (0, 1))
    case = f"{len(truth)} real pairs"
    report.add_facts(case, "ours, luma", **off([e.luma for e in ours], luma))
    report.add_facts(case, "ours, chroma", **off([e.chroma for e in ours], chroma))
    report.add_facts(case, "classical, luma", **off(theirs, luma))


def main() -> int:
    arguments = contract.parser(__doc__, repeat=5)
    arguments.add_argument("--photos", type=Path, metavar="DIR", help="clean photos")
    arguments.add_argument("--pairs", type=Path, metavar="DIR", help="<scene>__noisy.*, <scene>__clean.*")
    words = arguments.parse_args()
    report = contract.Report(__doc__, words)
    on_white_noise(report, photos(words.photos))
    if words.pairs is not None:
        on_pairs(report, words.pairs)
    large = from_numpy(np.tile(data.coffee(), (10, 10, 1)))
    timings = contract.measure(
        {
            "ours": lambda: estimate_noise(large),
            "classical": lambda: classical(large.pixels.astype(np.float32)),
        },
        repeat=words.repeat,
    )
    report.add(f"time, {large.megapixels:.0f} MP", timings, work=large.megapixels, unit="MP/s", against="classical")
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
