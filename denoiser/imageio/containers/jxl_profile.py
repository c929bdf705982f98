"""Packs an ICC profile into the header of a JPEG XL, as section E of ISO/IEC 18181-1 describes it.

The profile is stored without compression: one flat prefix code of 8 bits is a valid code for all its bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

Field = tuple[int, int]  # value, and its number of bits

# One code for all 41 contexts, with tokens up to 2^15 that are the bytes themselves; 256 symbols of 8 bits each.
_FLAT_CODE: tuple[Field, ...] = (
    (0, 1),  # no repeats of earlier bytes
    (1, 1), (0, 2),  # all contexts have the same code,
    (1, 1),  # which is a prefix code
    (15, 4),  # of whole numbers,
    (1, 1), (7, 4), (127, 7),  # 256 of them
    (0, 2), *((0, 2),) * 10, (2, 2), *((0, 2),) * 7,  # with a single length: 8 bits
)  # fmt: skip

HEADER_BYTES = 128
_INSERT = b"\1"  # the command that copies bytes


def fields_of(profile: bytes) -> Iterator[Field]:
    """Yield the fields of a profile, which follow the other fields of the header."""
    packed = _predicted(profile)
    yield from _number(len(packed))
    yield from _FLAT_CODE
    for byte in packed:
        yield int(f"{byte:08b}"[::-1], 2), 8  # codes begin with their highest bit


def _predicted(profile: bytes) -> bytes:
    """Return the profile as commands and data: differences to a typical header, then a copy of the rest."""
    expected = bytearray(HEADER_BYTES)
    struct.pack_into(">I4xB3x4s4s4s12x4s", expected, 0, len(profile), 4, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    struct.pack_into(">III", expected, 68, 0xF6D6, 0x10000, 0xD32D)  # the D50 white point
    expected[80:84] = profile[4:8]
    expected[41:44] = {b"A": b"PPL", b"M": b"SFT"}.get(profile[40:41], bytes(3))
    expected[42:44] = {b"SG": b"I ", b"SU": b"NW"}.get(profile[40:42], bytes(expected[42:44]))
    header = bytes((byte - guess) % 256 for byte, guess in zip(profile, expected, strict=False))
    commands = b"\0" + _INSERT + _varint(len(profile) - HEADER_BYTES)  # no list of tags
    return _varint(len(profile)) + _varint(len(commands)) + commands + header + profile[HEADER_BYTES:]


def _varint(number: int) -> bytes:
    """Return a number in groups of seven bits, the lowest first."""
    groups = bytearray()
    while number >= 0x80:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])


def _number(number: int) -> Iterator[Field]:
    """Yield the fields of a number of up to 64 bits: twelve bits, then groups of eight."""
    yield 3, 2
    yield number & 0xFFF, 12
    number >>= 12
    while number:
        yield 1, 1
        yield number & 0xFF, 8
        number >>= 8
    yield 0, 1
