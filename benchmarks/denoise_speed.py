"""Cleaning of a picture in memory beside non-local means and BM3D, and its share of the convolution peak.

    python benchmarks/denoise_speed.py --megapixels 1 --megapixels 12 --megapixels 24
    python benchmarks/denoise_speed.py --model best       where no such weights are shipped: the network of its
                                                          recipe, untrained, which is as fast and no good
    python benchmarks/denoise_speed.py --tiles 512 --tiles 1024      sizes of tiles beside each other

The peak is that of one dense layer (256 to 256 channels, 3x3, on 128x128) in the same precision, in the same
rounds: what the machine can give to a network at this very time. The share counts what a picture of that size
needs; halos, conversions, the guard and the trust number are ours to lose. BM3D is timed once, on one megapixel at
most, where somebody has installed its package.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module, util
from pathlib import Path
from typing import Any

import contract
import cv2
import numpy as np
import torch
from skimage import data

from denoiser import metrics
from denoiser.engine.session import Session
from denoiser.engine.torch_network import exactly
from denoiser.errors import DenoiserError
from denoiser.image import Image, from_numpy
from denoiser.networks import registry
from denoiser.networks.conditioning import Denoiser
from denoiser.options import DenoiseOptions
from denoiser.training import recipe
from denoiser.training.export import write_weights
from denoiser.training.run import DENOISING

SIGMA = 25
# On a CPU with bf16 that torch can use; without it there is a factor of two less to be had.
BAR_OF_TIME = {"bf16": 0.36}  # of non-local means' time
BAR_OF_SECONDS = {"bf16": 0.42}  # for a megapixel, in a picture of 24
_PEAK_GMAC = 256 * 256 * 9 * 128 * 128 / 1e9


def arguments() -> argparse.Namespace:
    parser = contract.parser(__doc__, repeat=3)
    parser.add_argument("--megapixels", type=float, action="append", metavar="N", help="size (1); may be repeated")
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


def compare_with_others(words: argparse.Namespace, report: contract.Report) -> bool:
    """Adds the rows of every size; whether the bar of a megapixel was missed, which no row can say."""
    session, trained = open_model(words)
    missed = False
    for megapixels in words.megapixels:
        missed |= compare_size(megapixels, session, trained, words, report)
    if trained and util.find_spec("bm3d") is not None:
        add_block_matching(min(1.0, *words.megapixels), words.seed, report)
    return missed


def compare_size(
    megapixels: float, session: Session, trained: bool, words: argparse.Namespace, report: contract.Report
) -> bool:
    clean, noisy = pictures(megapixels, words.seed)
    strength, image = best_strength(noisy, clean), from_numpy(noisy)
    reached: dict[str, float] = {}
    work = megapixels * session_kmac(session)  # GMAC
    timings = contract.measure(
        {
            session.model_name: lambda: session.clean(image).image.pixels,
            "non-local means": lambda: _means(noisy, strength),
            "peak layer": peak_layer(session),
        },
        repeat=words.repeat,
        check=lambda name, result: reached.update({name: quality(result, clean)} if result is not None else {}),
    )
    peak = _PEAK_GMAC / timings.pop("peak layer").median
    ours = timings[session.model_name]
    facts: dict[str, dict[str, float | int | str]] = {
        session.model_name: {
            "s/MP": ours.median / megapixels,
            **({"PSNR": reached[session.model_name]} if trained else {"weights": "none"}),
            "GMAC/s": work / ours.median,
            "share of peak": work / ours.median / peak,
            "precision": session.precision,
            "tile": session.tile,
        },
        "non-local means": {"s/MP": timings["non-local means"].median / megapixels, "h": strength}
        | {"PSNR": reached["non-local means"]},
    }
    bar = BAR_OF_TIME.get(session.precision) if words.model == "fast" else None
    report.add(
        f"{megapixels:g} MP, white noise of {SIGMA}",
        timings,
        work=megapixels,
        unit="MP/s",
        against="non-local means",
        at_most={session.model_name: bar} if bar else None,
        facts=facts,
    )
    most = BAR_OF_SECONDS.get(session.precision) if words.model == "fast" and megapixels >= 24 else None
    return most is not None and ours.median > most * megapixels


def add_block_matching(megapixels: float, seed: int, report: contract.Report) -> None:
    """BM3D told the level exactly, once: it takes a hundred times as long as the others."""
    clean, noisy = pictures(megapixels, seed)
    began = time.perf_counter()
    result = import_module("bm3d").bm3d_rgb(noisy / 255.0, SIGMA / 255)
    seconds = time.perf_counter() - began
    as_file = np.clip(np.rint(result * 255), 0, 255).astype(np.uint8)
    facts = {"s/MP": seconds / megapixels, "PSNR": quality(as_file, clean)}
    report.add_facts(f"{megapixels:g} MP, white noise of {SIGMA}", "BM3D, level given", **facts)


def open_model(words: argparse.Namespace) -> tuple[Session, bool]:
    """A session, and whether its weights are trained."""
    try:
        return _session(words), True
    except DenoiserError:
        if words.model not in recipe.names():
            raise
    plan = recipe.load(words.model)
    network = registry.build(Denoiser, plan.architecture, plan.settings)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{plan.name}.safetensors"
        write_weights(path, network, DENOISING, plan, summary="Untrained.", training={})
        return _session(words, model=str(path)), False


def compare_tiles(words: argparse.Namespace, report: contract.Report) -> None:
    sessions = {f"tile {tile}": _session(words, tile=tile) for tile in words.tiles}
    megapixels = words.megapixels[0]
    _, noisy = pictures(megapixels, words.seed)
    image = from_numpy(noisy)
    alternatives = {name: _cleaning(session, image) for name, session in sessions.items()}
    timings = contract.measure(alternatives, repeat=words.repeat)
    report.add(
        f"{megapixels:g} MP in tiles",
        timings,
        work=megapixels,
        unit="MP/s",
        against=next(iter(sessions)),
    )


def session_kmac(session: Session) -> float:
    """Thousands of multiplications for a pixel of the picture; the halos come on top and count as ours to lose."""
    return session.spec.kmac_per_pixel


def _session(words: argparse.Namespace, *, tile: int | None = None, model: str = "") -> Session:
    options = DenoiseOptions(
        noise_level=SIGMA, model=model or words.model, device=words.device, precision=words.precision, tile=tile
    )
    return Session(options)


def _cleaning(session: Session, image: Image) -> Callable[[], Any]:
    return lambda: session.clean(image).image.pixels


def _means(noisy: np.ndarray, strength: float) -> np.ndarray:
    return cv2.fastNlMeansDenoisingColored(np.ascontiguousarray(noisy), None, strength, strength, 7, 21)


if __name__ == "__main__":
    words = arguments()
    words.megapixels = words.megapixels or [1.0]
    if words.threads:
        torch.set_num_threads(words.threads)
        cv2.setNumThreads(words.threads)
    report = contract.Report(__doc__, words)
    if words.tiles:
        compare_tiles(words, report)
        sys.exit(report.finish())
    missed = compare_with_others(words, report)
    sys.exit(report.finish() or int(missed))
