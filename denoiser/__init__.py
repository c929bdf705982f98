"""denoise: cleans photos with networks trained here. Names are resolved when they are used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from denoiser.version import __version__ as __version__

if TYPE_CHECKING:  # type checkers and editors see what is resolved below
    from denoiser.api.calls import decode, denoise, encode, estimate_noise, open_image, save_image
    from denoiser.batch import denoise_folder
    from denoiser.errors import DenoiserError
    from denoiser.events import CancelToken
    from denoiser.image import Image, from_numpy
    from denoiser.imageio import from_pil, to_pil
    from denoiser.options import DecodeOptions, DenoiseOptions, EncodeOptions

# Where each public name lives. `import denoiser` loads none of these packages, so neither torch nor numpy.
_HOMES = {
    "CancelToken": "denoiser.events",
    "DecodeOptions": "denoiser.options",
    "DenoiseOptions": "denoiser.options",
    "DenoiserError": "denoiser.errors",
    "EncodeOptions": "denoiser.options",
    "Image": "denoiser.image",
    "decode": "denoiser.api.calls",
    "denoise": "denoiser.api.calls",
    "denoise_folder": "denoiser.batch",
    "encode": "denoiser.api.calls",
    "estimate_noise": "denoiser.api.calls",
    "from_numpy": "denoiser.image",
    "from_pil": "denoiser.imageio",
    "open_image": "denoiser.api.calls",
    "save_image": "denoiser.api.calls",
    "to_pil": "denoiser.imageio",
}

__all__ = [
    "CancelToken",
    "DecodeOptions",
    "DenoiseOptions",
    "DenoiserError",
    "EncodeOptions",
    "Image",
    "decode",
    "denoise",
    "denoise_folder",
    "encode",
    "estimate_noise",
    "from_numpy",
    "from_pil",
    "open_image",
    "save_image",
    "to_pil",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'denoiser' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
