"""What a denoiser is punished for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

_CHARBONNIER_EPSILON = 1e-3  # a quarter of an 8-bit step: below it the loss turns quadratic
_LOG_FLOOR = 1e-6  # 60 dB: better than that is not asked for


def charbonnier(output: Tensor, target: Tensor) -> Tensor:
    """A smooth L1: robust while the network is still rough."""
    return torch.sqrt((output - target).square() + _CHARBONNIER_EPSILON**2).mean()


def log_mse(output: Tensor, target: Tensor) -> Tensor:
    """The mean over pictures of the logarithm of the squared error: each decibel counts alike at every level."""
    return torch.log10((output - target).square().mean(dim=(1, 2, 3)) + _LOG_FLOOR).mean()


def rms(output: Tensor, target: Tensor) -> Tensor:
    """The mean over pictures of the root of the mean squared error: what PSNR measures, weak noise not drowned."""
    squared = (output - target).square().mean(dim=(1, 2, 3))
    return torch.sqrt(squared + _CHARBONNIER_EPSILON**2).mean()


LOSSES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "charbonnier": charbonnier,
    "log-mse": log_mse,
    "rms": rms,
}
