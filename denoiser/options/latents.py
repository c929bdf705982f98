"""Encoding and decoding options for latent files."""

from __future__ import annotations

from dataclasses import dataclass

from denoiser.errors import UsageError
from denoiser.options.control import DEVICES, PRECISIONS, RECTANGLE, check, control, fraction, rectangle

_MODEL = "Codec: auto, or a .safetensors file."


@dataclass(frozen=True, slots=True)
class EncodeOptions:
    """How an image is encoded to a latent file."""

    quality: float | None = control(
        None,
        short="Q",
        help="Quality, from 0 (smallest file) to 100 (best image); auto is 60.",
        minimum=0.0,
        maximum=100.0,
        automatic=True,
    )
    bpp: float = control(
        0.0,
        help="Maximum bits per pixel; 0 is no limit.",
        minimum=0.0,
        maximum=128.0,
        unit="bits per pixel",
    )
    target_size: int = control(
        0,
        help="Maximum file size, for example 300k or 2M; 0 is no limit.",
        minimum=0,
        maximum=2**40,
        unit="bytes",
    )
    min_psnr: float = control(
        0.0,
        help="Minimum PSNR in dB: write the smallest file that reaches it; 0 is no limit.",
        minimum=0.0,
        maximum=100.0,
        unit="dB",
    )
    min_msssim: float = control(
        0.0,
        help="Minimum MS-SSIM: write the smallest file that reaches it; 0 is no limit.",
        minimum=0.0,
        maximum=0.9999,
    )
    lossless: bool = control(False, help="Keep every pixel exactly.")
    effort: int = control(
        1,
        help="Time spent on smaller files of the same PSNR, from 1 (fastest) to 9 (smallest).",
        minimum=1,
        maximum=9,
    )
    denoise: float | None = control(
        0.0,
        help="Also denoise before encoding, at this noise level; auto estimates it.",
        minimum=0.0,
        maximum=75.0,
        unit="8-bit sigma",
        automatic=True,
        zero="off",
    )
    thumbnail: bool = control(False, help="Embed a small JPEG preview for file managers.")
    strip: bool = control(False, help="Remove all metadata except the colour profile.")
    verify: bool = control(False, help="Decode each file after encoding and compare the result before it is saved.")
    model: str = control("auto", help=_MODEL)
    device: str = control("auto", help="Device to run on.", choices=DEVICES)
    precision: str = control("auto", help="Inference precision.", choices=PRECISIONS)

    def __post_init__(self) -> None:
        check(self)
        _refuse_two_aims(self)


def _refuse_two_aims(options: EncodeOptions) -> None:
    asked = {"quality": options.quality is not None, "bpp": bool(options.bpp)}
    asked |= {"target-size": bool(options.target_size), "min-psnr": bool(options.min_psnr)}
    asked |= {"min-msssim": bool(options.min_msssim)}
    asked |= {"lossless": options.lossless}
    aims = [name for name, is_asked in asked.items() if is_asked]
    if len(aims) > 1:
        raise UsageError(f"Choose only one of {aims[0]} and {aims[1]}.")
    if options.denoise != 0 and aims in (["lossless"], ["min-psnr"], ["min-msssim"]):
        why = "keeps every pixel" if options.lossless else "measures against the noisy image"
        raise UsageError(f"{aims[0]} {why} and cannot be combined with denoise.", hint="Leave one of them out.")


SCALES = ("1", "1/2", "1/4", "1/8")
THUMBNAIL = "thumbnail"  # the one in the file


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """How a latent file is decoded."""

    region: str = control("", form="X,Y,W,H", help="Decode only this region, in pixels.")
    scale: str = control(
        "1",
        help="Size of the result; thumbnail is the one of `encode --thumbnail`, or 1/8 without it.",
        choices=(*SCALES, THUMBNAIL),
    )
    depth: int | None = control(
        None,
        help="Bits per channel; auto keeps those of the source.",
        minimum=8,
        maximum=16,
        unit="bits",
        automatic=True,
    )
    grain: float = fraction(0.0, "Add grain that resembles the noise removed before encoding.")
    model: str = control("auto", help=_MODEL)
    device: str = control("auto", help="Device to run on.", choices=DEVICES)
    precision: str = control("auto", help="Inference precision.", choices=PRECISIONS)

    def __post_init__(self) -> None:
        check(self)
        if self.region and region_of(self) is None:
            raise UsageError(f"region must be {RECTANGLE}, not {self.region!r}.")
        if self.grain and self.scale != "1":
            raise UsageError("Choose only one of grain and scale.", hint="Grain is that of the full size.")
        if self.region and self.scale == THUMBNAIL:
            raise UsageError("A thumbnail shows the whole image, not a region.", hint="Use --scale 1/8.")


def region_of(options: DecodeOptions) -> tuple[int, int, int, int] | None:
    """Return (x, y, width, height) in image pixels; None for the whole image."""
    return rectangle(options.region)


def reduction_of(options: DecodeOptions) -> int:
    """Return how many pixels along a side become one: 1, 2, 4 or 8."""
    return 1 << SCALES.index(SCALES[-1] if options.scale == THUMBNAIL else options.scale)
