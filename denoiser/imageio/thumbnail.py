"""The small JPEG inside EXIF, made anew: the old one shows the noisy picture, and lies on its side."""

from __future__ import annotations

import dataclasses

from denoiser.image import Image, Metadata
from denoiser.imageio import depth
from denoiser.imageio.containers import exif

_SIDE = 160  # what Exif 2.3 recommends, and what cameras write
_QUALITY = 80


def renewed(image: Image) -> Metadata:
    """The picture's metadata, with a thumbnail of its present pixels where it had one."""
    metadata = image.metadata
    if metadata.exif is None or not exif.has_thumbnail(metadata.exif):
        return metadata
    return dataclasses.replace(metadata, exif=exif.with_thumbnail(metadata.exif, small_jpeg(image)))


def small_jpeg(image: Image) -> bytes:
    """The picture as a JPEG that is 160 pixels long at most."""
    from denoiser.imageio.backends import pillow

    step = max(1, min(image.height, image.width) // (4 * _SIDE))  # 24 MP need not all be made 8-bit for this
    small = depth.rescale(image.pixels[::step, ::step], image.white, 8)
    return pillow.encode_jpeg(pillow.shrink(small, _SIDE), tables=None, quality=_QUALITY)
