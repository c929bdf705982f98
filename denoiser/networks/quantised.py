"""Layers with 8-bit weights: a quarter of the size, and matrix products in integers where the processor has them.

Weights are rounded to -127..127 with one scale for each output. The input of a fully connected layer is rounded in
the same way, with one scale for each row, when it is used (dynamic quantisation). Convolutions restore their
weights.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_LARGEST = 127


def quantise(network: nn.Module) -> None:
    """Replace the fully connected and convolutional layers of *network* by ones with 8-bit weights."""
    for name, child in list(network.named_children()):
        if isinstance(child, nn.Linear):
            setattr(network, name, QuantisedLinear(child))
        elif isinstance(child, nn.Conv2d):
            setattr(network, name, QuantisedConv2d(child))
        else:
            quantise(child)


def _rounded(values: Tensor) -> tuple[Tensor, Tensor]:
    """*values* as int8, and the scale of each row (all but the first axis)."""
    scale = values.detach().flatten(1).abs().amax(dim=1).clamp_min(1e-12) / _LARGEST
    shape = (-1,) + (1,) * (values.ndim - 1)
    return (values.detach() / scale.reshape(shape)).round().to(torch.int8), scale


class _Quantised(nn.Module):
    def __init__(self, layer: nn.Linear | nn.Conv2d) -> None:
        super().__init__()
        weight, scale = _rounded(layer.weight)
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.register_buffer(
            "bias", torch.zeros(len(weight)) if layer.bias is None else layer.bias.detach().clone()
        )


class QuantisedLinear(_Quantised):
    """A fully connected layer that multiplies in integers."""

    def forward(self, x: Tensor) -> Tensor:
        rounded, scale = _rounded(x)
        product = torch._int_mm(rounded, self.get_buffer("weight").t())
        return product * scale.unsqueeze(1) * self.get_buffer("scale") + self.get_buffer("bias")


class QuantisedConv2d(_Quantised):
    """A convolution with 8-bit weights, which computes in floating point."""

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__(layer)
        self._form: dict[str, Any] = {"stride": layer.stride, "padding": layer.padding}

    def forward(self, x: Tensor) -> Tensor:
        weight = self.get_buffer("weight") * self.get_buffer("scale").reshape(-1, 1, 1, 1)
        return functional.conv2d(x, weight, self.get_buffer("bias"), **self._form)
