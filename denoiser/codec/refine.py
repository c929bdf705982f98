"""Refinement: gradient steps that change the latents of one tile so that they cost less and decode better.

    v ─► relaxed context model ─► expected bits, expected latents ─► synthesis ─► squared error
    v ◄──────────── step against the gradient of bits + price · error ◄────────────────┘

As in Yang, Bamler and Mandt (2020), but with expectations instead of samples, so that ten steps are enough.
Deterministic for a number of threads. Memory: the activations of the synthesis of one tile.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from denoiser.codec.relaxed import RelaxedContext
from denoiser.events import CancelToken
from denoiser.networks.codec.levels import lambdas

if TYPE_CHECKING:
    from denoiser.codec.model import CodecModel
    from denoiser.codec.transform import Transform
    from denoiser.tiling import Region

Latents = NDArray[np.float32]
Values = NDArray[np.float32]
Symbols = NDArray[np.int32]

_FIRST_TEMPERATURE, _LAST_TEMPERATURE = 0.2, 0.05
_RATE = 0.15  # of the steps, relative to the curvature of the error; falls to zero
_RATE_OF_FEW, _FEW = 0.1, 2  # with so few steps, smaller ones are better
_LONGEST = 0.3  # quantiser steps that a latent may move at once
_PRICE = 1.25  # of the error, relative to that of training; chosen on the photos of val
_PROBED, _DENSITY, _PROBE = 16, 0.1, 0.5  # curvature: latents along a side, share of them moved, by how far


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A tile and its surroundings: latents (N, h, w) in quantiser steps, pixels, and where the tile is."""

    latents: Latents
    pixels: Values
    tile: Region  # within the latents


class Refiner:
    """Refines the latents of tiles. Thread-safe."""

    def __init__(self, model: CodecModel, transform: Transform) -> None:
        self._model, self._transform = model, transform

    def refined(
        self,
        window: Window,
        z: Symbols,
        level: int,
        steps: int,
        *,
        step_done: Callable[[], None],
        cancel: CancelToken,
    ) -> Latents:
        """The latents of the tile after *steps* gradient steps; stops within a step of *cancel*."""
        few = steps <= _FEW
        price = (1.0 if few else _PRICE) * float(lambdas()[level]) * 255**2 / 3  # bits per squared error
        rows, columns = window.tile.slices
        v = torch.from_numpy(window.latents[:, rows, columns].copy()).requires_grad_()
        curvature = torch.from_numpy(self._curvature(window, level) * price)[:, None, None]
        relaxed = RelaxedContext(self._model, torch.from_numpy(z.astype(np.float32)), level, *v.shape[1:])
        latents = window.latents.copy()
        for step in range(steps):
            cancel.raise_if_cancelled()
            fraction = step / max(1, steps - 1)
            temperature = _FIRST_TEMPERATURE * (_LAST_TEMPERATURE / _FIRST_TEMPERATURE) ** fraction
            expected = relaxed.expected(v, temperature)
            latents[:, rows, columns] = expected.latents.detach().numpy()
            cancel.raise_if_cancelled()
            _, slope = self._transform.squared_error(latents, window.pixels, level)
            cancel.raise_if_cancelled()
            error = (torch.from_numpy(slope[:, rows, columns].copy()) * expected.latents).sum() * price
            scatter = (curvature / 2 * expected.variance).sum()
            (gradient,) = torch.autograd.grad(expected.bits + error + scatter, v)
            rate = (_RATE_OF_FEW if few else _RATE) * (1 - step / steps)
            with torch.no_grad():
                v -= (rate * gradient / curvature).clamp(-_LONGEST, _LONGEST)
            step_done()
        refined: Latents = v.detach().numpy()
        return refined

    def cost(self, window: Window, latents: Latents, bits: float, level: int) -> float:
        """Bits and priced squared error of a tile that decodes to *latents*."""
        rows, columns = window.tile.slices
        known = window.latents.copy()
        known[:, rows, columns] = latents
        error = float(np.square(self._transform.synthesise(known, level) - window.pixels, dtype=np.float64).sum())
        return bits + float(lambdas()[level]) * 255**2 / 3 * error

    def _curvature(self, window: Window, level: int) -> NDArray[np.float32]:
        """Second derivative (N,) of the squared error, from the change of pixels when some latents move."""
        gain = self._model.network.gains.back(torch.tensor([level])).exp().square().flatten().numpy()
        some = np.ascontiguousarray(window.latents[:, :_PROBED, :_PROBED])
        dice = np.random.default_rng(0)
        moved = np.where(dice.random(some.shape) < _DENSITY, dice.choice((-_PROBE, _PROBE), some.shape), 0)
        change = self._transform.synthesise(some + moved.astype(np.float32), level)
        change -= self._transform.synthesise(some, level)
        ratio = np.square(change, dtype=np.float64).sum() / (np.square(moved) * gain[:, None, None]).sum()
        floor = 1e-6 / math.sqrt(gain.size)  # of a codec whose pixels do not depend on its latents
        curvature: NDArray[np.float32] = np.maximum(2 * ratio * gain, floor).astype(np.float32)
        return curvature
