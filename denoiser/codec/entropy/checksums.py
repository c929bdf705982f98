"""CRC-32 of bytes, and of symbols as every machine would write them down."""

from __future__ import annotations

import zlib
from typing import Any

from numpy.typing import NDArray


def crc_of_bytes(data: bytes, before: int = 0) -> int:
    """CRC-32 as PNG and zip have it; *before* is that of the bytes before these."""
    return zlib.crc32(data, before)


def crc_of_symbols(symbols: NDArray[Any], before: int = 0) -> int:
    """CRC-32 of the symbols in their order, each as two bytes, the lower first."""
    return zlib.crc32(symbols.astype("<i2").tobytes(), before)
