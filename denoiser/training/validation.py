"""Validation during training on held-out images, with fixed noise and fixed seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn

from denoiser.estimation import automatic, estimate_noise
from denoiser.image import from_numpy
from denoiser.networks.conditioning import Condition
from denoiser.noise import add_white, shoot

WHITE_LEVELS = (15, 25, 50)
CAMERA, PAIRS = "camera, blind", "pairs, blind"
JUDGED = "pairs, automatic"
WRONG = "white 10 given 30"  # what a person may set: colours must stay, and detail as far as it can
_CROP = 256
_SMALLEST = 64
_SHRINK = 2  # compression artefacts would otherwise count as error
_SHOT = 4e-3  # a camera at high sensitivity


@dataclass(frozen=True, slots=True)
class Trial:
    """One held-out crop: noisy and target (3, H, W) in 0..1, and the conditioning of the network."""

    column: str
    noisy: Tensor
    target: Tensor
    condition: Condition


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """Validation result: a score for each column, and ``overall``, where larger is better (NaN: nothing held out).

    ``details`` are logged beside the scores.
    """

    scores: dict[str, float]
    overall: float
    details: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Example:
    """A held-out crop (3, H, W) before and after, with a caption for each."""

    title: str
    before: Tensor
    after: Tensor
    truth: Tensor
    score_before: str
    score_after: str
    labels: tuple[str, str, str] = ("Noisy", "Clean", "Removed")


class Judging(Protocol):
    """Validates a network during training."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the scores, in the order of the log."""
        ...

    @property
    def details(self) -> tuple[str, ...]:
        """The names of further values in the log."""
        ...

    @property
    def unit(self) -> str:
        """Of the scores."""
        ...

    def verdict(self, network: nn.Module, device: torch.device) -> ValidationResult:
        """Validate on held-out images, the same every time."""
        ...

    def examples(self, network: nn.Module, device: torch.device) -> list[Example]:
        """Some examples for the before-after sheet."""
        ...


@dataclass(frozen=True, slots=True)
class Judge:
    """Of denoisers: trials, and the columns whose mean PSNR decides whether a network is better than another."""

    trials: tuple[Trial, ...]
    counted: tuple[str, ...]
    details: tuple[str, ...] = ()
    unit: str = "dB"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns in the order in which they first come."""
        return tuple(dict.fromkeys(trial.column for trial in self.trials))

    def verdict(self, network: nn.Module, device: torch.device) -> ValidationResult:
        """The mean PSNR of *network* on *device* over the trials of each column."""
        scores: dict[str, list[float]] = {column: [] for column in self.columns}
        for trial in self.trials:
            scores[trial.column].append(psnr(cleaned(network, trial, device), trial.target))
        means = {column: sum(values) / len(values) for column, values in scores.items()}
        counted = [means[column] for column in self.counted if column in means]
        return ValidationResult(means, sum(counted) / len(counted) if counted else math.nan)

    def examples(self, network: nn.Module, device: torch.device) -> list[Example]:
        """One for each column, each with another picture where there are several."""
        chosen = []
        for number, column in enumerate(self.columns):
            trials = [trial for trial in self.trials if trial.column == column]
            chosen.append(_example(trials[number % len(trials)], network, device))
        return chosen


def _example(trial: Trial, network: nn.Module, device: torch.device) -> Example:
    output = cleaned(network, trial, device)
    before, after = (f"{psnr(picture, trial.target):.2f} dB" for picture in (trial.noisy, output))
    return Example(trial.column, trial.noisy, output, trial.target, before, after)


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
    """White noise at known levels and at a wrong one, and a camera's blind, on each of *pictures* (3, H, W)."""
    trials = []
    for number, clean in enumerate(_crops([_halved(picture) for picture in pictures])):
        for level in WHITE_LEVELS:
            noisy = add_white(clean, float(level), torch.Generator().manual_seed(number))
            trials.append(Trial(f"white {level}", noisy[0], clean[0], Condition(level, level, 0.0)))
        noisy = add_white(clean, 10.0, torch.Generator().manual_seed(number))
        trials.append(Trial(WRONG, noisy[0], clean[0], Condition(30.0, 30.0, 0.0)))
        seed = torch.Generator().manual_seed(number)
        noisy, target = shoot(clean, seed, shot=torch.tensor([_SHOT]))
        trials.append(Trial(CAMERA, noisy[0], target[0], Condition()))
    return trials


def pair_trials(pairs: Sequence[Tensor]) -> list[Trial]:
    """The noise that is in each of *pairs* (6, H, W) uint8, clean then noisy; the network is blind."""
    crops = _crops([pair.float().div(255) for pair in pairs])
    return [Trial(PAIRS, crop[0, 3:], crop[0, :3], Condition()) for crop in crops]


def judging_trials(pairs: Sequence[Tensor]) -> list[Trial]:
    """The noise in each of *pairs* (6, H, W) uint8, clean then noisy, at the level of automatic mode."""
    trials = []
    for crop in _crops([pair.float().div(255) for pair in pairs]):
        noisy = crop[0, 3:].mul(255).round().byte().permute(1, 2, 0).contiguous().numpy()
        condition, _ = automatic(estimate_noise(from_numpy(noisy)))
        trials.append(Trial(JUDGED, crop[0, 3:], crop[0, :3], condition))
    return trials


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
