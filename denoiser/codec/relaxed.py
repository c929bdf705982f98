"""The context model with relaxed rounding, so that bits have gradients. For the encoder only.

A residual between two integers is rounded up with a probability w that rises steeply near the middle. Bits are the
expected bits of the two integers, latents the expected latents; w (1 - w) is the variance of the rounding.
The tables are those of the integer index model, evaluated in floats.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from denoiser.codec.context import masks
from denoiser.codec.entropy.index import CLASS_STARTS
from denoiser.networks.codec.likelihood import normal_bits, scale_of

if TYPE_CHECKING:
    from denoiser.codec.entropy.integer import IntegerNetwork
    from denoiser.codec.model import CodecModel


class Expected(NamedTuple):
    """Expected latents (N, h, w) in quantiser steps, bits of the tile, and the rounding variance of each latent."""

    latents: Tensor
    bits: Tensor
    variance: Tensor


class RelaxedContext:
    """The relaxed context model of one tile: its hyper symbols *z* at quality step *level* are fixed."""

    def __init__(self, model: CodecModel, z: Tensor, level: int, height: int, width: int) -> None:
        network, index = model.network, model.exact.index
        self._level, self._means, self._shape = level, network.mean_passes, (model.exact.latents, height, width)
        places = masks(*self._shape)
        self._places = [torch.from_numpy(np.flatnonzero(mask)) for mask in places]
        self._starts = torch.tensor(CLASS_STARTS)
        self._passes = [_layers(one) for one in index.passes]
        with torch.no_grad():
            self._scale = network.log_spread(torch.tensor([level])).exp()
            self._mean_features = network.mean_features(z[None])
            self._index_features = _evaluated(_layers(index.base), z[None], level)

    def expected(self, v: Tensor, temperature: float) -> Expected:
        """What latents *v* (N, h, w) become; the lower *temperature*, the closer to rounding."""
        known, variance, classes = (torch.zeros(v.numel()) for _ in range(3))
        bits = torch.zeros(())
        flat = v.flatten()
        for number, places in enumerate(self._places):
            seen = known.reshape(1, *self._shape)
            mean = (self._means[number](self._mean_features, seen / self._scale) * self._scale).flatten()[places]
            x = self._index_features
            if number:
                x = torch.cat([x, classes.reshape(1, *self._shape)], dim=1)
            scale = scale_of(_evaluated(self._passes[number], x, self._level).flatten()[places])
            residual = flat[places] - mean
            lower = residual.detach().floor()
            up = _probability(residual - lower, temperature)
            below, above = normal_bits(lower, scale), normal_bits(lower + 1, scale)
            bits = bits + (below + up * (above - below)).sum()
            known = known.index_copy(0, places, lower + up + mean)
            variance = variance.index_copy(0, places, up * (1 - up))
            likely = (lower + up).detach().round().abs()
            classes = classes.index_copy(0, places, torch.bucketize(likely, self._starts, right=True).float())
        return Expected(known.reshape(self._shape), bits, variance.reshape(self._shape))


def _probability(fraction: Tensor, temperature: float) -> Tensor:
    """The probability of rounding up: 0 and 1 at the integers, steeper in the middle with a lower temperature."""
    slope = 1 / temperature
    probability: Tensor = 0.5 + torch.tanh((fraction - 0.5) * slope) / (2 * math.tanh(slope / 2))
    return probability


class _FloatLayer(NamedTuple):
    """An integer layer with its requantisation as factors."""

    weight: Tensor
    bias: Tensor  # (64 or 1, out)
    shuffle: bool
    top: int


def _layers(network: IntegerNetwork) -> list[_FloatLayer]:
    layers = []
    for number, layer in enumerate(network.layers):
        factor = torch.from_numpy(layer.multiplier / 2.0**layer.shift).float()
        weight = torch.from_numpy(layer.weight.astype(np.float32)) * factor[:, None]
        bias = torch.from_numpy(layer.bias.astype(np.float32)) * factor
        kernel = weight.reshape(len(weight), -1, layer.kernel, layer.kernel)
        top = network.top if number == len(network.layers) - 1 else 127
        layers.append(_FloatLayer(kernel, bias, layer.shuffle, top))
    return layers


def _evaluated(layers: list[_FloatLayer], x: Tensor, level: int) -> Tensor:
    for layer in layers:
        bias = layer.bias[level if len(layer.bias) > 1 else 0]
        x = functional.conv2d(x, layer.weight, bias, padding=layer.weight.shape[-1] // 2).clamp(0, layer.top)
        x = functional.pixel_shuffle(x, 2) if layer.shuffle else x
    return x
