"""Camera RAW through rawpy, an extra: developed to 16-bit sRGB with the white balance of the camera."""

from __future__ import annotations

import io

import numpy as np
import rawpy

from denoiser.errors import UnreadableImage
from denoiser.imageio import source
from denoiser.imageio.backends import DecodedImage
from denoiser.imageio.containers import Inspection


def decode(data: bytes, _key: str, _inspection: Inspection, max_pixels: int) -> DecodedImage:
    """Return the developed image, upright, without automatic brightening."""
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            source.refuse_pixels(raw.sizes.raw_width, raw.sizes.raw_height, max_pixels)
            samples = raw.postprocess(
                output_bps=16,
                use_camera_wb=True,
                no_auto_bright=True,
                output_color=rawpy.ColorSpace.sRGB,
                gamma=(2.4, 12.92),  # the curve of sRGB
            )
    except (rawpy.LibRawError, ValueError) as error:
        raise UnreadableImage(
            f"is corrupt, truncated, or from an unsupported camera: {_in_words(error)}"
        ) from error
    return DecodedImage(
        samples=np.asarray(samples),
        has_alpha=False,
        bits=16,
        mode="raw",
        is_upright=True,
        in_srgb=True,
        notes=("converted from camera RAW to 16-bit sRGB with the camera's white balance",),
    )


def _in_words(error: Exception) -> str:
    reason = error.args[0] if error.args else error
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
