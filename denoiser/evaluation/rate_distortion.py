"""Rate-distortion of real files: our codec and common formats on the same images.

Bytes are counted as they are written, headers and all. A point of a curve is the mean over the pictures of bits per
pixel and of RGB PSNR at one quality; curves are compared by the bits they take for equal PSNR (BD-rate).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from denoiser import imageio
from denoiser.codec import container
from denoiser.codec.decode import Decoder
from denoiser.codec.encode import Encoder
from denoiser.evaluation.bd_rate import bd_rate
from denoiser.evaluation.samples import clean_pictures, evenly
from denoiser.events import CancelToken
from denoiser.image import Image, from_numpy
from denoiser.imageio import depth, rivals
from denoiser.metrics import MS_SSIM_SMALLEST, ms_ssim, psnr
from denoiser.options import DecodeOptions, EncodeOptions, ReadOptions

OURS = "latent"
COMPARED_RATES = (0.15, 1.5)  # bits per pixel of the other: where photos are mostly stored
_OUR_QUALITIES = (0, 12, 25, 37, 50, 62, 75, 87, 100)
_RIVALS_QUALITIES: Mapping[str, Sequence[int]] = {
    "JPEG": (5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95),
    "WebP": (1, 10, 25, 40, 55, 70, 80, 88, 94, 98),
    "AVIF": (10, 20, 30, 40, 50, 60, 70, 80, 88),
    "JPEG XL": (10, 25, 40, 55, 68, 78, 86, 92),
}

Pixels8 = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Point:
    """One quality, by its means over the pictures; times are of all pictures together, per megapixel."""

    quality: int
    bits_per_pixel: float
    psnr: float
    ms_ssim: float | None  # None where a picture is too small for its scales
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
        """Bits per pixel and PSNR, for comparing."""
        return [(point.bits_per_pixel, point.psnr) for point in self.points]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All curves on the same pictures; ours is the first."""

    pictures: int
    megapixels: float
    curves: tuple[Curve, ...]

    def against(self, name: str) -> float:
        """Percent of bits that ours takes more than that curve for the same PSNR; NaN where they do not overlap."""
        theirs = next(curve for curve in self.curves if curve.name == name)
        return bd_rate(self.curves[0].rates, theirs.rates, rates=COMPARED_RATES)


@dataclass(frozen=True, slots=True)
class _Trial:
    """One picture at one quality."""

    bits_per_pixel: float
    psnr: float
    ms_ssim: float | None
    encode_seconds: float
    decode_seconds: float


class _Codec(Protocol):
    name: str
    settings: str
    qualities: Sequence[int]

    def encode(self, image: Image, quality: int) -> bytes: ...

    def decode(self, data: bytes) -> Pixels8: ...


def compare(
    folder: Path,
    *,
    model: str = "auto",
    device: str = "auto",
    precision: str = "auto",
    limit: int | None = None,
    told: Callable[[str], None] = lambda _line: None,
    cancel: CancelToken | None = None,
) -> Comparison:
    """Encodes and decodes the pictures below *folder* with everything that is here, ours first.

    Each picture is brought to 8 bits without alpha before. *told* receives a line for each image and codec.
    """
    cancel = cancel or CancelToken()
    paths = evenly(clean_pictures(folder), limit)
    codecs: list[_Codec] = [_Ours(model, device, precision), *map(_Rival, rivals.rivals())]
    trials: dict[str, list[list[_Trial]]] = {codec.name: [] for codec in codecs}
    megapixels = 0.0
    for path in paths:
        image = _eight_bit(imageio.read(path))
        megapixels += image.megapixels
        for codec in codecs:
            trials[codec.name].append([_tried(codec, image, quality, cancel) for quality in codec.qualities])
            told(f"{path.name}: {codec.name}")
    return Comparison(
        len(paths), megapixels, tuple(_curve(codec, trials[codec.name], megapixels) for codec in codecs)
    )


def _tried(codec: _Codec, image: Image, quality: int, cancel: CancelToken) -> _Trial:
    cancel.raise_if_cancelled()
    began = time.perf_counter()
    data = codec.encode(image, quality)
    encoded = time.perf_counter()
    decoded = codec.decode(data)
    done = time.perf_counter()
    large_enough = min(image.pixels.shape[:2]) >= MS_SSIM_SMALLEST
    return _Trial(
        8 * len(data) / (image.megapixels * 1e6),
        psnr(decoded, image.pixels, white=255),
        ms_ssim(decoded, image.pixels, white=255) if large_enough else None,
        encoded - began,
        done - encoded,
    )


def _curve(codec: _Codec, trials: Sequence[Sequence[_Trial]], megapixels: float) -> Curve:
    """*trials* by picture and quality."""
    points = []
    for quality, of_quality in zip(codec.qualities, zip(*trials, strict=True), strict=True):
        likeness = [trial.ms_ssim for trial in of_quality if trial.ms_ssim is not None]
        points.append(
            Point(
                quality,
                _mean([trial.bits_per_pixel for trial in of_quality]),
                _mean([trial.psnr for trial in of_quality]),
                _mean(likeness) if len(likeness) == len(of_quality) else None,
                sum(trial.encode_seconds for trial in of_quality) / megapixels,
                sum(trial.decode_seconds for trial in of_quality) / megapixels,
            )
        )
    return Curve(codec.name, codec.settings, tuple(points))


class _Ours:
    """The latent codec, through its public functions."""

    def __init__(self, model: str, device: str, precision: str) -> None:
        self.name = OURS
        self.qualities: Sequence[int] = _OUR_QUALITIES
        words: dict[str, Any] = {"model": model, "device": device, "precision": precision}
        self._words = words
        self._encoders: dict[int, Encoder] = {}
        self._decoder = Decoder(DecodeOptions(**words))
        one = self._encoder(self.qualities[0])
        self.settings = f"{OURS} ({one.model_name}, {one.device}, {one.precision})"

    def encode(self, image: Image, quality: int) -> bytes:
        return self._encoder(quality).encode(image).data

    def decode(self, data: bytes) -> Pixels8:
        file = container.read_bytes(data, "the latent file", ReadOptions())
        return self._decoder.decode(file, "the latent file").image.pixels

    def _encoder(self, quality: int) -> Encoder:
        if quality not in self._encoders:
            self._encoders[quality] = Encoder(EncodeOptions(quality=float(quality), strip=True, **self._words))
        return self._encoders[quality]


class _Rival:
    """A common format."""

    def __init__(self, name: str) -> None:
        self.name, self.settings, self.qualities = name, rivals.described(name), _RIVALS_QUALITIES[name]

    def encode(self, image: Image, quality: int) -> bytes:
        return rivals.encode(self.name, image.pixels, quality)

    def decode(self, data: bytes) -> Pixels8:
        return rivals.decode(self.name, data)


def _eight_bit(image: Image) -> Image:
    """*image* as three channels of 8 bits; what all formats here can hold."""
    pixels, _ = depth.at_depth(image, 8)
    return from_numpy(np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else np.ascontiguousarray(pixels))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
