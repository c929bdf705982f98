"""Camera noise that is drawn for training beside the noise of real pairs: level, grain, colour.

    python benchmarks/noise_statistics.py --pairs PAIRS --clean PHOTOS --into docs/noise.md

PAIRS holds <scene>__noisy and <scene>__clean pictures, PHOTOS clean ones that noise is drawn on (scikit-image's, if
none are named). A statistic is covered when the median of the real ones lies between the 10th and the 90th
percentile of the drawn ones.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import contract
import numpy as np
import torch
from skimage import data
from torch import Tensor
from torch.nn import functional

from denoiser import imageio
from denoiser.networks.conditioning import luma_and_chroma_sigma
from denoiser.noise.camera import photograph
from denoiser.noise.dice import Dice
from denoiser.noise.simple import as_8_bit
from denoiser.training.degrade import compress

BEGIN, END = "<!-- benchmarks/noise_statistics.py begins -->", "<!-- and ends -->"
CROP = 192
JPEG_SHARE = 0.7  # as in training
NAMES = {
    "luma": "sigma of luma",
    "chroma": "sigma of chroma",
    "ratio": "chroma over luma",
    "luma 1": "luma, next pixel",
    "luma 1d": "luma, next on the diagonal",
    "luma 2": "luma, 2 pixels on",
    "luma 4": "luma, 4 pixels on",
    "chroma 1": "chroma, next pixel",
    "chroma 1d": "chroma, next on the diagonal",
    "chroma 2": "chroma, 2 pixels on",
    "chroma 4": "chroma, 4 pixels on",
    "red green": "red with green",
    "green blue": "green with blue",
    "red blue": "red with blue",
    "red": "sigma of red over green",
    "blue": "sigma of blue over green",
    "dark": "sigma in shadows over middle",
    "bright": "sigma in lights over middle",
}


def statistics(noisy: Tensor, clean: Tensor) -> dict[str, float]:
    """What the noise of a pair (3, H, W) in 0..1 is like where the picture is smooth; empty if too little is."""
    noise = (noisy - clean).unsqueeze(0)
    noise = noise - _mean_around(noise, 31)  # a shift in brightness is no noise
    grey = clean.mean(dim=0).reshape(1, 1, *clean.shape[1:])
    busy = _mean_around((grey - _mean_around(grey, 5)).abs(), 7)
    inside = (clean.amax(dim=0) < 0.97) & (clean.amin(dim=0) > 0.015)
    smooth = (busy <= busy.flatten()[::7].median()) & inside
    if smooth.sum() < 2000:
        return {}
    luma = noise.mean(dim=1, keepdim=True)
    found = _levels(noise, smooth) | _by_brightness(luma, grey, smooth)
    for name, planes in (("luma", luma), ("chroma", noise - luma)):
        for apart in (1, 2, 4):
            both = (_alike(planes, smooth, 0, apart), _alike(planes, smooth, apart, 0))
            found[f"{name} {apart}"] = sum(both) / 2
        found[f"{name} 1d"] = _alike(planes, smooth, 1, 1)
    return found


def _levels(noise: Tensor, smooth: Tensor) -> dict[str, float]:
    kept = noise[:, :, smooth[0, 0]].unsqueeze(2)  # (1, 3, 1, N)
    sigmas = [float(value) for value in luma_and_chroma_sigma(kept)]
    red, green, blue = (channel.flatten() for channel in kept.unbind(1))
    pairs = {"red green": (red, green), "green blue": (green, blue), "red blue": (red, blue)}
    found = {
        name: float((a * b).mean() / (a.square().mean() * b.square().mean()).sqrt())
        for name, (a, b) in pairs.items()
    }
    found |= {"luma": sigmas[0], "chroma": sigmas[1], "ratio": sigmas[1] / max(sigmas[0], 1e-6)}
    rms = green.square().mean().sqrt()
    return found | {
        "red": float(red.square().mean().sqrt() / rms),
        "blue": float(blue.square().mean().sqrt() / rms),
    }


def _by_brightness(luma: Tensor, grey: Tensor, smooth: Tensor) -> dict[str, float]:
    def sigma(low: float, high: float) -> float:
        chosen = luma[smooth & (grey >= low) & (grey < high)]
        return float(chosen.square().mean().sqrt()) if len(chosen) > 400 else float("nan")

    middle = sigma(0.25, 0.55)
    return {"dark": sigma(0.02, 0.15) / middle, "bright": sigma(0.65, 0.95) / middle}


def _alike(planes: Tensor, smooth: Tensor, down: int, across: int) -> float:
    """The correlation of *planes* with themselves, moved, where both ends are smooth."""
    height, width = planes.shape[2] - down, planes.shape[3] - across
    here, there = planes[..., :height, :width], planes[..., down:, across:]
    both = smooth[..., :height, :width] & smooth[..., down:, across:]
    product, own, other = ((a * b * both).sum() for a, b in ((here, there), (here, here), (there, there)))
    return float(product / (own * other).sqrt())


def _mean_around(planes: Tensor, width: int) -> Tensor:
    padded = functional.pad(planes, (width // 2,) * 4, mode="reflect")
    rows = functional.avg_pool2d(padded, (1, width), 1)
    return functional.avg_pool2d(rows, (width, 1), 1)


def real(folder: Path) -> Iterator[tuple[str, dict[str, float]]]:
    """(camera, statistics) of each pair in *folder*."""
    for noisy in sorted(folder.glob("*__noisy.*")):
        clean = next(folder.glob(noisy.name.split("__")[0] + "__clean.*"))
        camera = re.sub(r"(_f\d.*|_image.*)", "", noisy.name.split("__")[0]).replace("_", " ")
        found = statistics(_values(noisy), _values(clean))
        if found:
            yield camera, found


def drawn(crops: Sequence[Tensor], seed: int) -> Iterator[dict[str, float]]:
    """The statistics of the noise that training would draw for each of *crops*."""
    generator = torch.Generator().manual_seed(seed)
    dice = Dice(generator)
    for start in range(0, len(crops), 8):
        noisy, target = photograph(torch.stack(list(crops[start : start + 8])), generator)
        packed, others = dice.split((JPEG_SHARE, 1 - JPEG_SHARE), len(noisy))
        files = torch.empty_like(noisy)
        files[others] = as_8_bit(noisy[others])
        if len(packed):
            files[packed] = compress(noisy[packed], dice)
        yield from filter(None, (statistics(*pair) for pair in zip(files, target, strict=True)))


def crops_of(pictures: Sequence[Tensor], count: int, rng: np.random.Generator) -> list[Tensor]:
    """*count* random crops of each picture, shrunk by two: noise and compression of their own are gone."""
    found = []
    for picture in pictures:
        small = functional.interpolate(picture.unsqueeze(0), scale_factor=0.5, mode="bicubic", antialias=True)[0]
        for _ in range(count):
            top, left = (int(rng.integers(0, side - CROP + 1)) for side in small.shape[1:])
            found.append(small[:, top : top + CROP, left : left + CROP].clamp(0, 1))
    return found


def _values(path: Path) -> Tensor:
    image = imageio.read(path)
    return torch.from_numpy(np.asarray(image.pixels, dtype=np.float32) / image.white).permute(2, 0, 1)


def _own_photos() -> list[Tensor]:
    return [torch.from_numpy(getattr(data, name)()).permute(2, 0, 1) / 255 for name in ("astronaut", "coffee")]


def markdown(by_camera: Mapping[str, list[dict[str, float]]], synthetic: list[dict[str, float]]) -> str:
    """A row for each statistic: the drawn range, the real median and mean by camera, and how much is covered."""
    cameras = list(by_camera)
    lines = [
        f"| | drawn, 10–90 % | real, median | inside | {' | '.join(cameras)} |",
        f"|---|---|---|---|{'---|' * len(cameras)}",
    ]
    for key, name in NAMES.items():
        values = np.array([one[key] for found in by_camera.values() for one in found])
        low, high = np.nanpercentile([one[key] for one in synthetic], [10, 90])
        values = values[np.isfinite(values)]
        inside = np.mean((values >= low) & (values <= high))
        means = [_short(np.array([one[key] for one in found])) for found in by_camera.values()]
        row = [name, f"{low:.2f} – {high:.2f}", f"{np.median(values):.2f}", f"{inside:.0%}", *means]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)


def _short(values: np.ndarray) -> str:
    known = values[np.isfinite(values)]
    return f"{known.mean():.2f}" if len(known) else "–"


def put(table: str, document: Path) -> None:
    """Replaces what stands between the two lines in *document*."""
    text = document.read_text(encoding="utf-8")
    before, begins, rest = text.partition(BEGIN)
    _, ends, after = rest.partition(END)
    if not (begins and ends):
        sys.exit(f"{document}: has no lines {BEGIN} and {END}")
    document.write_text(f"{before}{begins}\n{table}\n{ends}{after}", encoding="utf-8")


def arguments() -> argparse.Namespace:
    parser = contract.parser(__doc__, repeat=1)
    parser.add_argument("--pairs", type=Path, metavar="DIR", help="real pairs")
    parser.add_argument("--clean", type=Path, metavar="DIR", help="clean photos that noise is drawn on")
    parser.add_argument("--crops", type=int, default=20, metavar="N", help="crops of each photo (20)")
    parser.add_argument("--into", type=Path, metavar="FILE", help="a document that gets the table")
    return parser.parse_args()


def main() -> int:
    words = arguments()
    report = contract.Report(__doc__, words)
    torch.set_num_threads(1)
    photos = [_values(path) for path in sorted(words.clean.iterdir())] if words.clean else _own_photos()
    synthetic = list(drawn(crops_of(photos, words.crops, report.rng), words.seed))
    by_camera: dict[str, list[dict[str, float]]] = {}
    for camera, found in real(words.pairs) if words.pairs else ():
        by_camera.setdefault(camera, []).append(found)
    for key, name in NAMES.items():
        low, middle, high = np.nanpercentile([one[key] for one in synthetic], [10, 50, 90])
        report.add_facts(name, "drawn", low=float(low), median=float(middle), high=float(high))
        for camera, pairs in by_camera.items():
            mean = _short(np.array([one[key] for one in pairs]))
            report.add_facts(name, camera, mean=mean, pairs=len(pairs))
    if words.into and by_camera:
        put(markdown(by_camera, synthetic), words.into)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
