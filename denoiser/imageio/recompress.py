"""What a JPEG of some quality would keep of a picture: for making noisy pictures, not for writing files."""

from __future__ import annotations

import io

import numpy as np
import PIL.Image
from numpy.typing import NDArray


def recompressed(pixels: NDArray[np.uint8], quality: int, *, half_chroma: bool) -> NDArray[np.uint8]:
    """*pixels* (H, W, 3) after a round trip through JPEG, with 4:2:0 chroma or with 4:4:4."""
    packed = io.BytesIO()
    subsampling = "4:2:0" if half_chroma else "4:4:4"
    PIL.Image.fromarray(pixels).save(packed, "JPEG", quality=quality, subsampling=subsampling)
    with PIL.Image.open(packed) as picture:
        return np.asarray(picture.convert("RGB"))
