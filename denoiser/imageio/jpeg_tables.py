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


# ITU-T T.81, Annex K: the tables for luma and chroma that libjpeg scales.
_LUMA = (
    16, 11, 10, 16, 24, 40, 51, 61,
    12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77,
    24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
_CHROMA = (
    17, 18, 24, 47, 99, 99, 99, 99,
    18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99,
    *(99,) * 32,
)  # fmt: skip


def standard(quality: int, components: int) -> tuple[tuple[int, ...], ...]:
    """Return the tables that libjpeg uses at this quality, 1 to 100, for 1 or 3 components."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    luma, chroma = (
        tuple(min(max((value * scale + 50) // 100, 1), 255) for value in table) for table in (_LUMA, _CHROMA)
    )
    return (luma, chroma, chroma)[:components]


def standard_quality(quantisation: tuple[tuple[int, ...], ...]) -> int | None:
    """Return the quality whose standard tables these are; None if they are others."""
    found = (quality for quality in range(1, 101) if standard(quality, len(quantisation)) == quantisation)
    return next(found, None)
