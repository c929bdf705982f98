"""What looks, local means, sanity check and trust cost: a 1080p view of each look, and each step beside a copy.

"core ms" is the time of all threads together, so that other work on the machine does not count for much. The bar of
the desktop app is 33 ms for any look of a view of 1920 x 1080.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import contract
import numpy as np
from skimage import data

from denoiser.engine.local_means import keep_local_means, limits_of
from denoiser.engine.looks import Looks
from denoiser.engine.sanity import repair
from denoiser.engine.trust import trust, trust_number
from denoiser.image import from_numpy
from denoiser.networks.condition import Condition
from denoiser.options import Look

HEIGHT, WIDTH = 1080, 1920
SIGMA = 20.0
LOOKS = {
    "strength": Look(0.7),
    "colour noise": Look(colour_noise=0.5),
    "detail": Look(detail=0.5),
    "grain": Look(grain=0.5),
    "all of them": Look(0.8, 0.5, 0.5, 0.5),
}


def _tile(pixels: np.ndarray) -> np.ndarray:
    return pixels[np.newaxis] / np.float32(255)


def main() -> int:
    words = contract.parser(__doc__).parse_args()
    report = contract.Report(__doc__, words)
    clean = np.tile(data.astronaut(), (3, 4, 1))[:HEIGHT, :WIDTH]
    source = np.clip(np.rint(clean + report.rng.normal(size=clean.shape) * SIGMA), 0, 255).astype(np.uint8)
    image = from_numpy(source)
    looks = Looks(image, clean)
    noisy_tile, clean_tile = (_tile(pixels) for pixels in (source, clean))
    limits = limits_of(Condition(SIGMA, SIGMA, 0.0))[np.newaxis]
    bad = np.zeros((1, HEIGHT // 8, WIDTH // 8, 1), bool)
    views: dict[str, Callable[[], object]] = {"copying": source.copy}
    views |= {name: (lambda look=look: looks.render(look)) for name, look in LOOKS.items()}
    once: dict[str, Callable[[], object]] = {
        "copying": source.copy,
        "local means": lambda: keep_local_means(noisy_tile, clean_tile, limits),
        "sanity check": lambda: repair(noisy_tile, clean_tile, limits[:, 2], bad),
        "texture": lambda: Looks(image, clean).texture,
        "grain": lambda: Looks(image, clean).grain,
        "trust map": lambda: trust(image, clean),
        "trust number": lambda: trust_number(image, clean),
    }
    for case, alternatives in {"a view": views, "once": once}.items():
        timings = contract.measure(alternatives, repeat=words.repeat)
        cost = {name: {"core ms": timing.cpu_median * 1e3} for name, timing in timings.items()}
        report.add(case, timings, against="copying", facts=cost)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
