"""Reads the quantisation tables and sampling factors of a JPEG, so that a new JPEG has the same loss."""

from __future__ import annotations

import dataclasses
import io
import struct

from denoiser.image import JpegTables
from denoiser.imageio.containers.jpeg import FRAMES, SOS, walk

_DQT = 0xDB
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}


def read_tables(data: bytes) -> JpegTables | None:
    """Return table and factors of each component, in order; None if any is missing."""
    from PIL import JpegImagePlugin

    header = b"\xff\xd8"  # Pillow gets only the segments that it needs here
    frame = 0
    for segment in walk(data):
        if segment.marker == SOS:
            break
        if segment.marker == _DQT or segment.marker in FRAMES:
            header += data[segment.at - 4 : segment.at + segment.size]
        if segment.marker in FRAMES:
            frame = segment.marker
    try:
        image = JpegImagePlugin.JpegImageFile(io.BytesIO(header))
        quantisation = tuple(tuple(image.quantization[table]) for *_, table in image.layer)
    except (SyntaxError, OSError, ValueError, LookupError, struct.error):
        return None
    sampling = tuple((across, down) for _, across, down, _ in image.layer)
    return JpegTables(quantisation, sampling, progressive=frame in _PROGRESSIVE)


def turned(tables: JpegTables) -> JpegTables:
    """Return the tables for the transposed image."""
    flipped = tuple(tuple(table[column * 8 + row] for row in range(8) for column in range(8))
                    for table in tables.quantisation)  # fmt: skip
    sampling = tuple((down, across) for across, down in tables.sampling)
    return dataclasses.replace(tables, quantisation=flipped, sampling=sampling)
