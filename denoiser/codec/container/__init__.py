"""The file of a latent picture: `read` and `read_bytes` prove it whole, `write` makes its bytes; docs/format.md.

No torch, and no pixel: what is inside is known without decoding it.
"""

from __future__ import annotations

from denoiser.codec.container.grid import Box, TileGrid
from denoiser.codec.container.latent import Exact, LatentFile, SourceFacts, Tile
from denoiser.codec.container.reader import Probe, is_latent, probe, read, read_bytes
from denoiser.codec.container.writer import sizes, write

__all__ = [
    "Box",
    "Exact",
    "LatentFile",
    "Probe",
    "SourceFacts",
    "Tile",
    "TileGrid",
    "is_latent",
    "probe",
    "read",
    "read_bytes",
    "sizes",
    "write",
]
