"""Layers that learn in floats and become integers: weights -63..63, activations 0..127, powers of two between.

While ``rounded`` is off they are plain layers with activations between 0 and 1. On, the forward pass is what the
integers will do, up to the last bit of a tie, and the gradient passes as if nothing had been rounded. ``integers``
gives the numbers that ship; those are the truth, and the codec computes with nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from denoiser.networks.codec.levels import Curves

MOST_WEIGHT = 63
SHIFT = 24  # of the requantisation: x * multiplier / 2^24
_FIRST_BIAS = 0.25  # of activations in 0..1: in the middle of what they can say


@dataclass(frozen=True, slots=True)
class Ends:
    """An output runs from 0 to *top* in floats and to *most* as an integer."""

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
    most: int  # what the output is clipped to, from 0


class QuantisedLayer(nn.Module):
    """A 1x1 or 3x3 convolution whose output is clipped to 0..1 (or 0..63 as an index), with a bias for each step.

    *unit* is what one integer step of the input is worth in floats.
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
        weight = self._rounded_weight() if self.rounded else self.conv.weight
        out = functional.conv2d(x, weight, self.conv.bias, padding=self.conv.padding).float()
        if self.by_level is not None:
            out = out + self.by_level(level)
        out = _clipped(out, self.ends.top)
        if self.rounded:
            out = _straight_through(
                out, (out * (self.ends.most / self.ends.top) + 0.5).floor() * (self.ends.top / self.ends.most)
            )
        return functional.pixel_shuffle(out, 2) if self.shuffle else out

    def _steps(self) -> Tensor:
        """What one step of each row's integer weights is worth, for inputs counted in integers: (out,)."""
        scaled = self.conv.weight.detach().float() * self.unit[:, None, None]
        return scaled.abs().amax(dim=(1, 2, 3)).clamp_min(1e-7) / MOST_WEIGHT

    def _rounded_weight(self) -> Tensor:
        step = self._steps()[:, None, None, None] / self.unit[:, None, None]
        return _straight_through(self.conv.weight, (self.conv.weight / step).round() * step)

    @torch.no_grad()
    def integers(self) -> IntegerNumbers:
        """The numbers that ship."""
        steps = self._steps().double()
        weight = (
            self.conv.weight.double() * self.unit[:, None, None].double() / steps[:, None, None, None]
        ).round()
        bias = self.conv.bias.double()[None]  # type: ignore[union-attr]
        if self.by_level is not None:
            bias = bias + self.by_level.table().double()
        return IntegerNumbers(
            weight=weight.flatten(1).to(torch.int8),
            bias=(bias / steps).round().clamp(-(2**30), 2**30).to(torch.int32),
            multiplier=(steps * (self.ends.most / self.ends.top) * 2**SHIFT)
            .round()
            .clamp(1, 2**31 - 1)
            .to(torch.int32),
            shift=SHIFT,
            kernel=self.conv.kernel_size[0],
            shuffle=self.shuffle,
            most=self.ends.most,
        )


class _Clip(torch.autograd.Function):
    """Clipping that lets a gradient pass which leads back into the range."""

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


def _clipped(x: Tensor, top: float) -> Tensor:
    clipped: Tensor = _Clip.apply(x, top)
    return clipped


def _straight_through(x: Tensor, rounded: Tensor) -> Tensor:
    return x + (rounded - x).detach()
