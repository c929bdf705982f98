"""Converts CMYK and Lab to sRGB through the profile of the image.

RGB and grey images are never converted: they keep their colour space and profile.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image as PillowImage


_SRGB_NAMES = (b"sRGB", b"RGB_D65_SRG_Rel_SRG", b"Gra_D65_Rel_SRG")  # the last two are libjxl's names


def is_srgb(profile: bytes) -> bool:
    """Return whether the description of an ICC profile contains sRGB, with one or two bytes per letter."""
    letters = profile.replace(b"\0", b"")
    return any(name in letters for name in _SRGB_NAMES)


def is_linear_srgb(profile: bytes) -> bool:
    """Return whether this is libjxl's profile for linear sRGB."""
    letters = profile.replace(b"\0", b"")
    return b"RGB_D65_SRG_Rel_Lin" in letters or b"Gra_D65_Rel_Lin" in letters


def is_cmyk(profile: bytes) -> bool:
    """Return whether this is a CMYK profile."""
    return profile[36:40] == b"acsp" and profile[16:20] == b"CMYK"


def pillow_to_srgb(image: PillowImage.Image) -> np.ndarray:
    """Return 8-bit sRGB samples of a CMYK or Lab Pillow image, by its profile; without one, by a formula."""
    from PIL import ImageCms

    target = ImageCms.createProfile("sRGB")
    if image.mode == "LAB":
        source = ImageCms.createProfile("LAB")
    elif (embedded := image.info.get("icc_profile")) and is_cmyk(embedded):
        source = ImageCms.ImageCmsProfile(io.BytesIO(embedded)).profile
    else:
        return np.asarray(image.convert("RGB"))
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    converted = ImageCms.profileToProfile(image, source, target, intent, outputMode="RGB")
    return np.asarray(converted)
