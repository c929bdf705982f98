"""The cleaning of a picture."""

from __future__ import annotations

from dataclasses import dataclass

from denoiser.options.control import DEVICES, PRECISIONS, check, control


@dataclass(frozen=True, slots=True)
class DenoiseOptions:
    """What a person can ask of the cleaning of a picture."""

    noise_level: float | None = control(
        None,
        help="What the network is told of the noise, as 8-bit sigma; auto lets it judge for itself.",
        minimum=0.0,
        maximum=75.0,
        unit="8-bit sigma",
        automatic=True,
    )
    strength: float = control(
        1.0,
        help="How much of the removed noise stays removed; 0 gives the source bit for bit.",
        minimum=0.0,
        maximum=1.0,
    )
    colour_noise: float = control(
        1.0,
        help="How much of the removed colour noise stays removed.",
        minimum=0.0,
        maximum=1.0,
    )
    detail: float = control(
        0.0,
        help="How much fine structure that was removed is given back, where there is structure.",
        minimum=0.0,
        maximum=1.0,
    )
    grain: float = control(
        0.0,
        help="How much neutral grain is given back, as fine and as strong as the noise that was removed.",
        minimum=0.0,
        maximum=1.0,
    )
    hot_pixels: str = control(
        "auto",
        help="Replace isolated dead and hot pixels, as of long exposures.",
        choices=("auto", "off"),
    )
    passes: int = control(
        1,
        help="Average the results for this many rotated and mirrored copies: slower, better.",
        choices=(1, 2, 4, 8),
    )
    model: str = control("auto", help="auto, a name from `denoise models`, or a .safetensors file.")
    device: str = control("auto", help="Where the network runs.", choices=DEVICES)
    precision: str = control("auto", help="What the network reckons in.", choices=PRECISIONS)
    tile: int | None = control(
        None,
        help="Largest tile, as the side of a square of its area.",
        minimum=64,
        maximum=8192,
        unit="pixels",
        automatic=True,
    )
    batch_size: int | None = control(
        None, help="Tiles that the device is given at once.", minimum=1, maximum=256, automatic=True
    )
    memory: float | None = control(
        None,
        help="Most memory for tiles and pictures, in GB; auto takes a share of what is free.",
        minimum=0.1,
        maximum=4096.0,
        unit="GB",
        automatic=True,
    )

    def __post_init__(self) -> None:
        check(self)
