"""Layers that are trained in floats and exported as integers: weights -63..63, activations 0..127.

With ``rounded`` off they are plain layers with activations clipped to 0..1. With it on, the forward pass computes
what the integers will, except for ties, and gradients pass straight through. ``integers`` returns the exported
numbers, the only ones that encoding and decoding use.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from denoiser.networks.codec.levels import Curves

MOST_WEIGHT = 63
SHIFT = 24  # of the requantisation: x * multiplier / 2^24
_FIRST_BIAS = 0.25  # of activations in 0..1: inside the range, so that gradients flow


@dataclass(frozen=True, slots=True)
class Ends:
    """Output range: 0 to *top* in floats, 0 to *most* as an integer."""

    top: float
    most: int


ACTIVATIONS = Ends(1.0, 127)


@dataclass(frozen=True, slots=True)
class IntegerNumbers:
    """A layer as integers: out = (weight @ in + bias[level]) * multiplier >> shift, clipped."""

    weight: Tensor  # (out, in * k * k) int8
    bias: Tensor  # (64 or 1, out) int32
    multiplier: Tensor  # (out,) int32
    shift: int
    kernel: int
    shuffle: bool
    most: int  # the output is clipped to 0..most


class QuantisedLayer(nn.Module):
    """A 1x1 or 3x3 convolution with clipped output (0..1, or 0..63 for an index).

    *by_level*: a bias for each quality step. *unit*: the float value of one integer step of the input.
    """

    def __init__(
        self,
        width_in: int,
        width_out: int,
        *,
        kernel: int,
        unit: float | Tensor,
        shuffle: bool = False,
        by_level: bool = False,
        ends: Ends = ACTIVATIONS,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width_in, width_out, kernel, padding=kernel // 2)
        self.by_level = Curves(width_out) if by_level else None
        nn.init.constant_(self.conv.bias, _FIRST_BIAS)  # type: ignore[arg-type]
        self.shuffle, self.ends = shuffle, ends
        self.rounded = False
        unit = torch.as_tensor(unit, dtype=torch.float32)
        self.register_buffer("unit", unit.expand(width_in).clone(), persistent=False)

    unit: Tensor

    def forward(self, x: Tensor, level: Tensor) -> Tensor:
        weight = self.conv.weight
        if self.rounded:
            step = self._steps()[:, None, None, None] / self.unit[:, None, None]
            weight = _straight_through(weight, (weight / step).round() * step)
        out = functional.conv2d(x, weight, self.conv.bias, padding=self.conv.padding).float()
        if self.by_level is not None:
            out = out + self.by_level(level)
        out = _Clip.apply(out, self.ends.top)
        if self.rounded:
            out = _straight_through(
                out, (out * (self.ends.most / self.ends.top) + 0.5).floor() * (self.ends.top / self.ends.most)
            )
        return functional.pixel_shuffle(out, 2) if self.shuffle else out

    def _steps(self) -> Tensor:
        """Value of one integer weight step of each output channel, for integer inputs: (out,)."""
        scaled = self.conv.weight.detach().float() * self.unit[:, None, None]
        return scaled.abs().amax(dim=(1, 2, 3)).clamp_min(1e-7) / MOST_WEIGHT

    @torch.no_grad()
    def integers(self) -> IntegerNumbers:
        """The exported integers."""
        steps = self._steps().double()
        scaled = self.conv.weight.double() * self.unit[:, None, None].double()
        bias = self.conv.bias.double()[None]  # type: ignore[union-attr]
        if self.by_level is not None:
            bias = bias + self.by_level.table().double()
        multiplier = (steps * (self.ends.most / self.ends.top) * 2**SHIFT).round()
        return IntegerNumbers(
            weight=(scaled / steps[:, None, None, None]).round().flatten(1).to(torch.int8),
            bias=(bias / steps).round().clamp(-(2**30), 2**30).to(torch.int32),
            multiplier=multiplier.clamp(1, 2**31 - 1).to(torch.int32),
            shift=SHIFT,
            kernel=self.conv.kernel_size[0],
            shuffle=self.shuffle,
            most=self.ends.most,
        )


class _Clip(torch.autograd.Function):
    """Clipping whose gradient passes where it leads back into the range."""

    @staticmethod
    def forward(ctx, x: Tensor, top: float) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x)
        ctx.top = top
        return x.clamp(0, top)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[no-untyped-def]
        (x,) = ctx.saved_tensors
        wrong_way = ((x < 0) & (gradient > 0)) | ((x > ctx.top) & (gradient < 0))
        return gradient.masked_fill(wrong_way, 0), None


def _straight_through(x: Tensor, rounded: Tensor) -> Tensor:
    return x + (rounded - x).detach()
