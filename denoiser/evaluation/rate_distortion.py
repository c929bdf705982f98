"""Rate-distortion of real files: the latent codec and common formats on the same images.

Files count with their headers. A point of a curve is the mean over the images of bits per pixel and of RGB PSNR at
one quality; curves are compared by the bits for equal PSNR (BD-rate).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from denoiser import imageio
from denoiser.codec import container
from denoiser.codec.decode import Decoder
from denoiser.codec.encode import Encoder
from denoiser.evaluation.bd_rate import bd_rate
from denoiser.evaluation.samples import clean_images, evenly
from denoiser.events import CancelToken
from denoiser.image import Image, from_numpy
from denoiser.imageio import depth, rivals
from denoiser.metrics import MS_SSIM_SMALLEST, ms_ssim, psnr
from denoiser.options import DecodeOptions, EncodeOptions, ReadOptions

OURS = "latent"
COMPARED_RATES = (0.15, 1.5)  # bits per pixel of the other format: the usual range for photos
_QUALITIES: Mapping[str, Sequence[int]] = {
    OURS: (0, 12, 25, 37, 50, 62, 75, 87, 100),
    "JPEG": (5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95),
    "WebP": (1, 10, 25, 40, 55, 70, 80, 88, 94, 98),
    "AVIF": (10, 20, 30, 40, 50, 60, 70, 80, 88),
    "JPEG XL": (10, 25, 40, 55, 68, 78, 86, 92),
}

Pixels8 = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Point:
    """One quality: of one image with times in seconds, or the means over images with times per megapixel."""

    quality: int
    bits_per_pixel: float
    psnr: float
    ms_ssim: float | None  # None if an image is too small for its scales
    encode_seconds: float
    decode_seconds: float


@dataclass(frozen=True, slots=True)
class Curve:
    """A codec with its settings, and its points from the smallest files to the largest."""

    name: str
    settings: str
    points: tuple[Point, ...]

    @property
    def rates(self) -> list[tuple[float, float]]:
        """Bits per pixel and PSNR."""
        return [(point.bits_per_pixel, point.psnr) for point in self.points]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All curves on the same images; that of the latent codec is the first."""

    images: int
    megapixels: float
    curves: tuple[Curve, ...]

    def against(self, name: str) -> float:
        """Percent of bits that the latent codec needs more than *name* for the same PSNR; NaN without overlap."""
        other = next(curve for curve in self.curves if curve.name == name)
        return bd_rate(self.curves[0].rates, other.rates, rates=COMPARED_RATES)


@dataclass(frozen=True, slots=True)
class _Codec:
    name: str
    settings: str
    encode: Callable[[Image, int], bytes]
    decode: Callable[[bytes], Pixels8]


def compare(
    folder: Path,
    *,
    model: str = "auto",
    device: str = "auto",
    precision: str = "auto",
    limit: int | None = None,
    progress: Callable[[str], None] = lambda _line: None,
    cancel: CancelToken | None = None,
) -> Comparison:
    """Encode and decode the images below *folder* with the latent codec and all available formats.

    Images are converted to 8 bits without alpha. *progress* receives a line for each image and codec.
    """
    cancel = cancel or CancelToken()
    paths = evenly(clean_images(folder), limit)
    codecs = [_latent_codec({"model": model, "device": device, "precision": precision})]
    codecs += [
        _Codec(name, rivals.described(name), partial(_encode, name), partial(rivals.decode, name))
        for name in rivals.rivals()
    ]
    points: dict[str, list[list[Point]]] = {codec.name: [] for codec in codecs}
    megapixels = 0.0
    for path in paths:
        pixels, _ = depth.at_depth(imageio.read(path), 8)
        image = from_numpy(np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else np.ascontiguousarray(pixels))
        megapixels += image.megapixels
        for codec in codecs:
            points[codec.name].append([_measured(codec, image, q, cancel) for q in _QUALITIES[codec.name]])
            progress(f"{path.name}: {codec.name}")
    curves = tuple(_curve(codec, points[codec.name], megapixels) for codec in codecs)
    return Comparison(len(paths), megapixels, curves)


def _measured(codec: _Codec, image: Image, quality: int, cancel: CancelToken) -> Point:
    cancel.raise_if_cancelled()
    began = time.perf_counter()
    data = codec.encode(image, quality)
    encoded = time.perf_counter()
    decoded = codec.decode(data)
    done = time.perf_counter()
    large_enough = min(image.pixels.shape[:2]) >= MS_SSIM_SMALLEST
    return Point(
        quality,
        8 * len(data) / (image.megapixels * 1e6),
        psnr(decoded, image.pixels, white=255),
        ms_ssim(decoded, image.pixels, white=255) if large_enough else None,
        encoded - began,
        done - encoded,
    )


def _curve(codec: _Codec, points: Sequence[Sequence[Point]], megapixels: float) -> Curve:
    """The means of *points* by image and quality."""
    means = []
    for of_quality in zip(*points, strict=True):
        similarity = [point.ms_ssim for point in of_quality if point.ms_ssim is not None]
        means.append(
            Point(
                of_quality[0].quality,
                statistics.fmean(point.bits_per_pixel for point in of_quality),
                statistics.fmean(point.psnr for point in of_quality),
                statistics.fmean(similarity) if len(similarity) == len(of_quality) else None,
                sum(point.encode_seconds for point in of_quality) / megapixels,
                sum(point.decode_seconds for point in of_quality) / megapixels,
            )
        )
    return Curve(codec.name, codec.settings, tuple(means))


def _latent_codec(options: dict[str, Any]) -> _Codec:
    encoders = {
        quality: Encoder(EncodeOptions(quality=float(quality), strip=True, **options))
        for quality in _QUALITIES[OURS]
    }
    decoder = Decoder(DecodeOptions(**options))

    def decode(data: bytes) -> Pixels8:
        file = container.read_bytes(data, "the latent file", ReadOptions())
        return decoder.decode(file, "the latent file").image.pixels

    one = encoders[0]
    settings = f"{OURS} ({one.model_name}, {one.device}, {one.precision})"
    return _Codec(OURS, settings, lambda image, quality: encoders[quality].encode(image).data, decode)


def _encode(name: str, image: Image, quality: int) -> bytes:
    return rivals.encode(name, image.pixels, quality)
