"""Reads and writes image files; the only package that imports Pillow and similar libraries.

`read` and `write` are for files, `read_bytes` and `encode` for pipes, `probe` for plans, `preview` and `shrunk` for
thumbnails; `from_pil`, `is_pil` and `to_pil` are for programs that use Pillow. `formats` is the table of formats.
Names are resolved on first use, and backends are imported when a file needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from denoiser.imageio import formats
    from denoiser.imageio.pillow_bridge import from_pil, is_pil, to_pil
    from denoiser.imageio.reader import ImageHeader, preview, probe, read, read_bytes, shrunk
    from denoiser.imageio.writer import encode, losses, naming, refuse_alpha, refuse_colours, write

_HOMES = {
    "ImageHeader": "reader",
    "encode": "writer",
    "from_pil": "pillow_bridge",
    "is_pil": "pillow_bridge",
    "losses": "writer",
    "naming": "writer",
    "preview": "reader",
    "probe": "reader",
    "read": "reader",
    "read_bytes": "reader",
    "refuse_alpha": "writer",
    "refuse_colours": "writer",
    "shrunk": "reader",
    "to_pil": "pillow_bridge",
    "write": "writer",
}

__all__ = [
    "ImageHeader",
    "encode",
    "formats",
    "from_pil",
    "is_pil",
    "losses",
    "naming",
    "preview",
    "probe",
    "read",
    "read_bytes",
    "refuse_alpha",
    "refuse_colours",
    "shrunk",
    "to_pil",
    "write",
]


def __getattr__(name: str) -> Any:
    if name == "formats":
        return import_module("denoiser.imageio.formats")
    if name not in _HOMES:
        raise AttributeError(f"module 'denoiser.imageio' has no attribute {name!r}")
    return getattr(import_module(f"denoiser.imageio.{_HOMES[name]}"), name)
