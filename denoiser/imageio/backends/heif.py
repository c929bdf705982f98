"""HEIC through pillow-heif, an extra: at its own depth, 8, 10 or 12 bits, and already turned upright."""

from __future__ import annotations

import numpy as np
import pillow_heif

from denoiser.errors import UnreadableImage, UnsupportedFormat
from denoiser.imageio import source
from denoiser.imageio.backends import DecodedImage
from denoiser.imageio.containers import Inspection, boxes
from denoiser.imageio.containers.span import ByteSpan

_MODES = {1: "grey", 2: "grey+alpha", 3: "rgb", 4: "rgba"}


def decode(data: bytes, _key: str, _inspection: Inspection, max_pixels: int) -> DecodedImage:
    """Return the main image of a HEIC; raise UnreadableImage if it is corrupt, truncated or unsupported."""
    try:
        file = pillow_heif.open_heif(data, convert_hdr_to_8bit=False, hdr_to_16bit=False)
        _check_main_image(file, data)
        width, height = file.size
        source.refuse_pixels(width, height, max_pixels)
        samples = np.asarray(file)
    except (ValueError, EOFError, SyntaxError, RuntimeError, OSError, LookupError) as error:
        if "nsupported" in str(error):
            raise UnsupportedFormat(f"is of an unsupported kind: {error}") from error
        raise UnreadableImage(f"is corrupt or truncated: {error}") from error
    if samples.ndim == 2:
        samples = samples[:, :, np.newaxis]
    _, _, depth = file.mode.partition(";")
    bands = samples.shape[2]
    return DecodedImage(
        samples=samples,
        has_alpha=bands in (2, 4),
        bits=int(depth or 8),
        mode=_MODES[bands],
        lossless=False,
        is_upright=True,
        profile=file.info.get("icc_profile"),
    )


def _check_main_image(file: pillow_heif.HeifFile, data: bytes) -> None:
    """Raise UnsupportedFormat without the main image: pillow-heif leaves out what its libheif cannot decode."""
    items = boxes.read_items(ByteSpan(data))
    if any(image.info["primary"] for image in file) or (items is None and len(file)):
        return
    kind = (items.kinds.get(items.primary, b"????") if items else b"moov").decode("latin-1")
    version = pillow_heif.libheif_version()
    raise UnsupportedFormat(f"contains an image of the kind {kind!r}, which libheif {version} cannot decode here")
