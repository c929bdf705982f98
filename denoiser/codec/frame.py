"""Size, profile, metadata and thumbnail of a latent file; and lossless files."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from denoiser.codec import exact
from denoiser.codec.container import LatentFile, SourceFacts
from denoiser.codec.container.layout import SOURCE_FORMATS, SOURCE_MODES
from denoiser.image import Image, Metadata
from denoiser.imageio import pillow_bridge
from denoiser.options import EncodeOptions

_CROP = 128  # pixels: the side of a sample
_CROPS = 2  # down, and as many across
_CROP_BYTES = 300  # of a crop of few colours, mostly header and codes, which the whole image has once
_CROP_OVERHEAD = 1.1  # crops take a little more than their share of the whole image


def frame_of(image: Image, options: EncodeOptions) -> dict[str, Any]:
    """The fields of a latent file that do not depend on how its pixels are stored."""
    source, jpeg, origin = None, None, image.origin
    if origin is not None and not options.strip:
        known = origin.format in SOURCE_FORMATS.values() and origin.mode in SOURCE_MODES.values()
        source = SourceFacts(origin.format, origin.mode, origin.lossless) if known else None
        jpeg = origin.jpeg
    return {
        "width": image.width,
        "height": image.height,
        "channels": image.channels,
        "bits": image.bits,
        "has_alpha": image.alpha is not None,
        "profile": image.profile,
        "cicp": image.cicp,
        "metadata": Metadata() if options.strip else image.metadata,
        "source": source,
        "jpeg": jpeg,
        "thumbnail": pillow_bridge.small_jpeg(image) if options.thumbnail else None,
    }


def exact_file(image: Image, options: EncodeOptions) -> LatentFile:
    """A lossless latent file; raises UnwritableImage for float pixels."""
    return LatentFile(**frame_of(image, options), exact=exact.encode(image))


def may_be_exact_within(image: Image, size: int) -> bool:
    """Whether lossless storage may fit into *size* bytes, estimated from a few crops; true for small images."""
    if image.bits == 32:
        return False
    tops, lefts = (
        sorted({int(place) for place in np.linspace(0, max(0, side - _CROP), _CROPS)})
        for side in (image.height, image.width)
    )
    share = len(tops) * len(lefts) * _CROP**2 / (image.height * image.width)
    if share >= 1:
        return True
    crops = [image.pixels[top : top + _CROP, left : left + _CROP] for top, left in product(tops, lefts)]
    taken = sum(len(exact.encode(Image(np.ascontiguousarray(crop), bits=image.bits)).data) for crop in crops)
    return taken - len(crops) * _CROP_BYTES <= _CROP_OVERHEAD * size * share
