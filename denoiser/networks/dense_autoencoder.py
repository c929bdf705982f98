"""A denoiser of dense 3x3 residual pairs, steered by the noise level: quick on a CPU.

    pair:   x ─┬─► 3x3 ─► relu ─► 3x3 (starts at zero) ─► add ─►
               └───────────────────────────────────────────┘

The scales and skips are those of ``pyramid``. Dense 3x3 convolutions reach the peak of a CPU at every width; 1x1
and depthwise ones wait for memory at 1/2 and 1/4. No biases (after Mohan et al., "Robust and interpretable blind
image denoising via bias-free convolutional neural networks", ICLR 2020: they carry over to levels never seen), no
norm.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from denoiser.networks.pyramid import Block, PyramidAutoencoder


class ResidualPair(Block):
    """x + conv(relu(conv(x))); the identity when new."""

    radius = 2

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.second(functional.relu(self.first(x), inplace=True))
        return x + change


class DenseAutoencoder(PyramidAutoencoder):
    """Residual pairs at every scale."""

    def __init__(self, widths: Sequence[int], blocks: Sequence[int]) -> None:
        super().__init__(widths, blocks, lambda _level, width: ResidualPair(width))
