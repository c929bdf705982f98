"""The int8 version of a denoiser: makes it, and measures its time and the PSNR that it costs.

python benchmarks/int8.py --make PHOTOS --model fast      writes weights/denoiser-fast.int8.safetensors
python benchmarks/int8.py --pictures PHOTOS --model fast  PSNR lost against fp32
python benchmarks/int8.py --speed 24                      megapixels per second, of a photo of 24 MP
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import contract
import numpy as np
import torch

from denoiser import imageio
from denoiser.atomicfile import whole_file
from denoiser.engine.session import Session
from denoiser.image import from_numpy
from denoiser.models import catalog, loading
from denoiser.networks.condition import Condition
from denoiser.networks.int8 import as_bytes, beside
from denoiser.networks.pyramid import DenseAutoencoder
from denoiser.options import DenoiseOptions
from denoiser.training.int8 import quantised

CROP, CROPS = 256, 80
LARGEST = 1200  # pixels: pictures are halved until a side is shorter, which removes traces of compression
LEVELS = (2.0, 5.0, 10.0, 15.0, 25.0, 50.0)
PRECISIONS = ("fp32", "int8")


def arguments() -> argparse.Namespace:
    parser = contract.parser(__doc__, repeat=5)
    parser.add_argument("--model", default="fast", help="the weights (fast)")
    parser.add_argument("--make", type=Path, metavar="DIR", help="make the int8 version from these clean photos")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="measure the PSNR lost on these clean photos")
    parser.add_argument(
        "--levels", type=float, nargs="+", default=LEVELS, metavar="SIGMA", help="of the noise added"
    )
    parser.add_argument("--pairs", type=Path, metavar="DIR", help="the same on <scene>__noisy.*, <scene>__clean.*")
    parser.add_argument("--side", type=int, default=512, help="pixels of the centre of each picture (512)")
    parser.add_argument("--speed", type=float, metavar="MP", help="measure the time for a photo of that size")
    return parser.parse_args()


def pictures(folder: Path, side: int) -> Iterator[np.ndarray]:
    """Values in 0..1 of the centres of all pictures that are large enough, halved first."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        image = imageio.read(path)
        values = image.pixels[:, :, :3].astype(np.float32) / image.white
        while min(values.shape[:2]) > max(LARGEST, 2 * side):
            rows, columns = (length // 2 * 2 for length in values.shape[:2])
            values = values[:rows, :columns].reshape(rows // 2, 2, columns // 2, 2, -1).mean(axis=(1, 3))
        top, left = ((length - side) // 2 for length in values.shape[:2])
        if min(top, left) >= 0 and values.shape[2] == 3:
            yield values[top : top + side, left : left + side]


def make(model: str, folder: Path) -> None:
    """Write the int8 version beside the weights."""
    loaded = loading.load(catalog.find(model, "cpu"))
    network = loaded.network
    if not isinstance(network, DenseAutoencoder):
        raise SystemExit(f"{loaded.name} is not a dense autoencoder.")
    crops = [torch.from_numpy(values.copy()).permute(2, 0, 1) for values in pictures(folder, CROP)]
    chosen = np.random.default_rng(0).permutation(len(crops))[:CROPS]
    layers = quantised(
        network,
        [crops[index] for index in chosen],
        lambda name, alone: print(f"{name:28} costs {alone:.3f} steps alone", flush=True),
    )
    with whole_file(beside(loaded.path)) as file:
        file.write(as_bytes(layers, loaded.digest))
    print(f"{beside(loaded.path)}: fine are {', '.join(name for name, layer in layers.items() if layer.fine)}")


def quality(report: contract.Report, words: argparse.Namespace) -> None:
    """PSNR lost against fp32: given each level, and automatic on pairs."""
    sessions = [Session(DenoiseOptions(model=words.model, device="cpu", precision=name)) for name in PRECISIONS]
    clean = sorted(pictures(words.pictures, words.side), key=_structure) if words.pictures else []
    for sigma in words.levels if clean else []:
        rows = []
        for index, picture in enumerate(clean):
            noise = np.random.default_rng([words.seed, index]).standard_normal(picture.shape, dtype=np.float32)
            noisy = picture + noise * np.float32(sigma / 255)
            known = Condition(sigma, sigma, 0.0)
            rows.append([_psnr(session.clean_values(noisy, known), picture) for session in sessions])
        _add(report, f"sigma {sigma:g}", rows)
    if words.pairs:
        paths = sorted(words.pairs.rglob("*__noisy.*"))
        truths = [
            imageio.read(path.with_name(path.name.replace("__noisy", "__clean"))).pixels / 255 for path in paths
        ]
        order = sorted(range(len(paths)), key=lambda index: _structure(truths[index]))
        rows = []
        for index in order:
            noisy = imageio.read(paths[index])
            rows.append([_psnr(session.clean(noisy).image.pixels / 255, truths[index]) for session in sessions])
        _add(report, "pairs", rows)


def _add(report: contract.Report, case: str, rows: list[list[float]]) -> None:
    """Adds the mean loss, the worst, and that of the first tenth, the smoothest pictures."""
    fp32, int8 = np.array(rows).T
    lost = fp32 - int8
    facts = {"fp32": fp32.mean(), "lost": lost.mean(), "worst": lost.max()}
    facts["smooth"] = lost[: max(1, len(lost) // 10)].mean()
    facts |= {"pictures": len(lost)}
    report.add_facts(case, "int8", **{key: round(float(fact), 3) for key, fact in facts.items()})


def _psnr(result: np.ndarray, clean: np.ndarray) -> float:
    return -10 * float(np.log10(np.mean((result - clean) ** 2)))


def _structure(picture: np.ndarray) -> float:
    return float(sum(np.abs(np.diff(picture, axis=axis)).mean() for axis in (0, 1)))


def speed(report: contract.Report, words: argparse.Namespace) -> None:
    """Pixels in memory to clean pixels, and the network alone on a tile of 512."""
    side = int((words.speed * 1e6) ** 0.5) // 8 * 8
    rng = np.random.default_rng(words.seed)
    ramp = np.linspace(30, 220, side, dtype=np.float32)[:, np.newaxis, np.newaxis]
    pixels = (ramp + rng.normal(0, 15, (side, side, 3)).astype(np.float32)).clip(0, 255).astype(np.uint8)
    image = from_numpy(pixels)
    small = image.with_pixels(np.ascontiguousarray(pixels[:512, :512]))
    sessions = {
        name: Session(DenoiseOptions(model=words.model, device="cpu", precision=name, noise_level=15.0))
        for name in PRECISIONS
    }
    for name, shown in (("0.26 MP", small), (f"{words.speed:g} MP", image)):
        calls = {key: partial(session.clean, shown) for key, session in sessions.items()}
        timings = contract.measure(calls, repeat=words.repeat)
        report.add(f"denoising, {name}", timings, work=shown.megapixels, unit="MP/s", against="fp32")


def main() -> int:
    words = arguments()
    if words.make:
        make(words.model, words.make)
        return 0
    report = contract.Report(__doc__, words)
    if words.pictures or words.pairs:
        quality(report, words)
    if words.speed:
        speed(report, words)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
