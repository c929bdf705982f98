"""Validation during training on held-out images, with fixed noise and fixed seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from denoiser.estimation.estimator import estimate_noise
from denoiser.estimation.policy import automatic
from denoiser.image import Image, from_numpy
from denoiser.imageio.sheet import Row, contact_sheet
from denoiser.networks.condition import Condition
from denoiser.networks.conditioning import planes_of
from denoiser.noise.camera import shoot
from denoiser.noise.simple import add_white

WHITE_LEVELS = (15, 25, 50)
CAMERA, PAIRS = "camera, blind", "pairs, blind"
PAIRS_AUTOMATIC = "pairs, automatic"
WRONG_LEVEL = "white 10 given 30"  # colours must stay, and as much detail as possible
_CROP = 256
_SMALLEST = 64
_SHRINK = 2  # compression artefacts would otherwise count as error
_SHOT = 4e-3  # a camera at high sensitivity


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """A score for each column, and ``overall``, where larger is better (NaN: nothing was held out).

    ``details`` are logged beside the scores.
    """

    scores: dict[str, float]
    overall: float
    details: dict[str, float] = field(default_factory=dict)


class Validator(Protocol):
    """Validates a network during training; names of scores and details are columns of the log."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the scores, in the order of the log."""

    @property
    def details(self) -> tuple[str, ...]:
        """The names of further values in the log."""

    @property
    def unit(self) -> str:
        """The unit of the scores."""

    def validate(self, network: Any, device: torch.device) -> ValidationResult:
        """Validate *network* on held-out images; deterministic."""

    def examples(self, network: Any, device: torch.device) -> Image | None:
        """A sheet of examples before and after, if there are any."""


@dataclass(frozen=True, slots=True)
class ValidationCrop:
    """One held-out crop: noisy and target (3, H, W) in 0..1, and the conditioning of the network."""

    column: str
    noisy: Tensor
    target: Tensor
    condition: Condition


@dataclass(frozen=True, slots=True)
class DenoiserValidator:
    """Measures PSNR on *crops*; the mean over the columns *counted* decides which network is better."""

    crops: tuple[ValidationCrop, ...]
    counted: tuple[str, ...]
    details: tuple[str, ...] = ()
    unit: str = "dB"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns in the order of the crops."""
        return tuple(dict.fromkeys(crop.column for crop in self.crops))

    def validate(self, network: Any, device: torch.device) -> ValidationResult:
        """The mean PSNR of *network* for each column."""
        scores: dict[str, list[float]] = {column: [] for column in self.columns}
        for crop in self.crops:
            scores[crop.column].append(psnr(denoised(network, crop, device), crop.target))
        means = {column: sum(values) / len(values) for column, values in scores.items()}
        counted = [means[column] for column in self.counted if column in means]
        return ValidationResult(means, sum(counted) / len(counted) if counted else math.nan)

    def examples(self, network: Any, device: torch.device) -> Image | None:
        """One row for each column, each with another image where there are several."""
        rows = []
        for number, column in enumerate(self.columns):
            crops = [crop for crop in self.crops if crop.column == column]
            crop = crops[number % len(crops)]
            output = denoised(network, crop, device)
            before, after = (f"{psnr(image, crop.target):.2f} dB" for image in (crop.noisy, output))
            noisy, clean, target = (as_image(values) for values in (crop.noisy, output, crop.target))
            rows.append(Row(column, noisy, clean, target, before, after))
        return contact_sheet(rows) if rows else None


def as_image(values: Tensor) -> Image:
    """An 8-bit image of *values* (3, H, W) in 0..1."""
    eight_bit = values.clamp(0, 1).mul(255).round().to(torch.uint8)
    return from_numpy(np.ascontiguousarray(eight_bit.permute(1, 2, 0).numpy()))


@torch.inference_mode()
def denoised(network: Any, crop: ValidationCrop, device: torch.device) -> Tensor:
    """The output (3, H, W) of *network* for the crop, on the CPU."""
    planes = planes_of(crop.condition).to(device)
    output: Tensor = network(crop.noisy.unsqueeze(0).to(device), planes)
    return output[0].float().cpu()


def psnr(output: Tensor, target: Tensor) -> float:
    """PSNR in dB over all values."""
    return -10 * math.log10(float((output - target).square().mean()) + 1e-12)


def synthetic_crops(photos: Sequence[Tensor]) -> list[ValidationCrop]:
    """White noise at known levels and a wrong one, and blind camera noise, on *photos* (3, H, W) uint8."""
    crops = []
    for number, clean in enumerate(_middles([_halved(photo) for photo in photos])):
        given = {f"white {level}": (level, level) for level in WHITE_LEVELS} | {WRONG_LEVEL: (10, 30)}
        for column, (level, told) in given.items():
            noisy = add_white(clean, float(level), torch.Generator().manual_seed(number))
            crops.append(ValidationCrop(column, noisy[0], clean[0], Condition(told, told, 0.0)))
        seed = torch.Generator().manual_seed(number)
        noisy, target = shoot(clean, seed, shot=torch.tensor([_SHOT]))
        crops.append(ValidationCrop(CAMERA, noisy[0], target[0], Condition()))
    return crops


def pair_crops(pairs: Sequence[Tensor], *, automatic_level: bool = False) -> list[ValidationCrop]:
    """The noise in each of *pairs* (6, H, W) uint8, clean then noisy: blind, or at the level of automatic mode."""
    column = PAIRS_AUTOMATIC if automatic_level else PAIRS
    crops = []
    for middle in _middles([pair.float().div(255) for pair in pairs]):
        clean, noisy = middle[0].chunk(2)
        condition = automatic(estimate_noise(as_image(noisy)))[0] if automatic_level else Condition()
        crops.append(ValidationCrop(column, noisy, clean, condition))
    return crops


def _halved(photo: Tensor) -> Tensor:
    values = photo.unsqueeze(0).float().div(255)
    return functional.interpolate(values, scale_factor=1 / _SHRINK, mode="bicubic", antialias=True)[0].clamp(0, 1)


def _middles(images: Sequence[Tensor]) -> list[Tensor]:
    """The middles of those that are large enough."""
    return [middle(image, _CROP, 8) for image in images if min(image.shape[1:]) >= _SMALLEST]


def middle(image: Tensor, largest: int, multiple: int) -> Tensor:
    """The middle (1, C, H, W) of *image* (C, H, W): sides of at most *largest*, in multiples of *multiple*."""
    height, width = (min(largest, side // multiple * multiple) for side in image.shape[1:])
    top, left = (image.shape[1] - height) // 2, (image.shape[2] - width) // 2
    return image[None, :, top : top + height, left : left + width]
