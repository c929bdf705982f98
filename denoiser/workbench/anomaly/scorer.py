"""What the three scorers have in common: they learn from good images, map anomalies, and are stored as tensors."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from denoiser.events import CancelToken, Listener, TrainingProgress, ignore

GRID = 4  # pixels of an image for each value of a map
_BLUR = 1.0  # values of a map: a single one is not an anomaly


@dataclass(frozen=True, slots=True)
class Fitting:
    """Settings of a training: random seed, listener and cancel token; *steps* replaces those of the recipe."""

    seed: int = 0
    listener: Listener = ignore
    cancel: CancelToken = field(default_factory=CancelToken)
    steps: int | None = None

    def report(self, note: str) -> None:
        """Send *note* to the listener; raise Cancelled if a stop was requested."""
        self.cancel.raise_if_cancelled()
        self.listener(TrainingProgress(0, math.nan, 0.0, math.nan, math.nan, note=note))


class Scorer(ABC):
    """Scores parts of an image. Images are (3, H, W) in 0..1; both sides are multiples of 16."""

    method: ClassVar[str]

    @classmethod
    @abstractmethod
    def fit(cls, good: Sequence[Tensor], held_out: Sequence[Tensor], fitting: Fitting) -> Self:
        """Learn from *good* images; those *held out* are good too, and serve to adjust scales."""

    @abstractmethod
    def raw_map(self, image: Tensor) -> Tensor:
        """How anomalous each part of *image* is: (H/4, W/4), higher is odder."""

    @abstractmethod
    def tensors(self) -> Mapping[str, Tensor]:
        """All that ``from_tensors`` needs."""

    @classmethod
    @abstractmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Self:
        """The stored scorer; raise KeyError or RuntimeError if *tensors* do not fit."""

    def map(self, image: Tensor) -> Tensor:
        """The raw map, slightly blurred. The score of an image is the maximum of this map."""
        return blurred(self.raw_map(image))


def blurred(values: Tensor) -> Tensor:
    """A map (H, W) after a Gaussian blur."""
    return torch.from_numpy(ndimage.gaussian_filter(np.asarray(values), _BLUR))


def on_grid(values: Tensor, image: Tensor) -> Tensor:
    """Maps (B, C, h, w) of *image* (3, H, W) at H/4 x W/4: averaged or interpolated."""
    height, width = (side // GRID for side in image.shape[1:])
    if values.shape[2] > height:
        return functional.adaptive_avg_pool2d(values, (height, width))
    return functional.interpolate(values, size=(height, width), mode="bilinear")
