"""Cleaning of a picture in memory beside OpenCV's non-local means, and its share of the convolution peak.

The peak is that of one dense layer (256 to 256 channels, 3x3, on 128x128) in the same precision, in the same
rounds: what the machine can give to a network at this very time. `--tiles 384 --tiles 768` compares sizes of tiles.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

import contract
import cv2
import numpy as np
import torch
from skimage import data

from denoiser import metrics
from denoiser.engine import Session, open_session
from denoiser.engine.runner import exactly
from denoiser.image import Image, from_numpy
from denoiser.options import DenoiseOptions

SIGMA = 25
# On a CPU with bf16 that torch can use; without it there is a factor of two less to be had.
BAR_OF_TIME = {"bf16": 0.36}
_PEAK_GMAC = 256 * 256 * 9 * 128 * 128 / 1e9


def arguments() -> argparse.Namespace:
    parser = contract.parser(__doc__, repeat=3)
    parser.add_argument("--megapixels", type=float, default=1.0, metavar="N", help="size of the picture (1)")
    parser.add_argument("--model", default="fast", help="the weights (fast)")
    parser.add_argument("--device", default="auto", help="where (auto)")
    parser.add_argument("--precision", default="auto", help="in what (auto)")
    parser.add_argument("--threads", type=int, metavar="N", help="of torch and OpenCV (all cores)")
    parser.add_argument("--tiles", type=int, action="append", metavar="N", help="a size of tiles; may be repeated")
    return parser.parse_args()


def pictures(megapixels: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Clean and noisy, 3 to 2: a photo of scikit-image, mirrored until it is large enough."""
    height = round((megapixels * 1e6 / 1.5) ** 0.5)
    width = round(height * 1.5)
    photo = data.coffee()
    down, across = -(-height // photo.shape[0]), -(-width // photo.shape[1])
    padding = ((0, (down - 1) * photo.shape[0]), (0, (across - 1) * photo.shape[1]), (0, 0))
    clean = np.pad(photo, padding, mode="symmetric")[:height, :width]
    noise = np.random.default_rng(seed).standard_normal(clean.shape, dtype=np.float32) * SIGMA
    return clean, np.clip(np.rint(clean + noise), 0, 255).astype(np.uint8)


def best_strength(noisy: np.ndarray, clean: np.ndarray) -> float:
    """The strength of non-local means that comes nearest to the truth, which it is shown."""
    part = slice(0, 256), slice(0, 384)
    return max((15.0, 20.0, 25.0, 30.0), key=lambda h: quality(_means(noisy[part], h), clean[part]))


def quality(result: np.ndarray, clean: np.ndarray) -> float:
    return metrics.psnr(np.ascontiguousarray(result), np.ascontiguousarray(clean), white=255)


def peak_layer(session: Session) -> Callable[[], Any]:
    """One call of the layer that sets the peak."""
    layer = torch.nn.Conv2d(256, 256, 3, padding=1, bias=False).to(session.device)
    layer = layer.to(memory_format=torch.channels_last)
    values = torch.rand(1, 256, 128, 128, device=session.device).contiguous(memory_format=torch.channels_last)

    def run() -> None:
        with torch.inference_mode(), exactly(session.device, session.precision):
            layer(values)

    return run


def compare_with_others(words: argparse.Namespace, report: contract.Report) -> None:
    session = _session(words)
    clean, noisy = pictures(words.megapixels, words.seed)
    strength, image = best_strength(noisy, clean), from_numpy(noisy)
    reached: dict[str, float] = {}
    work = words.megapixels * session_kmac(session)  # GMAC
    timings = contract.measure(
        {
            "denoiser": lambda: session.clean(image).image.pixels,
            "non-local means": lambda: _means(noisy, strength),
            "peak layer": peak_layer(session),
        },
        repeat=words.repeat,
        check=lambda name, result: reached.update({name: quality(result, clean)} if result is not None else {}),
    )
    peak = _PEAK_GMAC / timings.pop("peak layer").median
    ours = timings["denoiser"]
    facts: dict[str, dict[str, float | int | str]] = {
        "denoiser": {
            "s/MP": ours.median / words.megapixels,
            "PSNR": reached["denoiser"],
            "GMAC/s": work / ours.median,
            "share of peak": work / ours.median / peak,
            "precision": session.precision,
            "tile": session.tile,
        },
        "non-local means": {"s/MP": timings["non-local means"].median / words.megapixels, "h": strength}
        | {"PSNR": reached["non-local means"]},
    }
    bar = BAR_OF_TIME.get(session.precision)
    report.add(
        f"{words.megapixels:g} MP, white noise of {SIGMA}",
        timings,
        work=words.megapixels,
        unit="MP/s",
        against="non-local means",
        at_most={"denoiser": bar} if bar else None,
        facts=facts,
    )


def compare_tiles(words: argparse.Namespace, report: contract.Report) -> None:
    sessions = {f"tile {tile}": _session(words, tile) for tile in words.tiles}
    _, noisy = pictures(words.megapixels, words.seed)
    image = from_numpy(noisy)
    alternatives = {name: _cleaning(session, image) for name, session in sessions.items()}
    timings = contract.measure(alternatives, repeat=words.repeat)
    report.add(
        f"{words.megapixels:g} MP in tiles",
        timings,
        work=words.megapixels,
        unit="MP/s",
        against=next(iter(sessions)),
    )


def session_kmac(session: Session) -> float:
    """Thousands of multiplications for a pixel of the picture; the halos come on top and count as ours to lose."""
    return session.spec.kmac_per_pixel


def _session(words: argparse.Namespace, tile: int | None = None) -> Session:
    options = DenoiseOptions(
        noise_level=SIGMA, model=words.model, device=words.device, precision=words.precision, tile=tile
    )
    return open_session(options)


def _cleaning(session: Session, image: Image) -> Callable[[], Any]:
    return lambda: session.clean(image).image.pixels


def _means(noisy: np.ndarray, strength: float) -> np.ndarray:
    return cv2.fastNlMeansDenoisingColored(np.ascontiguousarray(noisy), None, strength, strength, 7, 21)


if __name__ == "__main__":
    words = arguments()
    if words.threads:
        torch.set_num_threads(words.threads)
        cv2.setNumThreads(words.threads)
    report = contract.Report(__doc__, words)
    (compare_tiles if words.tiles else compare_with_others)(words, report)
    sys.exit(report.finish())
