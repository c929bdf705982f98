"""Filling masked pixels, beside OpenCV's inpainting: PSNR of the filled pixels by kind of mask.

    python benchmarks/restoration_masks.py --data PHOTOS

A part of each photo is masked five times: scratches, dust, dead pixels and columns, spots, and text. The photos are
clean; without --data they are scikit-image's. PSNR is over the masked pixels: the mean of all photos in decibels.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import contract
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont
from skimage import data

from denoiser import imageio
from denoiser.image import from_numpy
from denoiser.options import InpaintOptions
from denoiser.workbench.inpainting import Inpainter

SIDE = 256
_OPENCV_RADIUS = 3.0

Photo = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def photos_of(folder: Path | None) -> list[Photo]:
    if folder is None:
        return [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    read = (imageio.read(path).pixels for path in sorted(folder.iterdir()) if path.is_file())
    return [np.broadcast_to(pixels, (*pixels.shape[:2], 3)) for pixels in read if pixels.dtype == np.uint8]


def part_of(photo: Photo, rng: np.random.Generator) -> Photo:
    top, left = (int(rng.integers(0, side - SIDE + 1)) for side in photo.shape[:2])
    return photo[top : top + SIDE, left : left + SIDE].copy()


def drawn(draw: Callable[[ImageDraw.ImageDraw], None]) -> Mask:
    mask = PillowImage.new("1", (SIDE, SIDE))
    draw(ImageDraw.Draw(mask))
    return np.asarray(mask).copy()


def scratches(rng: np.random.Generator) -> Mask:
    def draw(on: ImageDraw.ImageDraw) -> None:
        for width in (1, 1, 2, 3, 4):
            on.line([tuple(rng.integers(0, SIDE, 2).tolist()) for _ in range(3)], fill=1, width=width)

    return drawn(draw)


def discs(rng: np.random.Generator, count: int, radii: tuple[float, float]) -> Mask:
    def draw(on: ImageDraw.ImageDraw) -> None:
        for _ in range(count):
            (x, y), radius = rng.integers(0, SIDE, 2).tolist(), rng.uniform(*radii)
            on.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)

    return drawn(draw)


def dead_pixels(rng: np.random.Generator) -> Mask:
    mask = rng.random((SIDE, SIDE)) < 0.005
    mask[:, rng.integers(0, SIDE, 2)] = True
    return mask


def text(rng: np.random.Generator) -> Mask:
    def draw(on: ImageDraw.ImageDraw) -> None:
        for top in range(int(rng.integers(4, 20)), SIDE, 56):
            on.text((6, top), "29/11/1998 18:24", fill=1, font=ImageFont.load_default(28))

    return drawn(draw)


KINDS: dict[str, Callable[[np.random.Generator], Mask]] = {
    "scratches, 1–4 pixels": scratches,
    "dust, radius 1–4": lambda rng: discs(rng, 60, (1, 4)),
    "dead pixels and columns": dead_pixels,
    "spots, radius 8–20": lambda rng: discs(rng, 6, (8, 20)),
    "text": text,
}


def main() -> int:
    arguments = contract.parser(__doc__, repeat=1)
    arguments.add_argument("--data", type=Path, metavar="DIR", help="clean photos (scikit-image's)")
    arguments.add_argument("--model", default="fast", help="the denoiser (fast)")
    words = arguments.parse_args()
    report = contract.Report(__doc__, words)
    inpainter = Inpainter(InpaintOptions(model=words.model))

    def ours(photo: Photo, mask: Mask) -> Photo:
        return inpainter.fill(from_numpy(photo), mask).pixels

    def opencv(method: int) -> Callable[[Photo, Mask], Photo]:
        def fill(photo: Photo, mask: Mask) -> Photo:
            holes = np.where(mask[..., np.newaxis], np.uint8(0), photo)  # the truth is not passed on
            return cv2.inpaint(holes, mask.astype(np.uint8), _OPENCV_RADIUS, method)

        return fill

    methods = {"ours": ours, "Telea": opencv(cv2.INPAINT_TELEA), "Navier–Stokes": opencv(cv2.INPAINT_NS)}
    photos = photos_of(words.data)
    for kind, make in KINDS.items():
        scenes = [(part_of(photo, report.rng), make(report.rng)) for photo in photos]
        decibels = {
            name: [psnr(fill(photo, mask), photo, mask) for photo, mask in scenes] for name, fill in methods.items()
        }
        for name, values in decibels.items():
            best = sum(value >= max(others) for value, *others in zip(values, *decibels.values(), strict=True))
            report.add_facts(kind, name, PSNR=round(float(np.mean(values)), 2), best=best, of=len(values))
        first = scenes[0]
        work = {name: lambda fill=fill, first=first: fill(*first) for name, fill in methods.items()}
        report.add(kind, contract.measure(work, repeat=words.repeat), work=SIDE**2 / 1e6, unit="MP/s")
    return report.finish()


def psnr(filled: Photo, photo: Photo, mask: Mask) -> float:
    error = (filled[mask].astype(np.float64) - photo[mask]) ** 2
    return float(10 * np.log10(255**2 / max(error.mean(), 1e-3)))


if __name__ == "__main__":
    sys.exit(main())
