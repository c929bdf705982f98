"""Autoencoders for small images of one size: an encoder to a code of a few numbers, and a decoder back.

    x (B,C,H,W) ─► encoder ─► code (B,N) ─► decoder ─► x_hat (B,C,H,W)
                      │         ▲
                      └─ mean, log-variance of a variational one: code = mean + noise × deviation

`FullyConnected` has layers of neurons and their mirror image (Hinton and Salakhutdinov, "Reducing the
dimensionality of data with neural networks", Science 2006). With the layers 128 and 64 and a code of 32, for
28×28 pixels:

    784 ─► 128 ─► 64 ─► 32 ─► 64 ─► 128 ─► 784

`Convolutional` halves height and width once for each of its widths, and ends in fully connected layers (Masci et
al., "Stacked convolutional auto-encoders", ICANN 2011). With the widths 32 and 64:

    1×28×28 ─► 3x3 s2 ─► block ─► 3x3 s2 ─► block ─► flat ─► 512 ─► code ─► 512 ─► the same in reverse ─► 1×28×28
                32×14×14           64×7×7

    plain block      x ─► act ─► 3x3 ─► act
    residual block   x ─┬─► act ─► 3x3 ─► act ─► 3x3 (starts at zero) ─► add ─►         (He et al., CVPR 2016)
                        └──────────────────────────────────────────────────┘
    dense block      x ─► [x, 3x3] ─► [x, 3x3, 3x3] ─► 1x1 back to the width            (Huang et al., CVPR 2017)

A variational autoencoder has a mean and a log-variance for each number of its code (Kingma and Welling,
"Auto-encoding variational Bayes", ICLR 2014). A sparse one may keep only its k largest activations (Makhzani and
Frey, "k-sparse autoencoders", ICLR 2014). A head of one linear layer can predict labels from the code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

ACTIVATIONS: Mapping[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "sigmoid": nn.Sigmoid,
    "none": nn.Identity,
}
_BETWEEN = 512  # neurons between the maps of a convolutional autoencoder and its code
_GROWTH = 4  # a dense block adds the width divided by this, twice


@dataclass(frozen=True, slots=True)
class AutoencoderOutput:
    """The result of a training pass; ``decoded`` is before the sigmoid where there is one."""

    decoded: Tensor
    code: Tensor
    mean: Tensor
    log_variance: Tensor | None
    labels: Tensor | None  # logits (B, classes) of the label head


class CodingNetwork(nn.Module):
    """Maps images (B, C, H, W) in 0..1 to codes (B, N) and back.

    *shape* is (C, H, W). *code_activation* bounds the code: relu for sparse activations, sigmoid for rates. *top_k*
    keeps only the largest numbers of a code; 0 keeps all. *sigmoid* ends the decoder; otherwise outputs are clipped
    to 0..1. *classes* adds a head that predicts labels.
    """

    def __init__(
        self,
        *,
        shape: Sequence[int],
        code: int,
        code_activation: str = "none",
        top_k: int = 0,
        variational: bool = False,
        sigmoid: bool = False,
        classes: int = 0,
    ) -> None:
        super().__init__()
        self.shape, self.code_size = tuple(shape), code
        self.top_k, self.variational, self.sigmoid = top_k, variational, sigmoid
        self.code_activation = ACTIVATIONS[code_activation]()
        self.encoder, self.decoder = nn.Sequential(), nn.Sequential()  # filled by the subclasses
        self.register_buffer("code_mean", torch.zeros(code))  # of the training images
        self.register_buffer("code_spread", torch.eye(code))  # square root of the covariance
        self.label_head = nn.Linear(code, classes) if classes else None

    @property
    def code_outputs(self) -> int:
        """Outputs of the encoder: twice the code for mean and log-variance."""
        return self.code_size * (2 if self.variational else 1)

    def distribution(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Mean (B, N) of the codes of *images*, and their log-variance if the network is variational."""
        encoded: Tensor = self.encoder(images)
        if self.variational:
            mean, log_variance = encoded.float().chunk(2, dim=1)
            return mean, log_variance.clamp(-14, 14)
        code: Tensor = self.code_activation(encoded)
        if self.top_k:
            kept = code.topk(self.top_k, dim=1)
            code = torch.zeros_like(code).scatter(1, kept.indices, kept.values)
        return code, None

    def encode(self, images: Tensor) -> Tensor:
        """Codes (B, N) of *images*: the mean, if the network is variational."""
        return self.distribution(images)[0]

    def decode(self, code: Tensor) -> Tensor:
        """Images (B, C, H, W) in 0..1 of codes (B, N)."""
        decoded: Tensor = self.decoder(code)
        return decoded.sigmoid() if self.sigmoid else decoded.clamp(0, 1)

    def describe_codes(self, codes: Tensor) -> None:
        """Store mean and covariance of the training *codes* (B, N), which ``draw_codes`` uses."""
        self.get_buffer("code_mean").copy_(codes.mean(dim=0))
        values, vectors = torch.linalg.eigh(torch.cov(codes.T.double()).reshape(codes.shape[1], -1))
        root = vectors * values.clamp_min(0).sqrt() @ vectors.T
        self.get_buffer("code_spread").copy_(root)

    def draw_codes(self, count: int, generator: torch.Generator) -> Tensor:
        """Random codes (count, N): from the prior if the network is variational, else like those of training."""
        noise = torch.randn(count, self.code_size, generator=generator)
        if self.variational:
            return noise
        drawn = self.get_buffer("code_mean") + noise @ self.get_buffer("code_spread")
        return drawn if isinstance(self.code_activation, nn.Identity) else drawn.clamp_min(0)

    def forward(self, images: Tensor, noise: Tensor | None = None) -> AutoencoderOutput:
        """One pass of training; standard normal *noise* (B, N) samples the code of a variational network."""
        mean, log_variance = self.distribution(images)
        code = mean
        if log_variance is not None and noise is not None:
            code = mean + noise * torch.exp(0.5 * log_variance)
        labels = self.label_head(mean) if self.label_head is not None else None
        return AutoencoderOutput(self.decoder(code), code, mean, log_variance, labels)

    @staticmethod
    def kernels_of_the_body(name: str) -> bool:
        """Whether Muon trains that parameter: orthogonalising is cheap for kernels, not for wide layers."""
        return "kernel" in name


class FullyConnected(CodingNetwork):
    """Layers of *layers* neurons, with *activation* between them, and their mirror image."""

    def __init__(self, *, layers: Sequence[int], activation: str = "relu", **common: Any) -> None:
        super().__init__(**common)
        channels, height, width = self.shape
        sizes = [channels * height * width, *layers]
        self.encoder = nn.Sequential(nn.Flatten(), *_fully_connected([*sizes, self.code_outputs], activation))
        back = _fully_connected([self.code_size, *reversed(sizes)], activation)
        self.decoder = nn.Sequential(*back, nn.Unflatten(1, self.shape))


def _fully_connected(sizes: Sequence[int], activation: str) -> list[nn.Module]:
    modules: list[nn.Module] = []
    for size_in, size_out in pairwise(sizes):
        modules += [nn.Linear(size_in, size_out), ACTIVATIONS[activation]()]
    return modules[:-1]


class Convolutional(CodingNetwork):
    """Halves height and width once for each width in *layers*, each time with a block of the kind *blocks*."""

    def __init__(
        self, *, layers: Sequence[int], blocks: str = "plain", activation: str = "relu", **common: Any
    ) -> None:
        super().__init__(**common)
        sizes = [self.shape]
        for width in layers:
            sizes.append((width, *(-(-side // 2) for side in sizes[-1][1:])))
        down = [_Halve(before[0], after[0], blocks, activation) for before, after in pairwise(sizes)]
        flat = sizes[-1][0] * sizes[-1][1] * sizes[-1][2]
        self.encoder = nn.Sequential(
            *down, nn.Flatten(), *_fully_connected([flat, _BETWEEN, self.code_outputs], activation)
        )
        back: list[nn.Module] = [nn.Unflatten(1, sizes[-1])]
        back += [
            _Double(after[0], before, blocks, activation)
            for before, after in zip(sizes[-2::-1], sizes[:0:-1], strict=True)
        ]
        self.decoder = nn.Sequential(*_fully_connected([self.code_size, _BETWEEN, flat], activation), *back)


class _Halve(nn.Module):
    """Halves height and width, rounded up."""

    def __init__(self, width_in: int, width_out: int, blocks: str, activation: str) -> None:
        super().__init__()
        self.kernel = nn.Conv2d(width_in, width_out, 3, stride=2, padding=1)
        self.block = _BLOCKS[blocks](width_out, activation)

    def forward(self, x: Tensor) -> Tensor:
        halved: Tensor = self.block(self.kernel(x))
        return halved


class _Double(nn.Module):
    """Doubles height and width, to *shape* (C, H, W)."""

    def __init__(self, width_in: int, shape: Sequence[int], blocks: str, activation: str) -> None:
        super().__init__()
        self.size = tuple(shape[1:])
        self.block = _BLOCKS[blocks](width_in, activation)
        self.kernel = nn.Conv2d(width_in, 4 * shape[0], 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        doubled = functional.pixel_shuffle(self.kernel(self.block(x)), 2)
        return doubled[:, :, : self.size[0], : self.size[1]]


class _Plain(nn.Module):
    def __init__(self, width: int, activation: str) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[activation]()
        self.kernel = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        changed: Tensor = self.activation(self.kernel(self.activation(x)))
        return changed


class _Residual(nn.Module):
    def __init__(self, width: int, activation: str) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[activation]()
        self.first_kernel = nn.Conv2d(width, width, 3, padding=1)
        self.second_kernel = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second_kernel.weight)

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.second_kernel(self.activation(self.first_kernel(self.activation(x))))
        return x + change


class _Dense(nn.Module):
    def __init__(self, width: int, activation: str) -> None:
        super().__init__()
        growth = max(1, width // _GROWTH)
        self.activation = ACTIVATIONS[activation]()
        self.first_kernel = nn.Conv2d(width, growth, 3, padding=1)
        self.second_kernel = nn.Conv2d(width + growth, growth, 3, padding=1)
        self.narrow_kernel = nn.Conv2d(width + 2 * growth, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.activation(x)
        for kernel in (self.first_kernel, self.second_kernel):
            x = torch.cat([x, self.activation(kernel(x))], dim=1)
        narrow: Tensor = self.narrow_kernel(x)
        return narrow


_BLOCKS: Mapping[str, Any] = {"plain": _Plain, "residual": _Residual, "dense": _Dense}
BLOCKS = tuple(_BLOCKS)
