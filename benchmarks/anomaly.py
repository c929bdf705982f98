"""How well anomalies are found: painted defects in surfaces, and digits of a class that was left out.

python benchmarks/anomaly.py --methods patches,segmentation --surfaces grid,wood
python benchmarks/anomaly.py --digits

AUROC of whole images and of pixels, beside the distance to the mean image, and to nearest neighbours for digits.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

import contract
import numpy as np
from numpy.typing import NDArray
from painted_defects import painted
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from surfaces import SIDE, SURFACES, surface

from denoiser.workbench.anomaly import AnomalyDetector

_GOOD, _TEST = 80, 30  # images to learn from; test images without and with a defect
_DIGITS = 200, 100  # images to learn from; test images of known and of unknown classes
Bytes = NDArray[np.uint8]


def main() -> int:
    """Measure and print."""
    arguments = contract.parser(__doc__, repeat=1)
    arguments.add_argument("--surfaces", default=",".join(SURFACES), help="names, with commas between them")
    arguments.add_argument("--methods", default="reconstruction,patches,segmentation", help="the same for methods")
    arguments.add_argument("--digits", action="store_true", help="digits with one class left out instead")
    arguments.add_argument("--mnist", default="", metavar="FILE", help="an .npz of MNIST for --digits")
    words = arguments.parse_args()
    report = contract.Report(__doc__, words)
    methods = words.methods.split(",")
    if words.digits:
        _digits(report, methods, words.mnist, words.seed)
    else:
        _surfaces(report, words.surfaces.split(","), methods, words.seed)
    return report.finish()


def _surfaces(report: contract.Report, names: Sequence[str], methods: Sequence[str], seed: int) -> None:
    means: dict[str, list[tuple[float, float]]] = {}
    for name in names:
        rng = np.random.default_rng([seed, SURFACES.index(name)])
        good = _bytes(surface(name, _GOOD, rng, test=False))
        fine = _bytes(surface(name, _TEST, rng, test=True))
        defective = [painted(image, rng) for image in surface(name, _TEST, rng, test=True)]
        odd, masks = _bytes([image for _, image, _ in defective]), np.stack([mask for _, _, mask in defective])
        for method in ("mean image", *methods):
            began = time.process_time()
            heat = _to_mean(good) if method == "mean image" else _fitted(method, good)
            seconds = time.process_time() - began
            maps = [[heat(image) for image in images] for images in (fine, odd)]
            image = _auroc(*(np.array([one.max() for one in several]) for several in maps))
            pixel = float(roc_auc_score(masks.ravel(), np.stack(maps[1]).ravel()))
            means.setdefault(method, []).append((image, pixel))
            report.add_facts(name, method, image=image, pixel=pixel, training_seconds=seconds)
            print(f"{name}, {method}: image {image:.3f}, pixel {pixel:.3f}, {seconds:.0f} s", file=sys.stderr)
    for method, values in means.items():
        image, pixel = np.mean(values, axis=0)
        worst = min(one for one, _ in values)
        report.add_facts("mean", method, image=float(image), pixel=float(pixel), worst=worst)


def _fitted(method: str, good: Sequence[Bytes]) -> Callable[[Bytes], NDArray[np.float32]]:
    return AnomalyDetector(method, size=SIDE).fit(good).score_map


def _to_mean(good: Sequence[Bytes]) -> Callable[[Bytes], NDArray[np.float32]]:
    mean = np.mean(good, axis=0, dtype=np.float32)
    return lambda image: np.square(image - mean).mean(axis=2)


def _digits(report: contract.Report, methods: Sequence[str], mnist: str, seed: int) -> None:
    images, labels = _mnist(mnist) if mnist else _small_digits()
    scores: dict[str, list[float]] = {}
    for left_out in range(10):
        rng = np.random.default_rng([seed, left_out])
        known = rng.permutation(np.flatnonzero(labels != left_out))[: _DIGITS[0] + _DIGITS[1]]
        unknown = rng.permutation(np.flatnonzero(labels == left_out))[: _DIGITS[1]]
        good, fine, odd = images[known[: _DIGITS[0]]], images[known[_DIGITS[0] :]], images[unknown]
        for method, score in _digit_scores(good, methods).items():
            scores.setdefault(method, []).append(_auroc(score(fine), score(odd)))
        latest = ", ".join(f"{name} {values[-1]:.3f}" for name, values in scores.items())
        print(f"{left_out} left out: {latest}", file=sys.stderr)
    for method, values in scores.items():
        report.add_facts("digits", method, mean=float(np.mean(values)), worst=min(values), best=max(values))


def _digit_scores(good: Bytes, methods: Sequence[str]) -> dict[str, Callable[[Bytes], NDArray[np.float64]]]:
    """Functions that score an array of digits, by name; higher is odder."""
    rows = good.reshape(len(good), -1).astype(float)
    neighbours, mean = NearestNeighbors(n_neighbors=5).fit(rows), rows.mean(axis=0)

    def nearest(images: Bytes) -> NDArray[np.float64]:
        return neighbours.kneighbors(images.reshape(len(images), -1).astype(float))[0].mean(axis=1)

    def to_mean(images: Bytes) -> NDArray[np.float64]:
        return np.square(images.reshape(len(images), -1) - mean).sum(axis=1)

    found: dict[str, Callable[[Bytes], NDArray[np.float64]]] = {
        "mean image": to_mean,
        "nearest neighbours": nearest,
    }
    for method in methods:
        detector = AnomalyDetector(method).fit(good)
        found[method] = lambda images, detector=detector: -detector.score_samples(images)
    return found


def _small_digits() -> tuple[Bytes, NDArray[np.int64]]:
    digits = load_digits()
    return (digits.images * 255 / 16).astype(np.uint8), digits.target


def _mnist(path: str) -> tuple[Bytes, NDArray[np.int64]]:
    with np.load(path) as file:
        return file["x_test"], file["y_test"]


def _bytes(images: Sequence[NDArray[np.float32]]) -> list[Bytes]:
    return [(image * 255).round().astype(np.uint8) for image in images]


def _auroc(fine: NDArray[np.floating], odd: NDArray[np.floating]) -> float:
    return float(roc_auc_score([0] * len(fine) + [1] * len(odd), np.concatenate([fine, odd])))


if __name__ == "__main__":
    sys.exit(main())
