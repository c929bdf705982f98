"""Range coding of symbols; the table of each symbol is chosen by an index that encoder and decoder compute.

    pass     the symbols of a pass are sorted by table (stable sort) and coded table by table
    escape   values outside the table: the last symbol of the table, and after the pass 16 bits with the value
    bytes    the coder's 32-bit words, the higher byte first, without the zeros at the end

The coder is that of `constriction`; `tests/reference` has the reference implementation. A stream has no length or
end mark: the decoder knows the number of symbols, and `close` verifies them by a checksum.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from constriction import stream
from numpy.typing import NDArray

from denoiser.codec.entropy.index import crc_of_symbols
from denoiser.codec.entropy.tables import CodingTables, FrequencyTables
from denoiser.errors import DamagedLatent, UnwritableImage

CODER_VERSION = 1  # of the bytes that come out; stands in each file
LOWEST, HIGHEST = -(1 << 15), (1 << 15) - 1  # symbols of an image
HYPER_LOWEST, HYPER_HIGHEST = -128, 127
_WORD = np.dtype(">u4")
# Half of an escaped value: each costs eight bits.
_BYTE = stream.model.Categorical(np.full(256, 256.0), perfect=False)

Symbols = NDArray[np.int32]
Index = NDArray[np.uint8]


class SymbolEncoder:
    """Encodes symbols pass by pass. Not thread-safe. `checksum` covers all symbols so far."""

    def __init__(self, tables: CodingTables) -> None:
        self._tables = tables
        self._coder = stream.queue.RangeEncoder()
        self.checksum = 0

    def add_hyper(self, symbols: NDArray[Any], level: int) -> None:
        """Hyper symbols (channels, height, width) of a quality step, each from -128 to 127."""
        self._note(symbols, HYPER_LOWEST, HYPER_HIGHEST)
        channels = self._tables.hyper.channels
        if symbols.ndim != 3 or len(symbols) != channels:
            raise ValueError(f"hyper symbols are ({channels}, height, width), not {symbols.shape}")
        sizes = np.full(channels, symbols[0].size)
        self._code(symbols.ravel(), self._tables.hyper, self._tables.hyper.numbers(level), sizes)

    def add(self, symbols: NDArray[Any], index: Index) -> None:
        """The symbols of a pass, each from -32768 to 32767, and the table of each, from 0 to 63."""
        if symbols.shape != index.shape:
            raise ValueError(f"{symbols.shape} symbols do not fit an index of {index.shape}")
        self._note(symbols, LOWEST, HIGHEST)
        order, numbers, sizes = _by_table(index)
        self._code(symbols.ravel()[order], self._tables.scales, numbers, sizes)

    def finish(self) -> bytes:
        """The encoded bytes."""
        words: NDArray[np.uint32] = self._coder.get_compressed()
        return words.astype(_WORD).tobytes().rstrip(b"\0")

    def _note(self, symbols: NDArray[Any], lowest: int, highest: int) -> None:
        if symbols.size and (symbols.min() < lowest or symbols.max() > highest):
            raise UnwritableImage(f"cannot be encoded: a symbol is outside {lowest} to {highest}")
        self.checksum = crc_of_symbols(symbols, self.checksum)

    def _code(
        self, symbols: NDArray[Any], tables: FrequencyTables, numbers: Iterable[int], sizes: NDArray[np.intp]
    ) -> None:
        widths = np.repeat(tables.half_widths[list(numbers)], sizes)
        escaped = np.abs(symbols.astype(np.int32)) > widths
        codes = np.where(escaped, 2 * widths + 1, symbols + widths).astype(np.int32)
        for number, codes_of_table in zip(numbers, _split(codes, sizes), strict=True):
            if codes_of_table.size:
                self._coder.encode(codes_of_table, tables.model(number))
        values = symbols[escaped].astype(np.int32) - LOWEST
        if values.size:
            self._coder.encode(values >> 8, _BYTE)
            self._coder.encode(values & 0xFF, _BYTE)


class SymbolDecoder:
    """Decodes the symbols of a stream pass by pass. Not thread-safe.

    Whatever the bytes are, each call ends in a time bounded by what was asked for, with symbols or DamagedLatent.
    """

    def __init__(self, data: bytes, tables: CodingTables) -> None:
        if data.endswith(b"\0"):
            raise DamagedLatent("corrupt: a symbol stream ends with zeros")
        self._tables = tables
        padded = data + bytes(-len(data) % _WORD.itemsize)
        self._coder = stream.queue.RangeDecoder(np.frombuffer(padded, _WORD).astype(np.uint32))
        self.checksum = 0

    def take_hyper(self, shape: tuple[int, int, int], level: int) -> Symbols:
        """Hyper symbols (channels, height, width), as they were added."""
        channels = self._tables.hyper.channels
        if shape[0] != channels:
            raise ValueError(f"hyper symbols have {channels} channels, not {shape[0]}")
        sizes = np.full(channels, shape[1] * shape[2])
        symbols = self._decode(self._tables.hyper, self._tables.hyper.numbers(level), sizes).reshape(shape)
        if symbols.size and (symbols.min() < HYPER_LOWEST or symbols.max() > HYPER_HIGHEST):
            raise DamagedLatent("corrupt: a hyper symbol is out of range")
        self.checksum = crc_of_symbols(symbols, self.checksum)
        return symbols

    def take(self, index: Index) -> Symbols:
        """The symbols of a pass, in the shape of the index that they were added with."""
        order, numbers, sizes = _by_table(index)
        symbols = np.empty(index.size, np.int32)
        symbols[order] = self._decode(self._tables.scales, numbers, sizes)
        self.checksum = crc_of_symbols(symbols, self.checksum)
        return symbols.reshape(index.shape)

    def close(self, checksum: int) -> None:
        """Raise DamagedLatent unless the stream is at its end and the checksum of its symbols matches."""
        if not self._coder.maybe_exhausted():
            raise DamagedLatent("corrupt: a symbol stream is longer than its symbols")
        if self.checksum != checksum:
            raise DamagedLatent("corrupt: the checksum of the symbols does not match")

    def _decode(self, tables: FrequencyTables, numbers: Iterable[int], sizes: NDArray[np.intp]) -> Symbols:
        widths = np.repeat(tables.half_widths[list(numbers)], sizes)
        codes = np.empty(len(widths), np.int32)
        for number, codes_of_table in zip(numbers, _split(codes, sizes), strict=True):
            if codes_of_table.size:
                codes_of_table[:] = self._some(tables.model(number), codes_of_table.size)
        escaped = np.nonzero(codes > 2 * widths)[0]
        symbols = codes - widths
        if escaped.size:
            values = self._some(_BYTE, escaped.size) << 8
            values += self._some(_BYTE, escaped.size) + LOWEST
            if (np.abs(values) <= widths[escaped]).any():
                raise DamagedLatent("corrupt: a symbol is escaped although its table contains it")
            symbols[escaped] = values
        return symbols

    def _some(self, model: stream.model.Categorical, count: int) -> Symbols:
        try:
            found: Symbols = self._coder.decode(model, count)
        except AssertionError as error:  # raised by constriction for words that no encoder writes
            raise DamagedLatent("corrupt: a symbol stream is invalid") from error
        return found


def _by_table(index: Index) -> tuple[NDArray[np.intp], list[int], NDArray[np.intp]]:
    """A stable sort order by table, the tables that occur, and their counts."""
    flat = index.ravel()
    often = np.bincount(flat)
    numbers = np.nonzero(often)[0]
    return np.argsort(flat, kind="stable"), numbers.tolist(), often[numbers]


def _split(codes: Symbols, sizes: NDArray[np.intp]) -> list[Symbols]:
    return np.split(codes, np.cumsum(sizes)[:-1]) if len(sizes) else []
