"""Images for the tests of image files: crops of a bundled photo in every kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import skimage.data

from denoiser.image import Image, from_numpy

Array = np.ndarray[Any, Any]


@pytest.fixture(scope="session")
def photo() -> Array:
    """96x128 pixels of a face, 8-bit RGB."""
    crop = skimage.data.astronaut()[60:156, 160:288].copy()
    crop.flags.writeable = False
    return crop


@pytest.fixture(scope="session")
def kinds(photo: Array) -> dict[str, Image]:
    """One image for each kind by name, such as "rgba16"; deep ones use all of their bits."""
    rng = np.random.default_rng(7)
    deep = photo.astype(np.uint16) * 256 + rng.integers(0, 256, photo.shape, dtype=np.uint16)
    real = (deep / np.float32(65535) * 3 - 1).astype(np.float32)  # beyond black and white on both sides
    pictures = {}
    for name, colours in (("8", photo), ("16", deep), ("32", real)):
        grey, alpha = colours[:, :, 1:2], colours[::-1, :, :1]
        pictures |= {
            f"grey{name}": from_numpy(grey),
            f"grey+alpha{name}": from_numpy(np.dstack([grey, alpha])),
            f"rgb{name}": from_numpy(colours),
            f"rgba{name}": from_numpy(np.dstack([colours, alpha])),
        }
    return pictures
