"""The one conversion of colours here: ink and Lab to sRGB, through the profile of the image.

RGB and grey images are never converted: they are cleaned in their own space, wide gamuts too, and keep their
profile.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image as PillowImage


_SRGB_NAMES = (b"sRGB", b"RGB_D65_SRG_Rel_SRG", b"Gra_D65_Rel_SRG")  # the latter two are what libjxl calls it


def is_srgb(profile: bytes) -> bool:
    """Whether an ICC profile calls itself sRGB, in the one or two bytes to a letter that profiles use."""
    letters = profile.replace(b"\0", b"")
    return any(name in letters for name in _SRGB_NAMES)


def is_linear_srgb(profile: bytes) -> bool:
    """Whether this is libjxl's profile for the colours of sRGB without its curve."""
    letters = profile.replace(b"\0", b"")
    return b"RGB_D65_SRG_Rel_Lin" in letters or b"Gra_D65_Rel_Lin" in letters


def is_for_ink(profile: bytes) -> bool:
    """Whether this is an ICC profile of four inks."""
    return profile[36:40] == b"acsp" and profile[16:20] == b"CMYK"


def pillow_to_srgb(picture: PillowImage.Image) -> np.ndarray:
    """8-bit sRGB samples of a CMYK or Lab image of Pillow, with its profile; plainly where CMYK has none."""
    from PIL import ImageCms

    target = ImageCms.createProfile("sRGB")
    if picture.mode == "LAB":
        source = ImageCms.createProfile("LAB")
    elif (embedded := picture.info.get("icc_profile")) and is_for_ink(embedded):
        source = ImageCms.ImageCmsProfile(io.BytesIO(embedded)).profile
    else:
        return np.asarray(picture.convert("RGB"))
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    converted = ImageCms.profileToProfile(picture, source, target, intent, outputMode="RGB")
    return np.asarray(converted)
