"""How well a denoiser does, by the protocol of the papers.

White noise: added in float to the 8-bit picture with a seed of its own for each picture and level, neither clipped
nor rounded; the network is told the level and that it is white. Real pairs: the picture as it is, the level
automatic. PSNR over all RGB values of the result as an 8-bit file would hold it; no border is left out.
"""

from __future__ import annotations

import statistics
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from denoiser import imageio, metrics
from denoiser.engine import Session
from denoiser.errors import UnusableData
from denoiser.evaluation.datasets import clean_pictures, real_pairs
from denoiser.events import CancelToken
from denoiser.image import Image
from denoiser.networks.conditioning import Condition

Values = NDArray[np.floating[Any]]
Row = tuple[str, float, float, float]  # name, PSNR before, PSNR after, SSIM after


@dataclass(frozen=True, slots=True)
class Score:
    """The mean over a set, and what each picture got, in the order of their names."""

    what: str
    psnr: float
    ssim: float
    noisy_psnr: float
    pictures: tuple[Row, ...]


def with_white_noise(clean: NDArray[np.uint8], sigma: float, name: str) -> NDArray[np.float32]:
    """*clean* (H, W, 3) in 0..1 with white noise that depends on *name* and *sigma* alone."""
    seed = zlib.crc32(f"{name}/{sigma:g}".encode())
    noise = np.random.default_rng(seed).standard_normal(clean.shape, dtype=np.float32)
    noisy = (clean.astype(np.float32) + np.float32(sigma) * noise) / 255
    return noisy.astype(np.float32, copy=False)


def score_white(
    session: Session, folder: Path, sigma: float, *, told: Callable[[str], None], cancel: CancelToken
) -> Score:
    """*session* on the pictures below *folder* with white noise of *sigma* in 8-bit units."""
    rows = []
    for path in clean_pictures(folder):
        cancel.raise_if_cancelled()
        clean = as_rgb8(imageio.read(path), path)
        noisy = with_white_noise(clean, sigma, path.stem)
        result = session.clean_values(noisy, Condition(sigma, sigma, 0.0), cancel=cancel)
        rows.append(_row(path.stem, clean, noisy, result))
        told(path.stem)
    return _score(f"white {sigma:g}", rows)


def score_pairs(session: Session, folder: Path, *, told: Callable[[str], None], cancel: CancelToken) -> Score:
    """*session* on the real pairs below *folder*, with the options that it was opened with."""
    rows = []
    for pair in real_pairs(folder):
        cancel.raise_if_cancelled()
        noisy, clean = imageio.read(pair.noisy), as_rgb8(imageio.read(pair.clean), pair.clean)
        before = as_rgb8(noisy, pair.noisy)
        if before.shape != clean.shape:
            raise UnusableData(f"{pair.noisy}: not the size of its clean half.")
        result = as_rgb8(session.clean(noisy, cancel=cancel).image, pair.noisy)
        rows.append(_row(pair.scene, clean, before / 255, result / 255))
        told(pair.scene)
    return _score("real pairs", rows)


def score_untouched(session: Session, folder: Path, *, told: Callable[[str], None], cancel: CancelToken) -> Score:
    """How near *session* leaves clean pictures to what they are: PSNR of each result against its own source."""
    rows = []
    for path in clean_pictures(folder):
        cancel.raise_if_cancelled()
        image = imageio.read(path)
        source = as_rgb8(image, path)
        result = as_rgb8(session.clean(image, cancel=cancel).image, path)
        rows.append(_row(path.stem, source, source / 255, result / 255))
        told(path.stem)
    return _score("left as they are", rows)


def as_rgb8(image: Image, path: Path) -> NDArray[np.uint8]:
    """The pixels as 8-bit RGB, which the measures are defined on."""
    if image.bits == 32:
        raise UnusableData(f"{path}: float pictures have no 8-bit measure.")
    scaled = np.rint(image.pixels.astype(np.float32) * np.float32(255 / image.white)).astype(np.uint8)
    return np.repeat(scaled, 3, axis=2) if image.channels == 1 else scaled


def _row(name: str, clean: NDArray[np.uint8], noisy: Values, result: Values) -> Row:
    as_file = np.rint(np.clip(result, 0, 1) * 255).astype(np.uint8)
    before = metrics.psnr(noisy.astype(np.float64) * 255, clean.astype(np.float64), white=255)
    return name, before, metrics.psnr(as_file, clean, white=255), metrics.ssim(as_file, clean, white=255)


def _score(what: str, rows: Sequence[Row]) -> Score:
    _, before, after, ssim = zip(*rows, strict=True)
    return Score(what, statistics.fmean(after), statistics.fmean(ssim), statistics.fmean(before), tuple(rows))
