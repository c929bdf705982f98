"""Images as the scorers take them: RGB in 0..1, not too large, under about one light."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from denoiser.errors import UnusableData
from denoiser.training.data import resized

_MULTIPLE = 16  # of both sides
_SMALLEST = 32
_LONGEST = 8  # times the shorter side
_STEADY = 0.2  # relative spread of the brightness of images that are under one light
_GAIN = (0.8, 1.25)


def reduced(image: Tensor, side: int) -> Tensor:
    """*image* (3, H, W) uint8 as float in 0..1 with at most side x side pixels, in about its own aspect.

    Sides become multiples of 16, at least 32. Raises UnusableData if one is more than 8 times the other.
    """
    height, width = image.shape[1:]
    if max(height, width) > _LONGEST * min(height, width):
        raise UnusableData(
            f"{width} x {height} pixels are too long and narrow.",
            hint=f"Cut the image: the longer side may be {_LONGEST} times the shorter one.",
        )
    scale = min(1.0, side / (height * width) ** 0.5)
    size = [max(_SMALLEST, round(side * scale / _MULTIPLE) * _MULTIPLE) for side in (height, width)]
    return resized(image.unsqueeze(0).float().div(255), size)[0].clamp(0, 1)


@dataclass(frozen=True, slots=True)
class Preparation:
    """How images are reduced and brightened.

    *side* is the square root of the largest number of pixels. *brightness* is the mean to which images are
    brightened or darkened a little; 0 leaves them as they are.
    """

    side: int
    brightness: float

    @classmethod
    def of(cls, images: Sequence[Tensor]) -> Preparation:
        """That for good *images* (3, H, W) in 0..1, already reduced; brightness only if it is steady."""
        means = [float(image.mean()) for image in images]
        mean = statistics.fmean(means)
        side = max(round(image[0].numel() ** 0.5) for image in images)
        return cls(side, round(mean, 4) if statistics.pstdev(means) < _STEADY * mean else 0.0)

    def __call__(self, image: Tensor) -> Tensor:
        """*image* (3, H, W), uint8 or already reduced to floats, as the scorers take it."""
        pixels = image if image.is_floating_point() else reduced(image, self.side)
        if not self.brightness:
            return pixels
        gain = self.brightness / float(pixels.mean().clamp_min(1e-3))
        return (pixels * min(max(gain, _GAIN[0]), _GAIN[1])).clamp(0, 1)


def torch_seed(seed: int) -> torch.Generator:
    """A random generator of that seed."""
    return torch.Generator().manual_seed(seed)
