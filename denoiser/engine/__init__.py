"""One picture to clean pixels. Knows no file: takes an Image, gives an Image."""

from __future__ import annotations

from denoiser.engine.result import Cleaned
from denoiser.engine.session import Session
from denoiser.events import CancelToken, Listener, ignore
from denoiser.image import Image
from denoiser.options import DenoiseOptions

__all__ = ["Cleaned", "Session", "denoise", "open_session"]


def open_session(options: DenoiseOptions | None = None) -> Session:
    """Weights loaded and placed, for many pictures."""
    return Session(options or DenoiseOptions())


def denoise(
    image: Image,
    options: DenoiseOptions | None = None,
    *,
    listener: Listener = ignore,
    cancel: CancelToken | None = None,
) -> Image:
    """The clean picture of *image*, which stays as it is. For many pictures open one session."""
    return open_session(options).clean(image, listener=listener, cancel=cancel).image
