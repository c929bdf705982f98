"""Noise to train on and to measure with: batched, seeded, on whatever device the pictures are."""

from __future__ import annotations

from denoiser.noise.camera import shoot
from denoiser.noise.shaped import add_shaped
from denoiser.noise.white import add_white, as_8_bit

__all__ = ["add_shaped", "add_white", "as_8_bit", "shoot"]
