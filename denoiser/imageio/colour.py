"""The one conversion of colours here: ink and Lab to sRGB, through the profile of the picture.

RGB and grey pictures are never converted: they are cleaned in their own space, wide gamuts too, and keep their
profile.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image as PillowImage


def pillow_to_srgb(picture: PillowImage.Image) -> np.ndarray:
    """8-bit sRGB samples of a CMYK or Lab image of Pillow, through its profile; plainly where CMYK has none."""
    from PIL import ImageCms

    target = ImageCms.createProfile("sRGB")
    if picture.mode == "LAB":
        source = ImageCms.createProfile("LAB")
    elif embedded := picture.info.get("icc_profile"):
        source = ImageCms.ImageCmsProfile(io.BytesIO(embedded)).profile
    else:
        return np.asarray(picture.convert("RGB"))
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    converted = ImageCms.profileToProfile(picture, source, target, intent, outputMode="RGB")
    return np.asarray(converted)
