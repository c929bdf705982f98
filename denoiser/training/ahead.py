"""Draws samples for several steps at once, because a GPU makes a large batch of noise as quickly as a small one.

Noise is made by hundreds of small operations, and it is the host that hands them to the device one after the other.
For a batch of its own each step would wait for the host.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from denoiser.training.degrade import Sample
from denoiser.training.samples import SampleSource

_PIXELS = 16e6  # drawn at once; half a dozen gigabytes while the noise of cameras is made


@dataclass(slots=True)
class DrawnAhead:
    """Draws several batches from *source* at once."""

    source: SampleSource
    pixels: float = _PIXELS
    _dealt: list[Sample] = field(default_factory=list, init=False)
    _size: tuple[int, int] = field(default=(0, 0), init=False)

    def draw(self, count: int, patch: int, generator: torch.Generator) -> Sample:
        """The next batch; samples drawn for another size are dropped."""
        if not self._dealt or self._size != (count, patch):
            hands = max(1, int(self.pixels / (count * patch**2)))
            self._dealt = _dealt(self.source.draw(hands * count, patch, generator), hands)
            self._size = (count, patch)
        return self._dealt.pop()


def drawn_ahead(source: SampleSource, device: torch.device) -> SampleSource:
    """*source* drawn ahead on a GPU; unchanged on a CPU, whose cache large batches exceed."""
    return DrawnAhead(source) if device.type == "cuda" else source


def _dealt(sample: Sample, hands: int) -> list[Sample]:
    # Strided rows, so that every batch has the same mixture of kinds.
    return [
        Sample(sample.noisy[number::hands], sample.target[number::hands], sample.planes[number::hands])
        for number in range(hands)
    ]
