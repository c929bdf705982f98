"""Reads the quantisation tables and sampling factors of a JPEG, so that a new JPEG has the same loss."""

from __future__ import annotations

import dataclasses

from denoiser.image import JpegTables
from denoiser.imageio.containers.jpeg import FRAMES, walk
from denoiser.imageio.containers.span import ByteSpan

_DQT = 0xDB
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}

Table = tuple[int, ...]


def _zigzag() -> tuple[int, ...]:
    """Return the natural position of each position in the file: diagonals, every second one upwards."""
    cells = [(row, column) for row in range(8) for column in range(8)]
    cells.sort(key=lambda cell: (sum(cell), cell[0] if sum(cell) % 2 else cell[1]))
    return tuple(row * 8 + column for row, column in cells)


_NATURAL = _zigzag()


def read_tables(data: bytes) -> JpegTables | None:
    """Return table and factors of each component, in order; None if any is missing."""
    span = ByteSpan(data)
    slots: dict[int, Table] = {}
    for segment in walk(data):
        if segment.marker == _DQT:
            slots |= _read_slots(span.take(segment.at, segment.size))
        if segment.marker in FRAMES:
            header = span.take(segment.at, segment.size)
            parts = [header[at : at + 3] for at in range(6, len(header) - 2, 3)]
            if not parts or any(part[2] not in slots for part in parts):
                return None  # tables after the frame header are not read
            return JpegTables(
                quantisation=tuple(slots[part[2]] for part in parts),
                sampling=tuple((part[1] >> 4, part[1] & 15) for part in parts),
                progressive=segment.marker in _PROGRESSIVE,
            )
    return None


def _read_slots(block: bytes) -> dict[int, Table]:
    slots = {}
    at = 0
    while at < len(block):
        width = 2 if block[at] >> 4 else 1
        values = block[at + 1 : at + 1 + 64 * width]
        if len(values) < 64 * width:
            break
        table = [0] * 64
        for place, natural in enumerate(_NATURAL):
            table[natural] = int.from_bytes(values[place * width : (place + 1) * width], "big")
        slots[block[at] & 15] = tuple(table)
        at += 1 + 64 * width
    return slots


def turned(tables: JpegTables) -> JpegTables:
    """Return the tables for the transposed image."""
    flipped = tuple(tuple(table[column * 8 + row] for row in range(8) for column in range(8))
                    for table in tables.quantisation)  # fmt: skip
    sampling = tuple((down, across) for across, down in tables.sampling)
    return dataclasses.replace(tables, quantisation=flipped, sampling=sampling)
