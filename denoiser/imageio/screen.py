"""Pixels for display: reduced copies at any depth, and 8-bit colours in the profile of the display."""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from denoiser.errors import UsageError
from denoiser.image import Pixels
from denoiser.imageio import colour, depth

_MOST_BYTES = 1 << 24  # of a profile; real ones have a few megabytes at most
_THREADS = min(4, os.cpu_count() or 1)
_WORTH_THREADS = 512  # rows
_STRIP = 1 << 18  # pixels that one thread converts at a time


def halved(pixels: Pixels) -> Pixels:
    """Return (H, W, C) at half the size, rounded up; each pixel is the mean of four."""
    if pixels.dtype == np.uint8 and pixels.shape[0] >= _WORTH_THREADS:
        rows = -(-pixels.shape[0] // (2 * _THREADS)) * 2
        parts = [pixels[top : top + rows] for top in range(0, pixels.shape[0], rows)]
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="denoise-halves") as threads:
            return np.concatenate(list(threads.map(_halved_bytes, parts)))
    image = _call("shrink", _in_memory(pixels), 2, 2, ceil=True)
    return _samples(image, pixels.shape[2])


def resized(pixels: Pixels, height: int, width: int, *, kernel: str = "linear") -> Pixels:
    """Return (H, W, C) at this size, and without moiré if it is smaller; *kernel* is a name of libvips."""
    if pixels.shape[:2] == (height, width):
        return pixels
    image = _in_memory(pixels)
    image = _call("resize", image, width / image.width, vscale=height / image.height, kernel=kernel)
    # libvips may be off by one pixel.
    return _samples(_call("gravity", image, "north-west", width, height, extend="copy"), pixels.shape[2])


def profile_at(path: Path) -> bytes:
    """Return the display profile in this file; raise UsageError if it is none."""
    from PIL import ImageCms

    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
    except (OSError, ImageCms.PyCMSError) as error:
        raise UsageError(
            f"{path}: is not a colour profile ({error}).", hint="Choose an .icc or .icm file."
        ) from error
    if profile.profile.xcolor_space.strip() != "RGB" or len(data) > _MOST_BYTES:
        raise UsageError(f"{path}: is not a display profile.", hint="Choose an RGB profile.")
    return data


def system_profile() -> bytes | None:
    """Return the profile of the main display on Windows; None elsewhere."""
    if os.name != "nt":
        return None
    from PIL import ImageCms

    found = ImageCms.get_display_profile()
    return found.tobytes() if found is not None else None


class ScreenColours:
    """Converts image colours to display colours. Thread-safe; strips are converted in parallel."""

    def __init__(self, profile: bytes | None, channels: int, screen: bytes | None = None) -> None:
        """*profile* is of the image, None for sRGB; *screen* of the display, None for sRGB."""
        self._transform: Any = None
        plain = profile is None or colour.is_srgb(profile)
        if not plain or (screen is not None and not colour.is_srgb(screen)):
            self._transform = _transform(None if plain else profile, channels, screen)
        self._from_grey = channels == 1 and not plain

    def convert(self, pixels: Pixels, white: float) -> NDArray[np.uint8]:
        """Convert (H, W, C) with values from 0 to *white* to 8-bit (H, W, 3)."""
        values = depth.rescale(pixels, white, 8)
        if values.shape[2] == 1 and not (self._transform and self._from_grey):
            values = np.repeat(values, 3, axis=2)
        if self._transform is None:
            return np.asarray(values, np.uint8)
        rows = max(1, _STRIP // values.shape[1])
        strips = [values[top : top + rows] for top in range(0, values.shape[0], rows)]
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="denoise-colours") as threads:
            return np.concatenate(list(threads.map(self._converted, strips)))

    def _converted(self, strip: NDArray[np.uint8]) -> NDArray[np.uint8]:
        from PIL import Image as pillow

        block = np.ascontiguousarray(strip[:, :, 0] if self._from_grey else strip)
        return np.asarray(self._transform.apply(pillow.fromarray(block)), np.uint8)


def _halved_bytes(pixels: Pixels) -> Pixels:
    """Halve 8-bit pixels with Pillow, which is twice as fast as libvips."""
    from PIL import Image as pillow

    block = np.ascontiguousarray(pixels)
    half = np.asarray(pillow.fromarray(block[:, :, 0] if block.shape[2] == 1 else block).reduce(2))
    return half[:, :, np.newaxis] if half.ndim == 2 else half


def _transform(profile: bytes | None, channels: int, screen: bytes | None) -> Any:
    """Return a transform of Pillow; None or that of sRGB if the profile cannot be used."""
    from PIL import ImageCms

    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    target = ImageCms.ImageCmsProfile(io.BytesIO(screen)) if screen else srgb
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    mode = "L" if channels == 1 and profile is not None else "RGB"
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile)) if profile else srgb
        return ImageCms.buildTransform(source, target, mode, "RGB", intent, flags)
    except (ImageCms.PyCMSError, OSError):
        if profile is None:
            raise
        return None if screen is None else _transform(None, 3, screen)


def _in_memory(pixels: Pixels) -> Any:
    import pyvips

    block = np.ascontiguousarray(pixels)
    height, width, bands = block.shape
    kind = {"uint8": "uchar", "uint16": "ushort", "float32": "float"}[block.dtype.name]
    image = pyvips.Image.new_from_memory(block.data, width, height, bands, kind)
    return _call("copy", image, interpretation="multiband")


def _call(operation: str, *args: Any, **words: Any) -> Any:
    """Call an operation of libvips by its name: see backends.libvips on look-ups such as `image.copy`."""
    import pyvips

    return pyvips.Operation.call(operation, *args, **words)


def _samples(image: Any, bands: int) -> Pixels:
    return np.asarray(image.numpy()).reshape(image.height, image.width, bands)
