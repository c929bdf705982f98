"""What becomes of a picture: its work while it is under way, and the result with everything that led to it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from denoiser.engine.canvas import Canvas
from denoiser.estimation import NoiseEstimate
from denoiser.image import Image


@dataclass(frozen=True, slots=True, eq=False)
class Cleaned:
    """A clean picture, what was used to get it, and what a person should know."""

    image: Image
    seconds: float
    notes: tuple[str, ...] = ()
    device: str = ""  # empty where nothing had to be computed
    precision: str = ""
    tile: int = 0
    trust: float = 1.0  # 0..1: how far what was removed looks like noise alone, where 1 is all of it
    estimate: NoiseEstimate | None = None  # where the level was automatic


@dataclass(slots=True, eq=False)
class Work:
    """An image from its arrival to its result; without a canvas it stays as it is.

    ``image`` is the source without its dead and hot pixels.
    """

    image: Image
    canvas: Canvas | None
    estimate: NoiseEstimate | None = None
    began: float = field(default_factory=time.perf_counter)

    @property
    def bytes(self) -> int:
        """What it holds in memory."""
        return self.canvas.bytes if self.canvas else int(self.image.pixels.nbytes)
