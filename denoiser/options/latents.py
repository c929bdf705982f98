"""Encoding to latent files, and decoding them."""

from __future__ import annotations

from dataclasses import dataclass

from denoiser.errors import UsageError
from denoiser.options.control import DEVICES, PRECISIONS, RECTANGLE, check, control, rectangle

_MODEL = "auto, or the .safetensors file of a codec."


@dataclass(frozen=True, slots=True)
class EncodeOptions:
    """What a person can ask of the encoding of a picture to a latent file."""

    quality: float | None = control(
        None,
        short="Q",
        help="From 0, smallest, to 100, most faithful; auto is 60.",
        minimum=0.0,
        maximum=100.0,
        automatic=True,
    )
    bpp: float = control(
        0.0,
        help="The best quality with so many bits per pixel at most; 0 asks for none.",
        minimum=0.0,
        maximum=128.0,
        unit="bits per pixel",
    )
    target_size: int = control(
        0,
        help="The best quality in so many bytes at most, as 300k or 2M; 0 asks for none.",
        minimum=0,
        maximum=2**40,
        unit="bytes",
    )
    min_psnr: float = control(
        0.0,
        help="The smallest file with this PSNR in dB at least; 0 asks for none.",
        minimum=0.0,
        maximum=100.0,
        unit="dB",
    )
    lossless: bool = control(False, help="Keep every bit of every pixel.")
    denoise: float | None = control(
        0.0,
        help="Take noise of this sigma out as well; auto estimates it.",
        minimum=0.0,
        maximum=75.0,
        unit="8-bit sigma",
        automatic=True,
        zero="off",
    )
    thumbnail: bool = control(False, help="Put a small JPEG in for programs that show folders.")
    strip: bool = control(False, help="Leave out all metadata but the colour profile.")
    verify: bool = control(False, help="Decode each file before it is kept, and compare what comes out.")
    model: str = control("auto", help=_MODEL)
    device: str = control("auto", help="Where the network runs.", choices=DEVICES)
    precision: str = control("auto", help="What the network reckons in.", choices=PRECISIONS)

    def __post_init__(self) -> None:
        check(self)
        _refuse_two_aims(self)


def _refuse_two_aims(options: EncodeOptions) -> None:
    asked = {"quality": options.quality is not None, "bpp": bool(options.bpp)}
    asked |= {"target-size": bool(options.target_size), "min-psnr": bool(options.min_psnr)}
    asked |= {"lossless": options.lossless}
    aims = [name for name, is_asked in asked.items() if is_asked]
    if len(aims) > 1:
        raise UsageError(f"{aims[0]} and {aims[1]} are two aims, and a file has one.", hint="Leave one out.")
    if options.denoise != 0 and aims in (["lossless"], ["min-psnr"]):
        why = "keeps every bit" if options.lossless else "compares with the noisy picture"
        raise UsageError(f"{aims[0]} {why}, and denoise changes it.", hint="Leave one out.")


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """What a person can ask of the decoding of a latent file."""

    region: str = control("", form="X,Y,W,H", help="Decode this part of each picture alone, in pixels.")
    depth: int | None = control(
        None,
        help="Bits of each value of the picture; auto keeps those of the source.",
        minimum=8,
        maximum=16,
        unit="bits",
        automatic=True,
    )
    grain: float = control(
        0.0,
        help="How much grain is given back, like the noise that was taken out while encoding.",
        minimum=0.0,
        maximum=1.0,
    )
    model: str = control("auto", help=_MODEL)
    device: str = control("auto", help="Where the network runs.", choices=DEVICES)
    precision: str = control("auto", help="What the network reckons in.", choices=PRECISIONS)

    def __post_init__(self) -> None:
        check(self)
        if self.region and region_of(self) is None:
            raise UsageError(f"region is {RECTANGLE}, not {self.region!r}.")


def region_of(options: DecodeOptions) -> tuple[int, int, int, int] | None:
    """(x, y, width, height) in pixels of the picture; None where all of it is decoded."""
    return rectangle(options.region)
