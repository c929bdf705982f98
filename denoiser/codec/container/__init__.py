"""Latent file container: `read` and `read_bytes` parse and validate, `write` serialises; see docs/format.md.

No torch; contents are listed without decoding pixels.
"""

from __future__ import annotations

from denoiser.codec.container.grid import TileGrid
from denoiser.codec.container.latent import Exact, LatentFile, SourceFacts, TileStream
from denoiser.codec.container.reader import Probe, is_latent, probe, read, read_bytes
from denoiser.codec.container.writer import picture_bytes, sizes, write

__all__ = [
    "Exact",
    "LatentFile",
    "Probe",
    "SourceFacts",
    "TileGrid",
    "TileStream",
    "is_latent",
    "picture_bytes",
    "probe",
    "read",
    "read_bytes",
    "sizes",
    "write",
]
