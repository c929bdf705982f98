"""Symbols come back as they were, whatever they are; bytes that were not written so are refused."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from reference_range_coder import ReferenceEncoder

from denoiser.codec.entropy.index import crc_of_symbols
from denoiser.codec.entropy.symbols import HIGHEST, LOWEST, SymbolDecoder, SymbolEncoder
from denoiser.codec.entropy.tables import CodingTables
from denoiser.errors import DamagedLatent, UnwritableImage

Draw = Callable[[np.random.Generator, tuple[int, ...]], tuple[np.ndarray, np.ndarray]]
LEVEL = 40
NO_HYPER = np.zeros((6, 0, 0), np.int8)


def coded(tables: CodingTables, hyper: np.ndarray, *passes: tuple[np.ndarray, np.ndarray]) -> tuple[bytes, int]:
    encoder = SymbolEncoder(tables)
    encoder.add_hyper(hyper, LEVEL)
    for symbols, index in passes:
        encoder.add(symbols, index)
    return encoder.finish(), encoder.checksum


@pytest.mark.parametrize("seed", range(8))
def test_all_comes_back(tables: CodingTables, drawn: Draw, seed: int) -> None:
    dice = np.random.default_rng(seed)
    hyper = dice.integers(-128, 128, (6, 3, 5)).astype(np.int8)
    passes = [drawn(dice, tuple(dice.integers(0, 30, 3))) for _ in range(4)]
    data, checksum = coded(tables, hyper, *passes)
    decoder = SymbolDecoder(data, tables)
    assert (decoder.take_hyper((6, 3, 5), LEVEL) == hyper).all()
    for symbols, index in passes:
        found = decoder.take(index)
        assert found.shape == symbols.shape and (found == symbols).all()
    decoder.close(checksum)
    assert checksum == crc_of_symbols(np.concatenate([hyper.ravel(), *(symbols.ravel() for symbols, _ in passes)]))


@pytest.mark.parametrize("number", [0, 20, 63])
def test_every_symbol_of_16_bits_can_be_coded_with_every_table(tables: CodingTables, number: int) -> None:
    symbols = np.arange(LOWEST, HIGHEST + 1, dtype=np.int32)
    index = np.full(symbols.shape, number, np.uint8)
    data, checksum = coded(tables, NO_HYPER, (symbols, index))
    decoder = SymbolDecoder(data, tables)
    decoder.take_hyper((6, 0, 0), LEVEL)
    assert (decoder.take(index) == symbols).all()
    decoder.close(checksum)


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.int64])
def test_the_kind_of_integer_does_not_matter(tables: CodingTables, drawn: Draw, kind: type) -> None:
    symbols, index = drawn(np.random.default_rng(1), (4, 6, 6))
    symbols = np.clip(symbols, -128, 127)
    assert coded(tables, NO_HYPER, (symbols.astype(kind), index)) == coded(tables, NO_HYPER, (symbols, index))


def test_the_layout_in_memory_does_not_matter(tables: CodingTables, drawn: Draw) -> None:
    symbols, index = drawn(np.random.default_rng(1), (4, 6, 6))
    strided = np.ascontiguousarray(symbols.T).T, np.ascontiguousarray(index.T).T
    assert coded(tables, NO_HYPER, strided) == coded(tables, NO_HYPER, (symbols, index))


@pytest.mark.parametrize("value", [LOWEST - 1, HIGHEST + 1])
def test_a_symbol_beyond_16_bits_is_refused(tables: CodingTables, value: int) -> None:
    with pytest.raises(UnwritableImage, match="outside -32768 to 32767"):
        SymbolEncoder(tables).add(np.array([value]), np.array([0], np.uint8))
    with pytest.raises(UnwritableImage, match="outside -128 to 127"):
        SymbolEncoder(tables).add_hyper(np.full((6, 1, 1), 128), LEVEL)


def test_shapes_that_do_not_fit_are_refused(tables: CodingTables) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        SymbolEncoder(tables).add(np.zeros(3, int), np.zeros(4, np.uint8))
    with pytest.raises(ValueError, match=r"\(6, height, width\)"):
        SymbolEncoder(tables).add_hyper(np.zeros((5, 1, 1), int), LEVEL)
    with pytest.raises(ValueError, match="6 channels, not 5"):
        SymbolDecoder(b"", tables).take_hyper((5, 1, 1), LEVEL)


def test_the_plain_coder_writes_the_same_bytes(tables: CodingTables, drawn: Draw) -> None:
    """What docs/format.md says of a stream, done symbol by symbol: the twin of grouping, escapes and words."""
    dice = np.random.default_rng(2)
    hyper = dice.integers(-30, 31, (6, 2, 2))
    symbols, index = drawn(dice, (5, 7, 9))
    symbols.flat[:3] = [500, -500, LOWEST]
    plain = ReferenceEncoder()
    numbers = np.repeat(list(tables.hyper.numbers(LEVEL)), 4)
    _plainly(plain, tables.hyper, hyper.ravel().tolist(), numbers.tolist())
    order = sorted(range(symbols.size), key=lambda place: index.flat[place])
    _plainly(plain, tables.scales, [int(symbols.flat[i]) for i in order], [int(index.flat[i]) for i in order])
    words = b"".join(word.to_bytes(4, "big") for word in plain.finish())
    assert coded(tables, hyper, (symbols, index))[0] == words.rstrip(b"\0")


def _plainly(coder: ReferenceEncoder, tables, symbols: list[int], numbers: list[int]) -> None:
    escaped = []
    for symbol, number in zip(symbols, numbers, strict=True):
        half, row = int(tables.half_widths[number]), tables.row(number).tolist()
        if abs(symbol) > half:
            coder.encode(len(row) - 1, row)
            escaped.append(symbol + 32768)
        else:
            coder.encode(symbol + half, row)
    for shift in (8, 0):
        for value in escaped:
            coder.encode(value >> shift & 0xFF, [256] * 256)


def test_a_stream_of_zeros_takes_no_room(tables: CodingTables) -> None:
    index = np.zeros((8, 8, 8), np.uint8)
    data, _ = coded(tables, NO_HYPER, (np.zeros(index.shape, int), index))
    assert len(data) <= 4
    nothing, start = coded(tables, NO_HYPER)
    assert (nothing, start) == (b"", 0)
    SymbolDecoder(b"", tables).close(0)


def test_the_bytes_cost_what_the_tables_say(tables: CodingTables, drawn: Draw) -> None:
    """Overhead of the coder over the entropy of the tables: under 0.03 %."""
    symbols, index = drawn(np.random.default_rng(3), (64, 64, 48))
    half = tables.scales.half_widths[index]
    escaped = np.abs(symbols) > half
    code = np.where(escaped, 2 * half + 1, symbols + half)
    ideal = tables.scales.bits[index, code].sum() + 16 * escaped.sum()
    written = 8 * len(coded(tables, NO_HYPER, (symbols, index))[0])
    assert 0.9999 < written / ideal < 1.0003, written / ideal


def test_a_megapixel_of_symbols_takes_a_tenth_of_a_second_at_most(tables: CodingTables, drawn: Draw) -> None:
    """About 20 ms each way on an idle core; the bound leaves room for a busy machine."""
    symbols, index = drawn(np.random.default_rng(3), (192, 64, 64))
    best_of = []
    for _ in range(5):
        begun = time.process_time()
        data, _ = coded(tables, NO_HYPER, (symbols, index))
        between = time.process_time()
        SymbolDecoder(data, tables).take(index)
        best_of.append((between - begun, time.process_time() - between))
    assert min(encoding for encoding, _ in best_of) < 0.1
    assert min(decoding for _, decoding in best_of) < 0.1


# --- bytes that were not written so -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(tables: CodingTables) -> tuple[bytes, int, np.ndarray, np.ndarray]:
    dice = np.random.default_rng(9)
    index = np.clip(dice.normal(24, 12, (6, 8, 8)), 0, 63).astype(np.uint8)
    symbols = np.rint(dice.normal(0, 1.5, index.shape)).astype(np.int32)
    symbols.flat[10] = 4000
    data, checksum = coded(tables, NO_HYPER, (symbols, index))
    return data, checksum, symbols, index


def outcome(data: bytes, tables: CodingTables, written: tuple[bytes, int, np.ndarray, np.ndarray]) -> str:
    _, checksum, symbols, index = written
    try:
        decoder = SymbolDecoder(data, tables)
        found = decoder.take(index)
        decoder.close(checksum)
    except DamagedLatent:
        return "refused"
    return "same" if (found == symbols).all() else "changed"


def test_every_truncation_is_refused(tables: CodingTables, written) -> None:
    data = written[0]
    assert outcome(data, tables, written) == "same"
    assert {outcome(data[:size], tables, written) for size in range(len(data))} == {"refused"}


def test_every_flipped_bit_is_refused_or_changes_nothing(tables: CodingTables, written) -> None:
    came = []
    for place in range(8 * len(written[0])):
        damaged = bytearray(written[0])
        damaged[place // 8] ^= 1 << place % 8
        came.append(outcome(bytes(damaged), tables, written))
    assert set(came) <= {"refused", "same"}
    assert came.count("same") < 40, "only the last word has room"


def test_random_bytes_are_refused_and_never_take_long(tables: CodingTables, written) -> None:
    dice = np.random.default_rng(0)
    begun = time.process_time()
    for _ in range(500):
        assert outcome(dice.bytes(int(dice.integers(0, 600))), tables, written) == "refused"
    assert time.process_time() - begun < 5


def test_words_after_the_end_are_refused(tables: CodingTables, written) -> None:
    assert outcome(written[0] + bytes(4) + b"\1\2\3\4", tables, written) == "refused"


def test_zeros_at_the_end_are_refused(tables: CodingTables, written) -> None:
    with pytest.raises(DamagedLatent, match="ends with zeros"):
        SymbolDecoder(written[0] + b"\0", tables)


def test_a_bit_pattern_that_no_encoder_writes_is_refused(tables: CodingTables) -> None:
    with pytest.raises(DamagedLatent, match="symbol stream is invalid"):
        SymbolDecoder(b"\xff" * 12, tables).take(np.zeros(5, np.uint8))


@pytest.mark.parametrize("symbol", [0, 2, -2])
def test_a_symbol_that_is_escaped_needlessly_is_refused(tables: CodingTables, symbol: int) -> None:
    row, coder = tables.scales.row(0).tolist(), ReferenceEncoder()
    coder.encode(len(row) - 1, row)
    for byte in divmod(symbol + 32768, 256):
        coder.encode(byte, [256] * 256)
    data = b"".join(word.to_bytes(4, "big") for word in coder.finish()).rstrip(b"\0")
    with pytest.raises(DamagedLatent, match="its table contains it"):
        SymbolDecoder(data, tables).take(np.zeros(1, np.uint8))


def test_a_hyper_symbol_beyond_its_range_is_refused(tables: CodingTables) -> None:
    coder = ReferenceEncoder()
    for number in tables.hyper.numbers(LEVEL):
        row = tables.hyper.row(number).tolist()
        coder.encode(len(row) - 1, row)
    for byte in [(32768 + 128) >> 8] * 6 + [128] * 6:
        coder.encode(byte, [256] * 256)
    data = b"".join(word.to_bytes(4, "big") for word in coder.finish()).rstrip(b"\0")
    with pytest.raises(DamagedLatent, match="out of range"):
        SymbolDecoder(data, tables).take_hyper((6, 1, 1), LEVEL)


def test_another_index_is_noticed(tables: CodingTables, written) -> None:
    data, checksum, symbols, index = written
    other = index.copy()
    other.flat[3] += 1
    assert outcome(data, tables, (data, checksum, symbols, other)) == "refused"
