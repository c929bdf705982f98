"""Small networks that find anomalies. `DefectHead` turns the maps of a denoiser's encoder into a map of defects:

    eighth ─► 3x3 ─► 3x3 ─┐ up
    quarter ──────────────┴─► 1x1 ─► 3x3 ─┐ up
    half, pixels folded to 1/2 ───────────┴─► 1x1 ─► 3x3 ─► 1x1 ─► logits at 1/2

after U-Net (Ronneberger et al. 2015), whose first half is the frozen encoder. `PatchAutoencoder` reconstructs
patches through a narrow code, so that what differs from the training images is lost:

    pixels ─► 4 times: 3x3 s2 ─► code at 1/16 ─► 3 times: up 2, 3x3 ─► 3x3, shuffle 2 ─► pixels
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from denoiser.networks.estimator import along_axes

_LEAST_SPREAD = 0.01  # of an input channel: images without colour have none in two of three


class DefectHead(nn.Module):
    """Maps pixels (B, 3, H, W) in 0..1 and their encodings at 1/2, 1/4 and 1/8 to logits (B, 1, H/2, W/2).

    *channels* are those of the encodings; H and W are multiples of 8.
    """

    def __init__(self, channels: Sequence[int], widths: Sequence[int]) -> None:
        super().__init__()
        inputs = (channels[0] + 12, channels[1], channels[2])
        for level, count in enumerate(inputs):
            self.register_buffer(f"mean{level}", torch.zeros(count))
            self.register_buffer(f"spread{level}", torch.ones(count))
        self.at_eighth = _row(inputs[2], widths[2], first=3)
        self.at_quarter = _row(inputs[1] + widths[2], widths[1], first=1)
        self.at_half = _row(inputs[0] + widths[1], widths[0], first=1)
        self.logits = nn.Conv2d(widths[0], 1, 1)

    def adapt(self, pixels: Tensor, maps: Sequence[Tensor]) -> None:
        """Store the mean and the spread of each input channel, so that all count alike."""
        for level, values in enumerate(_inputs(pixels, maps)):
            self.get_buffer(f"mean{level}").copy_(values.mean(dim=(0, 2, 3)))
            self.get_buffer(f"spread{level}").copy_(values.std(dim=(0, 2, 3)).clamp_min(_LEAST_SPREAD))

    def forward(self, pixels: Tensor, maps: Sequence[Tensor]) -> Tensor:
        half, quarter, eighth = (self._standard(level, one) for level, one in enumerate(_inputs(pixels, maps)))
        quarter = torch.cat([quarter, functional.interpolate(self.at_eighth(eighth), scale_factor=2)], dim=1)
        half = torch.cat([half, functional.interpolate(self.at_quarter(quarter), scale_factor=2)], dim=1)
        logits: Tensor = self.logits(self.at_half(half))
        return logits

    def _standard(self, level: int, values: Tensor) -> Tensor:
        mean, spread = (self.get_buffer(f"{name}{level}").reshape(1, -1, 1, 1) for name in ("mean", "spread"))
        return (values - mean) / spread


def _inputs(pixels: Tensor, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
    half, quarter, eighth = maps
    folded = functional.pixel_unshuffle(along_axes(pixels), 2)  # grey and two colour axes, each in its own range
    return torch.cat([folded, half], dim=1), quarter, eighth


def _row(width_in: int, width: int, *, first: int) -> nn.Sequential:
    """Two convolutions; the kernel of the first has *first* pixels on each side."""
    return nn.Sequential(
        nn.Conv2d(width_in, width, first, padding=first // 2),
        nn.ReLU(inplace=True),
        nn.Conv2d(width, width, 3, padding=1),
        nn.ReLU(inplace=True),
    )


class PatchAutoencoder(nn.Module):
    """Maps pixels (B, 3, H, W) in 0..1 to their reconstruction from *code* channels at 1/16.

    H and W are multiples of 16.
    """

    def __init__(self, widths: Sequence[int], code: int) -> None:
        super().__init__()
        down: list[nn.Module] = []
        for width_in, width in zip((3, *widths[:-1]), widths, strict=True):
            down += [nn.Conv2d(width_in, width, 3, stride=2, padding=1), nn.ReLU(inplace=True)]
        self.encoder = nn.Sequential(*down, nn.Conv2d(widths[-1], code, 1))
        up: list[nn.Module] = [nn.Conv2d(code, widths[-1], 1), nn.ReLU(inplace=True)]
        for width_in, width in zip(widths[:0:-1], widths[-2::-1], strict=True):
            up += [nn.Upsample(scale_factor=2), nn.Conv2d(width_in, width, 3, padding=1), nn.ReLU(inplace=True)]
        self.decoder = nn.Sequential(*up, nn.Conv2d(widths[0], 12, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, pixels: Tensor) -> Tensor:
        reconstruction: Tensor = self.decoder(self.encoder(pixels - 0.5)) + 0.5
        return reconstruction
