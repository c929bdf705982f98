"""Synthetic noise for training and evaluation: batched, seeded, on the device of the images."""

from __future__ import annotations

from denoiser.noise.camera import photograph, shoot
from denoiser.noise.defects import add_defects, add_stripes
from denoiser.noise.dice import Dice
from denoiser.noise.jpeg import through_jpeg
from denoiser.noise.simple import (
    add_poisson,
    add_random_values,
    add_salt_and_pepper,
    add_shaped,
    add_speckle,
    add_white,
    as_8_bit,
    mask_blocks,
    mask_pixels,
    mask_stripes,
)

__all__ = [
    "Dice",
    "add_defects",
    "add_poisson",
    "add_random_values",
    "add_salt_and_pepper",
    "add_shaped",
    "add_speckle",
    "add_stripes",
    "add_white",
    "as_8_bit",
    "mask_blocks",
    "mask_pixels",
    "mask_stripes",
    "photograph",
    "shoot",
    "through_jpeg",
]
