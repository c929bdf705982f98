"""Analysis and synthesis transforms, computed mostly at an eighth of the resolution.

    analysis    unshuffle 8 ─► 1x1 ─► blocks ─► 3x3, stride 2 ─► y at 1/16
    synthesis   y ─► 1x1, shuffle 2 ─► blocks ─► 1x1 ─► shuffle 8

    block   x ─┬─► 1x1 ─► steer ─► ReLU ─► depthwise 3x3 ─► 1x1 (starts at zero) ─► add ─┬─►
               └────────────────────────────────────────────────────────────────────────┘ │
            ┌──────────────────────────────────────────────────────────────────────────────┘
            x ─┬─► 1x1 to 2C ─► ReLU ─► 1x1 (starts at zero) ─► add ─►
               └──────────────────────────────────────────────────────┘

New blocks are the identity, and ``begin_as`` initialises the rest as an orthonormal transform, so training starts
from a linear transform coder. There are no normalisation layers, so tiles give the same result as the whole image.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from denoiser.networks.condition import PLANES
from denoiser.networks.conditioning import in_fp32

CELL = 8  # side of the square of pixels that becomes one position of the body
BASIS = 3 * CELL**2
_MIDDLE = 0.5  # of the pixel range; subtracted before the linear transform


class Steer(nn.Module):
    """Scale and shift channels by conditioning that holds for the whole image (FiLM); the identity when new."""

    def __init__(self, conditioning: int, width: int) -> None:
        super().__init__()
        self.to_scale = nn.Linear(conditioning, width, bias=False)
        self.to_shift = nn.Linear(conditioning, width, bias=False)
        for linear in (self.to_scale, self.to_shift):
            nn.init.zeros_(linear.weight)

    def forward(self, x: Tensor, conditioning: Tensor) -> Tensor:
        scale, shift = self.to_scale(conditioning)[:, :, None, None], self.to_shift(conditioning)[:, :, None, None]
        steered: Tensor = x * (1 + scale) + shift
        return steered


class CodecBlock(nn.Module):
    """A depthwise convolution, then a pointwise network, both residual; the identity when new."""

    evenly: Tensor

    def __init__(self, width: int, conditioning: int) -> None:
        super().__init__()
        # Channels of the body differ in size a hundredfold; this evens them out.
        self.evenly = nn.Parameter(torch.ones(width))
        self.enter = nn.Conv2d(width, width, 1)
        self.steer = Steer(conditioning, width)
        self.neighbours = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.leave = nn.Conv2d(width, width, 1)
        self.expand = nn.Conv2d(width, 2 * width, 1)
        self.shrink = nn.Conv2d(2 * width, width, 1)
        for last in (self.leave, self.shrink):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, conditioning: Tensor) -> Tensor:
        evenly = self.evenly[:, None, None]  # x stays in fp32; what is added to it may be bf16
        x = x + self.leave(self.neighbours(functional.relu(self.steer(self.enter(x * evenly), conditioning))))
        change: Tensor = self.shrink(functional.relu(self.expand(x * evenly)))
        return x + change


class Analysis(nn.Module):
    """Noisy or clean pixels (B, 3, H, W) in 0..1 and planes (B, 4, 1, 1) to latents y at 1/16."""

    def __init__(self, width: int, blocks: int, latents: int) -> None:
        super().__init__()
        self.head = nn.Conv2d(BASIS, width, 1)
        self.blocks = nn.ModuleList(CodecBlock(width, PLANES) for _ in range(blocks))
        self.down = nn.Conv2d(width, latents, 3, stride=2, padding=1)

    def forward(self, pixels: Tensor, planes: Tensor) -> Tensor:
        conditioning = planes.flatten(1)
        x = self.enter(pixels)
        for block in self.blocks:
            x = block(x, conditioning)
        return self.leave(x)

    def enter(self, pixels: Tensor) -> Tensor:
        """The input of the blocks."""
        with in_fp32(pixels):
            x: Tensor = self.head(functional.pixel_unshuffle(pixels.float() - _MIDDLE, CELL))
        return x

    def leave(self, x: Tensor) -> Tensor:
        """The latents, from the output of the blocks."""
        with in_fp32(x):
            y: Tensor = self.down(x)
        return y


class Synthesis(nn.Module):
    """Latents y at 1/16 and the conditioning of the quality step (B, conditioning) to pixels."""

    def __init__(self, width: int, blocks: int, latents: int, conditioning: int) -> None:
        super().__init__()
        self.up = nn.Conv2d(latents, 4 * width, 1)
        self.blocks = nn.ModuleList(CodecBlock(width, conditioning) for _ in range(blocks))
        self.tail = nn.Conv2d(width, BASIS, 1)

    def forward(self, y: Tensor, conditioning: Tensor) -> Tensor:
        x = self.enter(y)
        for block in self.blocks:
            x = block(x, conditioning)
        return self.leave(x)

    def enter(self, y: Tensor) -> Tensor:
        """The input of the blocks."""
        with in_fp32(y):
            return functional.pixel_shuffle(self.up(y), 2)

    def leave(self, x: Tensor) -> Tensor:
        """The pixels, from the output of the blocks."""
        with in_fp32(x):
            return functional.pixel_shuffle(self.tail(x), CELL) + _MIDDLE


class Folded(nn.Module):
    """An analysis or a synthesis for one conditioning (1, N), as part of its convolutions: a quarter faster."""

    def __init__(self, transform: Analysis | Synthesis, conditioning: Tensor) -> None:
        super().__init__()
        # The weights also serve for gradients, which tensors of the inference mode cannot.
        with torch.inference_mode(mode=False), torch.no_grad(), in_fp32(conditioning):
            self.blocks = nn.Sequential(*(_FoldedBlock(block, conditioning) for block in transform.blocks))
        self._enter, self._leave = transform.enter, transform.leave

    def forward(self, x: Tensor) -> Tensor:
        return self._leave(self.blocks(self._enter(x)))


class _FoldedBlock(nn.Module):
    """A CodecBlock whose factors and shifts of whole channels are part of its convolutions."""

    def __init__(self, block: Any, conditioning: Tensor) -> None:
        super().__init__()
        scale = 1 + block.steer.to_scale(conditioning)[0]
        shift = block.steer.to_shift(conditioning)[0]
        self.enter = _pointwise(block.enter, block.evenly, scale, shift)
        self.neighbours, self.leave = block.neighbours, block.leave
        self.expand, self.shrink = _pointwise(block.expand, block.evenly), block.shrink

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.leave(self.neighbours(functional.relu(self.enter(x), inplace=True)))
        change: Tensor = self.shrink(functional.relu(self.expand(x), inplace=True))
        return x + change


def _pointwise(
    conv: nn.Conv2d, before: Tensor, scale: Tensor | float = 1.0, shift: Tensor | float = 0.0
) -> nn.Conv2d:
    """*conv* with its input multiplied by *before*, its output by *scale*, and *shift* added, all by channel."""
    assert conv.bias is not None
    folded = nn.Conv2d(conv.in_channels, conv.out_channels, 1, device=conv.weight.device).requires_grad_(False)
    folded.weight.copy_(((conv.weight * before[:, None, None]).transpose(0, 3) * scale).transpose(0, 3))
    folded.bias.copy_(conv.bias * scale + shift)  # type: ignore[union-attr]
    return folded


@torch.no_grad()
def begin_as(analysis: Analysis, synthesis: Synthesis, crops: Tensor) -> Tensor:
    """Initialise both with the principal components of 16 x 16 pixels; return the deviation of each latent.

    Two steps: all components of 8 x 8 pixels, then the strongest of 2 x 2 such squares.
    """
    folded = functional.pixel_unshuffle(crops - _MIDDLE, CELL)
    first, deviation = _principal(folded)
    _fill(analysis.head, first)
    _fill(synthesis.tail, first.T)
    for block in [*analysis.blocks, *synthesis.blocks]:
        block.evenly[:BASIS] = deviation.clamp_min(1e-3).pow(-_EVENLY)
    body = torch.einsum("oi,bihw->bohw", first, folded)
    second, deviation = _principal(functional.pixel_unshuffle(body, 2))
    second, deviation = second[: analysis.down.out_channels], deviation[: analysis.down.out_channels]
    analysis.down.weight.zero_()
    analysis.down.weight[:, :BASIS, 1:, 1:] = second.reshape(len(second), BASIS, 2, 2)
    nn.init.zeros_(analysis.down.bias)  # type: ignore[arg-type]
    synthesis.up.weight.zero_()
    synthesis.up.weight[: 4 * BASIS] = second.T[:, :, None, None]
    nn.init.zeros_(synthesis.up.bias)  # type: ignore[arg-type]
    return deviation


_EVENLY = 0.5  # power of the deviation that is divided out; 1 would overweight the faintest channels


def _principal(x: Tensor) -> tuple[Tensor, Tensor]:
    """Principal components (C, C) of *x* (B, C, H, W) as rows, strongest first, and their deviations (C,)."""
    rows = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1]).double()
    values, vectors = torch.linalg.eigh(rows.T @ rows / len(rows))
    return vectors.flip(1).T.to(x.dtype), values.flip(0).clamp_min(0).sqrt().to(x.dtype)


def _fill(conv: nn.Conv2d, matrix: Tensor) -> None:
    conv.weight.zero_()
    conv.weight[: matrix.shape[0], : matrix.shape[1], 0, 0] = matrix
    if conv.bias is not None:
        conv.bias.zero_()
