"""Decoders and encoders, one module for each library, imported on first use; and their result."""

from __future__ import annotations

from dataclasses import dataclass

from denoiser.image import Pixels


@dataclass(frozen=True, slots=True, eq=False)
class DecodedImage:
    """Samples (H, W, bands) of uint8, uint16 or float32; with ``has_alpha`` the last band is alpha."""

    samples: Pixels
    has_alpha: bool
    bits: int
    mode: str  # a word of Origin.mode
    lossless: bool = True
    is_upright: bool = False  # already turned upright by the backend
    in_srgb: bool = False  # converted: the file's profile is no longer that of the samples
    profile: bytes | None = None  # if it is not in the container
    notes: tuple[str, ...] = ()
