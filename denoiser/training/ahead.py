"""Samples for many steps drawn at once: to a GPU a large batch of noise is as quick to ask for as a small one.

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
    """Draws from *source* for several batches, and deals them out."""

    source: SampleSource
    pixels: float = _PIXELS
    _dealt: list[Sample] = field(default_factory=list, init=False)
    _size: tuple[int, int] = field(default=(0, 0), init=False)

    def draw(self, count: int, patch: int, generator: torch.Generator) -> Sample:
        """The next batch; what was drawn for another size is dropped."""
        if not self._dealt or self._size != (count, patch):
            hands = max(1, int(self.pixels / (count * patch**2)))
            self._dealt = _dealt(self.source.draw(hands * count, patch, generator), hands)
            self._size = (count, patch)
        return self._dealt.pop()


def drawn_ahead(source: SampleSource, device: torch.device) -> SampleSource:
    """*source* as it is on a CPU, for which large batches fall out of its cache."""
    return DrawnAhead(source) if device.type == "cuda" else source


def _dealt(sample: Sample, hands: int) -> list[Sample]:
    # Every so-manieth row, as cards are dealt: a mixture that draws its parts in turn stays one in every batch.
    return [
        Sample(sample.noisy[number::hands], sample.target[number::hands], sample.planes[number::hands])
        for number in range(hands)
    ]
