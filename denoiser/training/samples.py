"""What a network trains on: crops with drawn noise, crops of real pairs, or a mixture of both.

On a GPU, samples are drawn for many steps at once: noise takes hundreds of small operations, which the host
starts one after the other, and a large batch of noise takes as long as a small one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from denoiser.networks.conditioning import luma_and_chroma_sigma, planes_of_batch
from denoiser.noise.dice import Dice
from denoiser.training.data import CropSource
from denoiser.training.degrade import Batch, degrade
from denoiser.training.recipe import NoiseShares

_UNKNOWN_SHARE = 0.4  # of pairs: blind; higher than for synthetic noise, since camera photos come without a level
_LEVEL_ERROR = 0.08  # relative error of the given level, like that of estimates
_CORRELATED = 0.2  # noise with this correlation between neighbours is fully of the kind "correlated"


class SampleSource(Protocol):
    """Draws batches; random numbers come from the generator."""

    def draw(self, count: int, patch: int, generator: torch.Generator) -> Batch:
        """*count* samples of *patch* pixels on each side."""


@dataclass(frozen=True, slots=True)
class DrawnNoise:
    """Clean crops, each with a kind of noise of its own."""

    crops: CropSource
    shares: NoiseShares

    def draw(self, count: int, patch: int, generator: torch.Generator) -> Batch:
        """Noise as ``degrade`` draws it."""
        return degrade(self.crops.draw(count, patch, generator), self.shares, generator)


@dataclass(frozen=True, slots=True)
class RealNoise:
    """Crops of pairs, six channels: clean, then noisy. The given level is that of the difference."""

    crops: CropSource

    def draw(self, count: int, patch: int, generator: torch.Generator) -> Batch:
        """Aligned crops with the noise that was in the photo."""
        target, noisy = self.crops.draw(count, patch, generator).chunk(2, dim=1)
        noise = noisy - target
        device = generator.device
        luma, chroma = luma_and_chroma_sigma(noise)
        spread = torch.exp(_LEVEL_ERROR * torch.randn(count, generator=generator, device=device))
        known = torch.rand(count, generator=generator, device=device) >= _UNKNOWN_SHARE
        kind = (neighbour_correlation(noise).abs() / _CORRELATED).clamp(0, 1)
        planes = planes_of_batch(luma * spread, chroma * spread, kind, known, known)
        return Batch(noisy.contiguous(), target.contiguous(), planes.reshape(count, -1, 1, 1))


@dataclass(frozen=True, slots=True)
class Mixed:
    """*share* of each batch from *first*, the rest from *second*; exact on average over many batches."""

    first: SampleSource
    second: SampleSource
    share: float

    def draw(self, count: int, patch: int, generator: torch.Generator) -> Batch:
        """A batch with the samples of *first* in front."""
        of_first = int(count * self.share + Dice(generator).number(0, 1))
        if of_first == 0:
            return self.second.draw(count, patch, generator)
        if of_first == count:
            return self.first.draw(count, patch, generator)
        one = self.first.draw(of_first, patch, generator)
        two = self.second.draw(count - of_first, patch, generator)
        return Batch(
            torch.cat([one.input, two.input]),
            torch.cat([one.target, two.target]),
            torch.cat([one.planes, two.planes]),
        )


def neighbour_correlation(noise: Tensor) -> Tensor:
    """The correlation (B,) of *noise* (B, C, H, W) between pixels beside and below each other."""
    centred = noise - noise.mean(dim=(2, 3), keepdim=True)
    power = centred.square().mean(dim=(1, 2, 3)).clamp_min(1e-12)
    across = (centred[..., 1:] * centred[..., :-1]).mean(dim=(1, 2, 3))
    down = (centred[..., 1:, :] * centred[..., :-1, :]).mean(dim=(1, 2, 3))
    return (across + down) / 2 / power


_SHARE_OF_FREE = 0.25  # of the device's memory, for drawing ahead
_BYTES_PER_PIXEL = 400  # while the noise of cameras is made


@dataclass(slots=True)
class DrawnAhead:
    """Draws several batches from *source* at once."""

    source: SampleSource
    pixels: float
    _ready: list[Batch] = field(default_factory=list, init=False)
    _size: tuple[int, int] = field(default=(0, 0), init=False)

    def draw(self, count: int, patch: int, generator: torch.Generator) -> Batch:
        """The next batch; samples drawn for another size are dropped."""
        if not self._ready or self._size != (count, patch):
            ahead = max(1, int(self.pixels / (count * patch**2)))
            batch = self.source.draw(ahead * count, patch, generator)
            # Strided rows, so that every batch has the same mixture of kinds.
            rows = [slice(number, None, ahead) for number in range(ahead)]
            self._ready = [Batch(batch.input[one], batch.target[one], batch.planes[one]) for one in rows]
            self._size = (count, patch)
        return self._ready.pop()


def drawn_ahead(source: SampleSource, device: torch.device) -> SampleSource:
    """*source* drawn ahead on a GPU, as far as its memory allows; unchanged on a CPU, whose cache is small."""
    if device.type != "cuda":
        return source
    free, _ = torch.cuda.mem_get_info(device)
    return DrawnAhead(source, _SHARE_OF_FREE * free / _BYTES_PER_PIXEL)
