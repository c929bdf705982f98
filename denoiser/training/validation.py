"""How well a network under training does on pictures that were held out: fixed noise, fixed seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from denoiser.networks.conditioning import Condition
from denoiser.noise import add_white, shoot

WHITE_LEVELS = (15, 25, 50)
CAMERA, PAIRS = "camera, blind", "pairs, blind"
_CROP = 256
_SMALLEST = 64
_SHRINK = 2  # what the files lost in compression would count as error
_SHOT = 4e-3  # a camera at high sensitivity


@dataclass(frozen=True, slots=True)
class Trial:
    """One held-out crop: noisy and target (3, H, W) in 0..1, and what the network is told of the noise."""

    column: str
    noisy: Tensor
    target: Tensor
    condition: Condition


@dataclass(frozen=True, slots=True)
class Verdict:
    """PSNR by column, and their mean over the columns that count; NaN when nothing was held out."""

    scores: dict[str, float]
    overall: float


@dataclass(frozen=True, slots=True)
class Judge:
    """Trials, and the columns whose mean decides whether a network is better than another."""

    trials: tuple[Trial, ...]
    counted: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns in the order in which they first come."""
        return tuple(dict.fromkeys(trial.column for trial in self.trials))

    def verdict(self, network: nn.Module, device: torch.device) -> Verdict:
        """The mean PSNR of *network* on *device* over the trials of each column."""
        scores: dict[str, list[float]] = {column: [] for column in self.columns}
        for trial in self.trials:
            scores[trial.column].append(psnr(cleaned(network, trial, device), trial.target))
        means = {column: sum(values) / len(values) for column, values in scores.items()}
        counted = [means[column] for column in self.counted if column in means]
        return Verdict(means, sum(counted) / len(counted) if counted else math.nan)


@torch.inference_mode()
def cleaned(network: nn.Module, trial: Trial, device: torch.device) -> Tensor:
    """What *network* makes of the trial's noisy crop (3, H, W), on the CPU."""
    planes = trial.condition.planes().reshape(1, -1, 1, 1).to(device)
    output: Tensor = network(trial.noisy.unsqueeze(0).to(device), planes)
    return output[0].float().cpu()


def psnr(output: Tensor, target: Tensor) -> float:
    """In dB, over all values."""
    return -10 * math.log10(float((output - target).square().mean()) + 1e-12)


def synthetic_trials(pictures: Sequence[Tensor]) -> list[Trial]:
    """White noise at known levels, and a camera's blind, on each of *pictures* (3, H, W) uint8."""
    trials = []
    for number, clean in enumerate(_crops([_halved(picture) for picture in pictures])):
        for level in WHITE_LEVELS:
            noisy = add_white(clean, float(level), torch.Generator().manual_seed(number))
            trials.append(Trial(f"white {level}", noisy[0], clean[0], Condition(level, level, 0.0)))
        seed = torch.Generator().manual_seed(number)
        noisy, target = shoot(clean, seed, shot=torch.tensor([_SHOT]))
        trials.append(Trial(CAMERA, noisy[0], target[0], Condition()))
    return trials


def pair_trials(pairs: Sequence[Tensor]) -> list[Trial]:
    """The noise that is in each of *pairs* (6, H, W) uint8, clean then noisy; the network is told nothing."""
    crops = _crops([pair.float().div(255) for pair in pairs])
    return [Trial(PAIRS, crop[0, 3:], crop[0, :3], Condition()) for crop in crops]


def _halved(picture: Tensor) -> Tensor:
    small = torch.nn.functional.interpolate(
        picture.unsqueeze(0).float().div(255), scale_factor=1 / _SHRINK, mode="bicubic", antialias=True
    )
    return small[0].clamp(0, 1)


def _crops(pictures: Sequence[Tensor]) -> list[Tensor]:
    """The middles (1, C, H, W) of those that are large enough."""
    crops = []
    for picture in pictures:
        height, width = (min(_CROP, side // 8 * 8) for side in picture.shape[1:])
        if min(height, width) >= _SMALLEST:
            top, left = (picture.shape[1] - height) // 2, (picture.shape[2] - width) // 2
            crops.append(picture[None, :, top : top + height, left : left + width])
    return crops
