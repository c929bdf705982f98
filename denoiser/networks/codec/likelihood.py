"""Bits: what a rounded number costs under a bell curve (latents) or a logistic one (hyper-latents), in fp32."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from denoiser.networks.codec.levels import Curves

LEAST_SCALE, MOST_SCALE, SCALES = 0.11, 32.0, 64  # of the tables, log-spaced
LOG_SCALE_STEP = math.log(MOST_SCALE / LEAST_SCALE) / (SCALES - 1)
_NARROW = -0.7  # the logarithm of a new width: a spread of about one
_LEAST_LIKELY = 2.0**-17  # the rarest symbol of a table costs 16 bits, an escape more


def scale_of(index: Tensor) -> Tensor:
    """The deviation that table *index* (a fraction while learning) stands for."""
    return LEAST_SCALE * (LOG_SCALE_STEP * index).exp()


def index_of(scale: Tensor) -> Tensor:
    """The table of that deviation, as a fraction, between the first and the last."""
    return (scale.clamp(LEAST_SCALE, MOST_SCALE) / LEAST_SCALE).log() / LOG_SCALE_STEP


def normal_bits(residual: Tensor, scale: Tensor) -> Tensor:
    """Bits of the interval of length 1 around *residual* under a zero-mean bell curve."""
    away = residual.abs()
    ratio = math.sqrt(0.5) / scale
    upper = torch.erfc((away - 0.5) * ratio)
    lower = torch.erfc((away + 0.5) * ratio)
    return -((upper - lower) / 2).clamp_min(_LEAST_LIKELY).log2()


class LogisticPrior(torch.nn.Module):
    """How each hyper-latent channel is distributed, by quality step: a logistic curve that is learned."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.middle = Curves(channels)
        self.log_width = Curves(channels)
        torch.nn.init.constant_(self.log_width.weights.data[0], _NARROW)

    def bits(self, z: Tensor, level: Tensor) -> Tensor:
        """Of the interval of length 1 around each value."""
        away = (z - self.middle(level)).abs()
        width = self.log_width(level).clamp(-4, 4).exp()
        likely = torch.sigmoid((0.5 - away) / width) - torch.sigmoid((-0.5 - away) / width)
        return -likely.clamp_min(_LEAST_LIKELY).log2()

    @torch.no_grad()
    def table(self, values: Tensor) -> Tensor:
        """The probability (64, C, V) of each of the integers *values* (V,)."""
        middle = self.middle.table().double()[:, :, None]
        width = self.log_width.table().double().clamp(-4, 4).exp()[:, :, None]
        away = (values.double() - middle).abs()
        return torch.sigmoid((0.5 - away) / width) - torch.sigmoid((-0.5 - away) / width)
