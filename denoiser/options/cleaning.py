"""Denoising options."""

from __future__ import annotations

from dataclasses import dataclass

from denoiser.options.control import DEVICES, PRECISIONS_OF_DENOISERS, check, control, fraction


@dataclass(frozen=True, slots=True)
class Look:
    """The settings of DenoiseOptions of the same names."""

    strength: float = 1.0
    colour_noise: float = 1.0
    detail: float = 0.0
    grain: float = 0.0

    @property
    def is_plain(self) -> bool:
        """Whether it only interpolates between source and clean image."""
        return self.colour_noise == 1 and self.detail == 0 and self.grain == 0


@dataclass(frozen=True, slots=True)
class DenoiseOptions:
    """How an image is denoised."""

    noise_level: float | None = control(
        None,
        help="Noise level (standard deviation, 0–255 scale); auto estimates it.",
        minimum=0.0,
        maximum=75.0,
        unit="8-bit sigma",
        automatic=True,
    )
    strength: float = fraction(1.0, "Denoising strength. 1 is full; 0 leaves the image unchanged.")
    colour_noise: float = fraction(1.0, "Colour denoising strength. 1 is full; 0 keeps the colour noise.")
    detail: float = fraction(0.0, "Restore removed detail where the image has structure.")
    grain: float = fraction(0.0, "Add neutral grain. 1 matches the size and strength of the removed noise.")
    hot_pixels: str = control(
        "auto",
        help="Replace isolated dead and hot pixels.",
        choices=("auto", "off"),
    )
    passes: int = control(
        1,
        help="Average the results of this many rotated and mirrored copies: slower, better.",
        choices=(1, 2, 4, 8),
    )
    model: str = control("auto", help="Model: auto, a name from `denoise models`, or a .safetensors file.")
    device: str = control("auto", help="Device to run on.", choices=DEVICES)
    precision: str = control("auto", help="Inference precision.", choices=PRECISIONS_OF_DENOISERS)
    tile: int | None = control(
        None,
        help="Maximum tile side in pixels.",
        minimum=64,
        maximum=8192,
        unit="pixels",
        automatic=True,
    )
    batch_size: int | None = control(
        None, help="Number of tiles per batch.", minimum=1, maximum=256, automatic=True
    )
    memory: float | None = control(
        None,
        help="Memory limit for tiles and images, in GB; auto uses a share of the free memory.",
        minimum=0.1,
        maximum=4096.0,
        unit="GB",
        automatic=True,
    )

    def __post_init__(self) -> None:
        check(self)

    @property
    def look(self) -> Look:
        """The options that apply after inference."""
        return Look(self.strength, self.colour_noise, self.detail, self.grain)
