"""Bits of a rounded number under a normal (latents) or logistic (hyper-latents) distribution, in fp32."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from denoiser.networks.codec.levels import Curves

LEAST_SCALE, MOST_SCALE, SCALES = 0.11, 32.0, 64  # of the tables, log-spaced
LOG_SCALE_STEP = math.log(MOST_SCALE / LEAST_SCALE) / (SCALES - 1)
_NARROW = -0.7  # initial log width: a standard deviation of about one
_LEAST_LIKELY = 2.0**-17  # the rarest symbol of a table costs 16 bits, an escape more


def scale_of(index: Tensor) -> Tensor:
    """Standard deviation of table *index* (fractional during training)."""
    return LEAST_SCALE * (LOG_SCALE_STEP * index).exp()


def normal_bits(residual: Tensor, scale: Tensor) -> Tensor:
    """Bits of the interval of length 1 around *residual* under a zero-mean normal distribution."""
    away = residual.abs()
    ratio = math.sqrt(0.5) / scale
    upper = torch.erfc((away - 0.5) * ratio)
    lower = torch.erfc((away + 0.5) * ratio)
    return -((upper - lower) / 2).clamp_min(_LEAST_LIKELY).log2()


class LogisticPrior(torch.nn.Module):
    """Learned logistic distribution of each hyper-latent channel, by quality step."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.middle = Curves(channels)  # the mean; the name is a key in the weights files
        self.log_width = Curves(channels)
        torch.nn.init.constant_(self.log_width.weights.data[0], _NARROW)

    def bits(self, z: Tensor, level: Tensor) -> Tensor:
        """Bits of the interval of length 1 around each value."""
        away = (z - self.middle(level)).abs()
        width = self.log_width(level).clamp(-4, 4).exp()
        likely = torch.sigmoid((0.5 - away) / width) - torch.sigmoid((-0.5 - away) / width)
        return -likely.clamp_min(_LEAST_LIKELY).log2()

    @torch.no_grad()
    def table(self, values: Tensor) -> Tensor:
        """The probability (64, C, V) of each of the integers *values* (V,)."""
        mean = self.middle.table().double()[:, :, None]
        width = self.log_width.table().double().clamp(-4, 4).exp()[:, :, None]
        away = (values.double() - mean).abs()
        return torch.sigmoid((0.5 - away) / width) - torch.sigmoid((-0.5 - away) / width)
