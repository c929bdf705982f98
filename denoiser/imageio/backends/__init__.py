"""What decodes and encodes, one module for each library, imported when a file needs it; and what they hand back."""

from __future__ import annotations

from dataclasses import dataclass

from denoiser.image import Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """Samples (H, W, bands) of uint8, uint16 or float32; with ``has_alpha`` the last band is alpha."""

    samples: Pixels
    has_alpha: bool
    bits: int
    mode: str  # a word of Origin.mode
    lossless: bool = True
    is_upright: bool = False  # the backend has turned it already
    in_srgb: bool = False  # converted: the file's profile is no longer that of the samples
    profile: bytes | None = None  # where only the decoder can tell it
    notes: tuple[str, ...] = ()
