"""Denoises images in memory: takes an Image, returns an Image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from denoiser.options import DenoiseOptions

if TYPE_CHECKING:
    from denoiser.engine.canvas import Cleaned
    from denoiser.engine.session import Session

__all__ = ["Cleaned", "Session", "open_session"]


def open_session(options: DenoiseOptions | None = None) -> Session:
    """Return a session with the model loaded on its device, for many images."""
    from denoiser.engine.session import Session

    return Session(options or DenoiseOptions())


def __getattr__(name: str) -> Any:
    # These import torch, which takes seconds; the grain model does not need it.
    if name == "Cleaned":
        from denoiser.engine.canvas import Cleaned

        return Cleaned
    if name == "Session":
        from denoiser.engine.session import Session

        return Session
    raise AttributeError(f"module 'denoiser.engine' has no attribute {name!r}")
