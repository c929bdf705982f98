"""Weights loaded once, many pictures cleaned."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from denoiser import models
from denoiser.engine import blend
from denoiser.engine.device import choose_device, choose_precision
from denoiser.engine.tiled import TiledCleaner
from denoiser.events import CancelToken, Listener, TileDone, ignore
from denoiser.image import Image
from denoiser.networks.conditioning import Condition
from denoiser.options import DenoiseOptions


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A clean picture, how long the network took for it, and what a person should know."""

    image: Image
    seconds: float
    notes: tuple[str, ...] = ()


class Session:
    """A network on its device, ready to clean one picture after another. One thread at a time."""

    def __init__(self, options: DenoiseOptions) -> None:
        self.device = choose_device(options.device)
        self.precision = choose_precision(options.precision, self.device)
        model = models.load(models.find(options.model, self.device))
        self.model_name = model.name
        self.model_digest = model.digest
        self._options = options
        self._cleaner = TiledCleaner(model.network, model.spec, self.device, self.precision)

    def clean(self, image: Image, *, listener: Listener = ignore, cancel: CancelToken | None = None) -> Cleaned:
        """Never changes *image*; stops within one tile of *cancel* with Cancelled."""
        began = time.perf_counter()
        options = self._options
        if options.strength == 0 or options.noise_level == 0:
            return Cleaned(image, time.perf_counter() - began)
        noisy, one = blend.as_network_input(image)
        clean = self._cleaner.clean(
            noisy,
            _condition(image, options.noise_level, one),
            told=lambda done, total: listener(TileDone(done, total, image.megapixels)),
            cancel=cancel or CancelToken(),
        )
        pixels = blend.blended(image, clean, one, options.strength)
        return Cleaned(image.with_pixels(pixels), time.perf_counter() - began, image.notes)

    def clean_values(
        self, noisy: NDArray[np.float32], condition: Condition, *, cancel: CancelToken | None = None
    ) -> NDArray[np.float32]:
        """Bare values (H, W, 3) where 0..1 is black to white, told exactly *condition*; for measuring."""
        return self._cleaner.clean(
            noisy, condition, told=lambda _done, _total: None, cancel=cancel or CancelToken()
        )


def _condition(image: Image, noise_level: float | None, one: float) -> Condition:
    if noise_level is None:
        return Condition()
    told = noise_level * image.white / one
    # The same noise in all three channels has no chroma, and its luma reads sqrt(3) of one channel's.
    return Condition(told * 3**0.5, 0.0) if image.channels == 1 else Condition(told, told)
