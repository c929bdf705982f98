"""PSNR on white noise beside OpenCV's non-local means at its best strength, and the time that both take.

The strength of non-local means is the best of a row for each level, chosen with the truth in hand on all pictures:
more than anybody has who cleans a photo. It gets the noisy picture as an 8-bit file, which is all it reads.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

import contract
import cv2
import numpy as np
from skimage import data

from denoiser import imageio, metrics
from denoiser.engine import open_session
from denoiser.evaluation.datasets import clean_pictures
from denoiser.evaluation.denoising import as_rgb8, with_white_noise
from denoiser.networks.conditioning import Condition
from denoiser.options import DenoiseOptions

STRENGTHS = (0.5, 0.65, 0.8, 0.95, 1.1)  # of non-local means, in sigmas
LEVELS = (15.0, 25.0, 50.0)


def pictures(folder: Path | None) -> dict[str, np.ndarray]:
    """The clean pictures by name: those of *folder*, or scikit-image's photos."""
    if folder is None:
        return {name: getattr(data, name)() for name in ("astronaut", "chelsea", "coffee", "cat")}
    return {path.stem: as_rgb8(imageio.read(path), path) for path in clean_pictures(folder)}


def as_8_bit(values: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def non_local_means(noisy: np.ndarray, strength: float) -> np.ndarray:
    return cv2.fastNlMeansDenoisingColored(as_8_bit(noisy), None, strength, strength, 7, 21)


def mean_psnr(results: dict[str, np.ndarray], clean: dict[str, np.ndarray]) -> float:
    return statistics.fmean(metrics.psnr(results[name], clean[name], white=255) for name in clean)


def main() -> int:
    arguments = contract.parser(__doc__, repeat=5)
    arguments.add_argument("--data", type=Path, metavar="DIR", help="clean pictures, such as CBSD68")
    arguments.add_argument("--model", default="fast", help="the weights (fast)")
    arguments.add_argument("--level", type=float, action="append", help="sigma (15, 25 and 50); may be repeated")
    words = arguments.parse_args()
    report = contract.Report(__doc__, words)
    clean = pictures(words.data)
    session = open_session(DenoiseOptions(model=words.model))
    for level in words.level or LEVELS:
        noisy = {name: with_white_noise(picture, level, name) for name, picture in clean.items()}
        told = Condition(level, level, 0.0)
        ours = mean_psnr({n: as_8_bit(session.clean_values(v, told)) for n, v in noisy.items()}, clean)
        theirs = {
            s: mean_psnr({n: non_local_means(v, s * level) for n, v in noisy.items()}, clean) for s in STRENGTHS
        }
        best = max(theirs, key=lambda strength: theirs[strength])
        case = f"sigma {level:g}, {len(clean)} pictures"
        report.add_facts(case, session.model_name, psnr=round(ours, 2), above=round(ours - theirs[best], 2))
        report.add_facts(case, "non-local means", psnr=round(theirs[best], 2), strength=best * level)
    tile = np.tile(next(iter(clean.values())), (4, 4, 1))[:1024, :1024]
    values = with_white_noise(tile, 25, "time")
    timings = contract.measure(
        {
            "ours": lambda: session.clean_values(values, Condition(25, 25, 0.0)),
            "non-local means": lambda: non_local_means(values, 20),
        },
        repeat=words.repeat,
    )
    megapixels = values.shape[0] * values.shape[1] / 1e6
    report.add(f"time, {session.precision}", timings, work=megapixels, unit="MP/s", against="non-local means")
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
