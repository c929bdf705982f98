"""Files to pictures and back; the only room that knows Pillow and its like.

`read` and `write` are the doors for files, `read_bytes` and `encode` those for pipes, `probe` that for plans,
`preview` and `shrunk` those for eyes; `open_image`, `save_image`, `from_pil` and `to_pil` are for programs.
`formats` is the one table of what is read and what it is written as. Names are resolved when they are used, and
backends imported when a file needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from denoiser.imageio import formats
    from denoiser.imageio.pillow_bridge import from_pil, to_pil
    from denoiser.imageio.reader import Probe, open_image, preview, probe, read, read_bytes, shrunk
    from denoiser.imageio.writer import encode, losses, save_image, write

_HOMES = {
    "Probe": "reader",
    "encode": "writer",
    "from_pil": "pillow_bridge",
    "losses": "writer",
    "open_image": "reader",
    "preview": "reader",
    "probe": "reader",
    "read": "reader",
    "read_bytes": "reader",
    "save_image": "writer",
    "shrunk": "reader",
    "to_pil": "pillow_bridge",
    "write": "writer",
}

__all__ = [
    "Probe",
    "encode",
    "formats",
    "from_pil",
    "losses",
    "open_image",
    "preview",
    "probe",
    "read",
    "read_bytes",
    "save_image",
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
