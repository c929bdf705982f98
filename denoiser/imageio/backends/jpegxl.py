"""JPEG XL through two packages of an extra: pixels from imagecodecs at every depth, profiles from pillow-jxl.

The Pillow plug-in rounds colour to 8 bits, and imagecodecs does not return the profile.
"""

from __future__ import annotations

import imagecodecs
import numpy as np
import pillow_jxl

from denoiser.errors import UnreadableImage, UnsupportedFormat, UnwritableImage
from denoiser.image import Cicp, Pixels
from denoiser.imageio import colour, source
from denoiser.imageio.backends import DecodedImage
from denoiser.imageio.containers import Inspection, jxl, jxl_profile

# libjxl's distance; at 1.0 differences become visible side by side.
_DISTANCE = 0.5


def decode(data: bytes, _key: str, inspection: Inspection, max_pixels: int) -> DecodedImage:
    """Return the first image of a JPEG XL, upright."""
    if not inspection.width:
        raise UnreadableImage("is corrupt or truncated: no size in its header")
    source.refuse_pixels(inspection.width, inspection.height, max_pixels)
    try:
        samples = np.asarray(imagecodecs.jpegxl_decode(data, index=0))
        profile = _profile(data)
    except (imagecodecs.JpegxlError, ValueError, RuntimeError) as error:
        if "animation" in inspection.hidden:
            raise UnsupportedFormat(f"is an animation that the decoder cannot read: {error}") from error
        raise UnreadableImage(f"is corrupt or truncated: {error}") from error
    if samples.ndim == 2:
        samples = samples[:, :, np.newaxis]
    if samples.ndim != 3 or samples.shape[2] not in (1, 2, 3, 4):
        raise UnsupportedFormat(f"has samples of shape {samples.shape}, which are not an image")
    if samples.dtype == np.float16:
        samples = samples.astype(np.float32)
    bits = {"uint8": 8, "uint16": 16, "float32": 32}.get(samples.dtype.name)
    if bits is None:
        raise UnsupportedFormat(f"has unsupported samples of type {samples.dtype}")
    notes: tuple[str, ...] = ()
    if profile is not None and colour.is_linear_srgb(profile) and inspection.cicp is None:
        # Without colour management, libjxl returns lossy images in linear sRGB, which needs more than 8 bits.
        if bits == 8:
            raise UnsupportedFormat(
                "is a lossy JPEG XL of 8 bits with its own colour profile, which the decoder cannot apply",
                hint="Convert it first, for example with `djxl a.jxl a.png`.",
            )
        notes = ("its own colour profile was converted to linear sRGB",)
    mode = {1: "grey", 2: "grey+alpha", 3: "rgb", 4: "rgba"}[samples.shape[2]]
    return DecodedImage(
        samples=samples,
        has_alpha=samples.shape[2] in (2, 4),
        bits=bits,
        mode=mode,
        is_upright=True,
        profile=profile,
        notes=notes,
    )


def _profile(data: bytes) -> bytes | None:
    """Return the profile of the pixels; None for sRGB, which libjxl writes into every file."""
    profile: bytes | None = pillow_jxl.Decoder(num_threads=1)(data)[3] or None
    return None if profile is None or colour.is_srgb(profile) else profile


def encode(samples: Pixels, profile: bytes | None, cicp: Cicp | None, *, lossless: bool) -> bytes:
    """Encode without metadata, in colours of code points or of the profile, which imagecodecs cannot write.

    It writes 8 bits as sRGB and deeper samples as linear sRGB. Others are always encoded without loss, because only
    then the colours in the header can be replaced.
    """
    cicp = cicp or _code_points_of(profile)
    native = _LINEAR if samples.dtype != np.uint8 else _SRGB
    colours = cicp if cicp and jxl.can_store(cicp) else profile
    lossless = lossless or colours != native
    if isinstance(colours, bytes) and colours[16:20] == b"RGB " and samples.shape[2] < 3:
        samples = np.dstack([*[samples[:, :, :1]] * 3, samples[:, :, 1:]])  # grey has the colours of the profile
    if colours is None or (isinstance(colours, bytes) and not _fits(colours, samples.shape[2])):
        raise UnwritableImage(
            "cannot be written: JPEG XL cannot store these colours.", hint="Use --format tiff, png or avif."
        )
    block = np.ascontiguousarray(samples[:, :, 0] if samples.shape[2] == 1 else samples)
    try:
        encoded = imagecodecs.jpegxl_encode(
            block, lossless=lossless, distance=None if lossless else _DISTANCE, usecontainer=True
        )
    except (imagecodecs.JpegxlError, ValueError, RuntimeError) as error:
        raise UnwritableImage(f"cannot be encoded: {error}") from error
    return bytes(encoded) if colours == native else jxl.with_colours(bytes(encoded), colours)


def _fits(profile: bytes, channels: int) -> bool:
    """Return whether this is a profile for so many channels, with or without alpha."""
    fits = profile[36:40] == b"acsp" and profile[16:20] == (b"GRAY" if channels < 3 else b"RGB ")
    return fits and len(profile) > jxl_profile.HEADER_BYTES


_SRGB, _LINEAR = Cicp(1, 13), Cicp(1, 8)


def _code_points_of(profile: bytes | None) -> Cicp | None:
    if profile is None:
        return _SRGB
    if colour.is_linear_srgb(profile):
        return _LINEAR
    return _SRGB if colour.is_srgb(profile) else colour.code_points_in(profile)
