"""Grain synthesis: stores a model of the removed noise in 154 bytes, and adds similar grain when decoding.

bytes   content, big-endian
4       random seed
6       luma, chroma and kind of the noise: 8-bit sigma in hundredths, and from 0 to 65535
32      standard deviation of its luma at 16 brightnesses from black to white, where 65535 is white
112     autocorrelation at distances up to 7 pixels, row by row, where 127 is 1: the upper half and the
        row to the left of the centre; the other half is its mirror image

`without_noise` denoises an image before it is encoded.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from denoiser.engine.grain import LEVELS, Grain, GrainModel, model_of
from denoiser.engine.trust import NoiseBlocks, finite, luma
from denoiser.errors import DamagedLatent
from denoiser.events import CancelToken
from denoiser.image import Image, Pixels

if TYPE_CHECKING:
    from denoiser.engine.session import Session

_KNOTS = 16
_REACH = 7  # pixels
_SIDE = 2 * _REACH + 1
_HALF = _SIDE * _SIDE // 2
_HEAD = struct.Struct(">I3H")
BYTES = _HEAD.size + 2 * _KNOTS + _HALF
_HUNDREDTHS, _WHOLE, _SAME = 100, 0xFFFF, 127
_ROWS = 256  # processed at a time


@dataclass(frozen=True, slots=True, eq=False)
class NoiseModel:
    """The noise model in a file; standard deviations are relative to white."""

    luma: float
    chroma: float
    kind: float
    seed: int
    spreads: NDArray[np.float64]  # (16,)
    likeness: NDArray[np.float64]  # (15, 15), 1 in the middle

    def packed(self) -> bytes:
        """The bytes of the file's chunk."""
        figures = (self.luma * _HUNDREDTHS, self.chroma * _HUNDREDTHS, self.kind * _WHOLE)
        head = _HEAD.pack(self.seed, *(min(max(round(figure), 0), _WHOLE) for figure in figures))
        spreads = np.clip(np.rint(self.spreads * _WHOLE), 0, _WHOLE).astype(">u2")
        half = np.clip(np.rint(self.likeness.ravel()[:_HALF] * _SAME), -_SAME, _SAME).astype(np.int8)
        return head + spreads.tobytes() + half.tobytes()

    def grain(self, white: float) -> Grain:
        """Deterministic grain for an image with this white value."""
        places = np.linspace(0, 1, LEVELS)
        amounts = np.interp(places, np.linspace(0, 1, _KNOTS), self.spreads) * white
        return GrainModel(self.likeness, amounts.astype(np.float32), self.seed).grain()


def unpacked(data: bytes) -> NoiseModel:
    """Parse the bytes of `packed`; raises DamagedLatent if they are invalid."""
    if len(data) != BYTES:
        raise DamagedLatent(f"corrupt: the noise model has {len(data)} bytes instead of {BYTES}")
    seed, luma_, chroma, kind = _HEAD.unpack_from(data)
    spreads = np.frombuffer(data, ">u2", _KNOTS, _HEAD.size) / _WHOLE
    half = np.frombuffer(data, np.int8, _HALF, _HEAD.size + 2 * _KNOTS) / _SAME
    likeness = np.concatenate([half, [1.0], half[::-1]]).reshape(_SIDE, _SIDE)
    return NoiseModel(luma_ / _HUNDREDTHS, chroma / _HUNDREDTHS, kind / _WHOLE, seed, spreads, likeness)


def measured(blocks: NoiseBlocks, noise: Noise) -> NoiseModel | None:
    """The model of the *noise* removed from *blocks*, relative to white; None if they are not sufficient."""
    model = model_of(blocks, 1.0)
    if model is None:
        return None
    middle = len(model.correlation) // 2
    near = slice(middle - _REACH, middle + _REACH + 1)
    # Fade out, so that cropping leaves no edge.
    fading = 0.5 + 0.5 * np.cos(np.pi * np.abs(np.arange(-_REACH, _REACH + 1)) / (_REACH + 1))
    likeness = model.correlation[near, near] * np.outer(fading, fading)
    knots = np.interp(np.linspace(0, LEVELS - 1, _KNOTS), np.arange(LEVELS), model.amounts)
    return NoiseModel(noise.luma, noise.chroma, noise.kind, model.seed, knots, likeness)


def add(pixels: Pixels, grain: Grain, share: float, white: float, *, top: int = 0, left: int = 0) -> None:
    """Add *share* of the grain to *pixels* (H, W, C) in place; *top* and *left* are their position in the image."""
    for start in range(0, pixels.shape[0], _ROWS):
        strip = pixels[start : start + _ROWS]
        brightness = luma(finite(strip)) * np.float32((LEVELS - 1) / white)
        amounts = (grain.amounts * np.float32(share)).take(np.clip(brightness, 0, LEVELS - 1).astype(np.uint8))
        added = grain.strip(top + start, left, *brightness.shape) * amounts
        mixed = np.rint(strip + added[:, :, np.newaxis])
        np.copyto(strip, np.clip(mixed, 0, white), casting="unsafe")


@dataclass(frozen=True, slots=True)
class Noise:
    """8-bit sigmas of luma and chroma, and the kind from 0 (white) to 1 (camera-like)."""

    luma: float
    chroma: float
    kind: float


def without_noise(
    image: Image, session: Session, level: float | None, cancel: CancelToken
) -> tuple[Image, Noise | None]:
    """*image* denoised by *session*, and the removed noise; None if there was none."""
    from denoiser.estimation.policy import automatic  # torch, which a decoder of lossless files does not need

    cleaned = session.clean(image, cancel=cancel)
    if not cleaned.device:  # nothing was computed
        return image, None
    if level is None and cleaned.estimate is not None and automatic(cleaned.estimate)[1] == 0:
        return cleaned.image, None  # only hot pixels were replaced
    if cleaned.estimate is not None:
        estimate = cleaned.estimate
        return cleaned.image, Noise(estimate.luma, estimate.chroma, estimate.kind)
    return cleaned.image, Noise(level or 0.0, 0.0 if image.channels == 1 else level or 0.0, 0.0)
