"""The 64 quality steps: the lambda of each, and parameters that vary smoothly over them.

A parameter per step would mean 64 numbers, most of them seldom trained; a polynomial of the step needs three.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

LEVELS = 64
_LEAST, _MOST = 0.0016, 0.18  # lambda of the first and the last step: about 0.1 to 2 bits per pixel
_DEGREE = 3  # numbers per curve: constant, slope, bend
# The step at which bits and squared error balance for large coefficients of an orthonormal transform:
# step = _BALANCE / sqrt(lambda), in units of 1/255.
_BALANCE = math.sqrt(18 / math.log(2))


def lambdas() -> Tensor:
    """Lambda of each step: weight of the squared error (8-bit units) per bit per pixel; (64,), log-spaced."""
    return torch.logspace(math.log10(_LEAST), math.log10(_MOST), LEVELS)


def step_sizes() -> Tensor:
    """The quantiser's step (64,) for an orthonormal transform of pixels in 0..1."""
    return _BALANCE / 255 / lambdas().sqrt()


def basis() -> Tensor:
    """The powers (64, 3) of the step, which runs from -1 to 1."""
    t = torch.linspace(-1, 1, LEVELS)
    return torch.stack([t**power for power in range(_DEGREE)], dim=1)


class Curves(nn.Module):
    """*width* learned numbers for each quality step, initialised to 0."""

    powers: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(_DEGREE, width))
        self.register_buffer("powers", basis(), persistent=False)

    def forward(self, level: Tensor) -> Tensor:
        """(B, width, 1, 1) for the steps *level* (B,)."""
        numbers: Tensor = (self.powers[level] @ self.weights)[:, :, None, None]
        return numbers

    def table(self) -> Tensor:
        """The numbers for all steps: (64, width)."""
        numbers: Tensor = self.powers @ self.weights
        return numbers


class Gains(nn.Module):
    """Learned gains before rounding and after it, by channel and quality step; not exactly inverse."""

    log_steps: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.there = Curves(width)
        self.back = Curves(width)
        self.register_buffer("log_steps", step_sizes().log(), persistent=False)

    def scale(self, y: Tensor, level: Tensor) -> Tensor:
        """Latents in quantiser steps."""
        gain: Tensor = (self.there(level) - self.log_steps[level].reshape(-1, 1, 1, 1)).exp()
        return y * gain

    def restore(self, v: Tensor, level: Tensor) -> Tensor:
        """Rounded latents, scaled back for the synthesis."""
        gain: Tensor = (self.back(level) + self.log_steps[level].reshape(-1, 1, 1, 1)).exp()
        return v * gain
