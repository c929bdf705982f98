"""What the search for hot pixels costs, how many planted ones it finds, and how often it errs.

    python benchmarks/hot_pixels.py --data PHOTOS

The photos are clean; without --data they are scikit-image's. One pixel in 10,000 is made brighter where there is
room for that, under white noise. "core ms per MP" counts all threads, so other work on the machine matters less.
"""

from __future__ import annotations

import sys
from pathlib import Path

import contract
import numpy as np
from numpy.typing import NDArray
from skimage import data

from denoiser import imageio
from denoiser.engine.hot_pixels import replace_hot_pixels

SHARE = 1e-4
SIGMAS, HEIGHTS = (0, 2, 5, 10, 20), (60, 120, 250)
SIDE = 2400  # pixels, of the picture that is timed

Photo = NDArray[np.uint8]


def photos_of(folder: Path | None) -> list[Photo]:
    if folder is None:
        return [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    return [imageio.read(path).pixels for path in sorted(folder.iterdir()) if path.is_file()]


def planted(photo: Photo, sigma: float, height: float, rng: np.random.Generator) -> tuple[Photo, NDArray[np.bool_]]:
    """*photo* with noise and hot pixels, and where these are."""
    hot = (rng.random(photo.shape[:2]) < SHARE) & (photo.max(axis=2) < 255 - 0.7 * height)
    values = photo + rng.normal(0, sigma, photo.shape) + height * hot[..., np.newaxis]
    return np.clip(np.rint(values), 0, 255).astype(np.uint8), hot


def main() -> int:
    arguments = contract.parser(__doc__)
    arguments.add_argument("--data", type=Path, metavar="DIR", help="clean photos (scikit-image's)")
    words = arguments.parse_args()
    report = contract.Report(__doc__, words)
    photos = photos_of(words.data)
    area = sum(photo[..., 0].size for photo in photos) / 1e6
    for name, photo in zip(("first photo", "second photo"), photos, strict=False):
        times = -(-SIDE // min(photo.shape[:2]))
        large = np.tile(photo, (times, times, 1))[:SIDE, :SIDE].copy()
        work = {"copying": large.copy, "hot pixels": lambda large=large: replace_hot_pixels(large, 255.0)}
        timings = contract.measure(work, repeat=words.repeat)
        cost = {key: {"core ms per MP": t.cpu_median * 1e9 / large[..., 0].size} for key, t in timings.items()}
        report.add(name, timings, against="copying", facts=cost)
    for sigma in SIGMAS:
        for height in HEIGHTS:
            found = wrong = there = 0
            for photo in photos:
                pixels, hot = planted(photo, sigma, height, report.rng)
                changed = (replace_hot_pixels(pixels, 255.0)[0] != pixels).any(axis=2)
                found, wrong, there = (
                    found + (changed & hot).sum(),
                    wrong + (changed & ~hot).sum(),
                    there + hot.sum(),
                )
            facts = {
                "found": round(found / max(1, there), 2),
                "of": int(there),
                "wrong per MP": round(wrong / area, 2),
            }
            report.add_facts(f"sigma {sigma}", f"brighter by {height}", **facts)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
