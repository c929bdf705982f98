"""Each MUST of docs/format.md is broken by a file made for it, and the file is refused by name.

The files are put together by hand, in tests/reference.
"""

from __future__ import annotations

import itertools
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from reference_latent_file import NO_LATENTS, TILE, TILES, Chunks, attacks, chunk, file, header, refused
from reference_range_coder import ReferenceEncoder

from denoiser.codec import container, exact
from denoiser.codec.entropy import tables as builders
from denoiser.codec.entropy.symbols import SymbolDecoder, SymbolEncoder
from denoiser.codec.entropy.tables import CodingTables
from denoiser.errors import DamagedLatent, ImageTooLarge, NewerLatent, UnsupportedFormat
from denoiser.image import Image


def exactly(picture: Image | None = None, codec: int = 0) -> bytes:
    kept = exact.encode(picture or Image(np.zeros((60, 130, 3), np.uint8)))
    return bytes([codec or {"webp": 1, "png": 2}[kept.codec]]) + kept.data


def test_the_files_are_sound_before_they_are_attacked() -> None:
    latent = container.read_bytes(file(), "a.dlf")
    assert (latent.width, latent.height, latent.step, len(latent.tiles)) == (130, 60, 20, 2)
    assert container.write(latent) == file(), "what is put together by hand is what the writer writes"
    assert container.read_bytes(file([(b"EXAC", exactly())], **NO_LATENTS), "a.dlf").is_exact


# --- header -------------------------------------------------------------------------------------------------------


@attacks(1)
@pytest.mark.parametrize(
    "magic", [b"\x89DLG\r\n\x1a\n", b"\x09DLF\r\n\x1a\n", b"\x89DLF\n\x1a\n\n", b"\x89PNG\r\n\x1a\n"]
)
def test_another_magic(magic: bytes) -> None:
    refused(file(magic=magic), "is not a latent file", UnsupportedFormat)


@attacks(2)
def test_other_versions() -> None:
    for version in (2, 255):
        refused(file(version=version), f"format version {version}", NewerLatent)
    refused(file(version=0), "header")


@attacks(3)
@pytest.mark.parametrize("place", range(9, 36))
def test_a_header_that_was_changed(place: int) -> None:
    data = bytearray(file())
    data[place] ^= 1
    refused(bytes(data), "header checksum does not match")


@attacks(4)
def test_another_coder() -> None:
    refused(file(coder=2), "coder version 2", NewerLatent)


@attacks(5)
@pytest.mark.parametrize("flags", [4, 8, 16, 32, 64, 128])
def test_flags_of_the_future(flags: int) -> None:
    refused(file(flags=flags), "flags", NewerLatent)


@attacks(6)
@pytest.mark.parametrize("sides", [(0, 60), (130, 0), (1 << 31, 1), (1, (1 << 32) - 1)])
def test_sides_that_no_picture_has(sides: tuple[int, int]) -> None:
    refused(file(width=sides[0], height=sides[1]), "invalid size of")


@attacks(7)
@pytest.mark.parametrize("sides", [(10_000_001, 1), (4000, 2501), ((1 << 31) - 1, (1 << 31) - 1)])
def test_more_pixels_than_the_limit(sides: tuple[int, int]) -> None:
    refused(file(width=sides[0], height=sides[1]), "more than the limit of 10,000,000", ImageTooLarge)


@attacks(8)
@pytest.mark.parametrize(
    "changes", [{"channels": n} for n in (0, 2, 4, 255)] + [{"bits": n} for n in (0, 17, 31, 33)]
)
def test_channels_and_bits_that_no_picture_has(changes: dict[str, int]) -> None:
    refused(file(**changes), "channels with")


@attacks(9)
def test_a_step_beyond_the_last() -> None:
    refused(file(step=64), "quality step 64")


# --- tiles --------------------------------------------------------------------------------------------------------


@attacks(10)
@pytest.mark.parametrize("sides", [(0, 1), (2, 0)])
def test_tiles_without_a_side(sides: tuple[int, int]) -> None:
    refused(file(across=sides[0], down=sides[1]), "invalid tile side")


@attacks(10)
def test_tiles_too_large_to_decode() -> None:
    refused(file(width=3000, height=3000, across=33, down=16), "too large")


@attacks(10)
def test_more_tiles_than_any_picture_needs() -> None:
    data = file([(b"TILE", TILE)] * 8281, width=64 * 91, height=64 * 91, across=1, down=1)
    with pytest.raises(DamagedLatent, match="8281 tiles, more than 8192"):
        container.read_bytes(data, "attack.dlf")


@attacks(11)
@pytest.mark.parametrize("sides", [(4, 1), (2, 2)])
def test_tiles_larger_than_the_picture(sides: tuple[int, int]) -> None:
    refused(file(across=sides[0], down=sides[1]), "for an image of")


@attacks(12)
def test_more_tiles_than_the_file_can_hold() -> None:
    refused(file(width=3000, height=3000, across=1, down=1), "cannot contain 2209 tiles")


# --- chunks -------------------------------------------------------------------------------------------------------


@attacks(13)
@pytest.mark.parametrize("size", [7, 100, (1 << 32) - 1])
def test_a_chunk_beyond_the_end(size: int) -> None:
    refused(
        file([], done=False, width=1, height=1, across=1) + b"TILE" + struct.pack(">I", size) + b"abcdef",
        "truncated",
    )


@attacks(14)
@pytest.mark.parametrize("place", [36, 40, 44, 50, 55])
def test_a_chunk_that_was_changed(place: int) -> None:
    data = bytearray(file())
    data[place] ^= 0x20
    refused(bytes(data), "checksum|truncated")


@attacks(15)
@pytest.mark.parametrize("kind", [b"\0\0\0\0", b"ab1d", b"ab d", b"\xe4bcd"])
def test_a_type_that_is_no_word(kind: bytes) -> None:
    refused(file([(kind, b"x"), *TILES]), "not four letters")


@attacks(16)
def test_a_chunk_of_the_future() -> None:
    refused(file([(b"NEWS", b"x"), *TILES]), "needs the unknown chunk NEWS", NewerLatent)
    latent = container.read_bytes(file([(b"news", b"x"), *TILES, (b"mORE", b"y")]), "a.dlf")
    assert latent.passed_over == ("news", "mORE")


@attacks(17)
def test_too_many_chunks_of_the_future() -> None:
    refused(file([(b"news", b"x")] * 65 + TILES), "more than 64 unknown chunks")
    assert len(container.read_bytes(file([(b"news", b"x")] * 64 + TILES), "a.dlf").passed_over) == 64


ORDERED = b"ICCP cicp reso orig exif xmpp iptc note pngc phot jpgt nois thmb".split()
PAYLOADS = {
    b"cicp": b"\x0c\x0d\0\1",
    b"reso": struct.pack(">dd", 72, 72),
    b"orig": b"\1\5\1",
    b"jpgt": b"\x5f\x03\x22\x11\x11",
    b"nois": bytes(154),
}


@attacks(18)
@pytest.mark.parametrize(("one", "two"), [*itertools.pairwise(ORDERED), *((kind, kind) for kind in ORDERED)])
def test_chunks_out_of_order_or_twice(one: bytes, two: bytes) -> None:
    both = [(kind, PAYLOADS.get(kind, b"x")) for kind in (two, one)]
    refused(file([*both, *TILES], flags=2), "duplicate or out of order")
    if one != two:
        assert container.read_bytes(file([*reversed(both), *TILES], flags=2), "a.dlf")


@attacks(18)
@pytest.mark.parametrize("kind", [b"exif", b"ALPH"])
def test_a_chunk_between_or_after_tiles(kind: bytes) -> None:
    for chunks in ([TILES[0], (kind, b"\1RIFF"), TILES[1]], [*TILES, (kind, b"\1RIFF")]):
        refused(file(chunks, flags=1), "duplicate or out of order")


@attacks(19)
@pytest.mark.parametrize("kind", [*ORDERED, b"ALPH", b"TILE", b"EXAC", b"news"])
def test_an_empty_chunk(kind: bytes) -> None:
    refused(file([(kind, b"")]), "is empty")


@attacks(20)
def test_a_file_without_its_end() -> None:
    refused(file(done=False), "the end chunk is missing")
    body = file(done=False)
    for payload in (b"", b"\0" * 4, struct.pack(">I", zlib.crc32(body)) + b"\0"):
        refused(body + chunk(b"DONE", payload), "file checksum does not match")


@attacks(20)
def test_tiles_that_changed_places() -> None:
    """Each chunk is whole: only the checksum over all of them tells."""
    one, two = chunk(b"TILE", TILE + b"1"), chunk(b"TILE", TILE + b"2")
    end = chunk(b"DONE", struct.pack(">I", zlib.crc32(header() + one + two)))
    assert container.read_bytes(header() + one + two + end, "a.dlf")
    refused(header() + two + one + end, "file checksum does not match")


@attacks(21)
@pytest.mark.parametrize("more", [b"\0", b"DONE", chunk(b"exif", b"x"), file()])
def test_something_after_the_end(more: bytes) -> None:
    refused(file() + more, "has data after the end chunk")


@attacks(22)
@pytest.mark.parametrize(
    "payload",
    [struct.pack(">dd", *dots) for dots in ((0, 72), (72, -1), (float("nan"), 1), (1, float("inf")))]
    + [struct.pack(">d", 72), struct.pack(">ddB", 72, 72, 0)],
)
def test_a_resolution_that_is_none(payload: bytes) -> None:
    refused(file([(b"reso", payload), *TILES]), "the resolution")


@attacks(23)
@pytest.mark.parametrize("payload", [b"\1", b"\1\5", b"\1\5\1\0"])
def test_facts_of_another_size(payload: bytes) -> None:
    refused(file([(b"orig", payload), *TILES]), "not have three bytes")


@attacks(24)
@pytest.mark.parametrize("payload", [b"\xff", b"\xc3", b"\xed\xa0\x80"])
def test_a_comment_that_is_no_text(payload: bytes) -> None:
    refused(file([(b"note", payload), *TILES]), "not UTF-8")


@attacks(25)
def test_noise_that_was_not_taken_out() -> None:
    refused(file([(b"nois", bytes(154)), *TILES], flags=0), "corrupt noise model")
    refused(file([(b"nois", bytes(153)), *TILES], flags=2), "noise model of 153 bytes")


@attacks(26)
@pytest.mark.parametrize("chunks", [[], TILES[:1], [*TILES, TILES[0]]])
def test_another_number_of_tiles(chunks: Chunks) -> None:
    refused(file(chunks), "truncated|tiles instead of 2")


@attacks(26)
def test_tiles_and_an_exact_picture() -> None:
    refused(file([*TILES, (b"EXAC", exactly())]), "both a lossless image and latents")


@attacks(27)
@pytest.mark.parametrize(
    ("chunks", "changes"),
    [
        ([], {}),
        (TILES, {}),
        ([(b"EXAC", exactly())], {"step": 1}),
        ([(b"EXAC", exactly())], {"across": 2, "down": 1}),
        ([(b"EXAC", exactly())], {"weights": b"abcdefgh"}),
        ([(b"EXAC", exactly())], {"flags": 2}),
        ([(b"nois", bytes(154)), (b"EXAC", exactly())], {"flags": 2}),
        ([TILES[0], (b"EXAC", exactly())], {}),
        ([(b"ALPH", exactly()), (b"EXAC", exactly())], {"flags": 1}),
    ],
)
def test_an_exact_file_with_parts_of_latents(chunks: Chunks, changes: dict[str, object]) -> None:
    refused(file(chunks, **NO_LATENTS | changes), "lossless image|does not cover|invalid tile side|for an image of")


@attacks(28)
def test_tiles_without_weights() -> None:
    refused(file(weights=bytes(8)), "digest of the weights is missing")


@attacks(29)
def test_alpha_that_is_promised_and_missing_or_the_other_way_round() -> None:
    refused(file(flags=1), "the alpha flag")
    refused(file([(b"ALPH", exactly()), *TILES], flags=0), "the alpha flag")


# --- streams ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tables() -> CodingTables:
    return CodingTables(
        builders.scale_tables(), builders.hyper_tables(np.full((1, 2, 3), 1 / 3), np.zeros(64, int))
    )


@attacks(30)
@pytest.mark.parametrize(
    ("payload", "words"), [(TILE + b"\0", "ends with zeros"), (b"abc", "without the checksum")]
)
def test_a_tile_that_is_no_stream(payload: bytes, words: str) -> None:
    refused(file([TILES[0], (b"TILE", payload)]), words)


@attacks(31)
def test_words_that_no_encoder_wrote(tables: CodingTables) -> None:
    with pytest.raises(DamagedLatent, match="symbol stream is invalid"):
        SymbolDecoder(b"\xff" * 16, tables).take(np.zeros(9, np.uint8))


def stream(*symbols: tuple[int, list[int]]) -> bytes:
    coder = ReferenceEncoder()
    for symbol, counts in symbols:
        coder.encode(symbol, counts)
    return b"".join(word.to_bytes(4, "big") for word in coder.finish()).rstrip(b"\0")


@attacks(32)
@pytest.mark.parametrize("symbol", [0, 1, -2])
def test_an_escape_that_was_not_needed(tables: CodingTables, symbol: int) -> None:
    row, flat = tables.scales.row(0).tolist(), [256] * 256
    data = stream((len(row) - 1, row), ((symbol + 32768) >> 8, flat), ((symbol + 32768) & 255, flat))
    with pytest.raises(DamagedLatent, match="its table contains it"):
        SymbolDecoder(data, tables).take(np.zeros(1, np.uint8))


@attacks(32)
@pytest.mark.parametrize("symbol", [128, -129, 30000])
def test_a_hyper_symbol_beyond_its_range(tables: CodingTables, symbol: int) -> None:
    row, flat = tables.hyper.row(0).tolist(), [256] * 256
    high, low = divmod(symbol + 32768, 256)
    data = stream((len(row) - 1, row), (0, row), (high, flat), (low, flat))
    with pytest.raises(DamagedLatent, match="out of range"):
        SymbolDecoder(data, tables).take_hyper((2, 1, 1), 0)


@attacks(33)
def test_words_after_the_last_symbol(tables: CodingTables) -> None:
    encoder, index = SymbolEncoder(tables), np.full(50, 30, np.uint8)
    encoder.add(np.arange(50) % 5 - 2, index)
    decoder = SymbolDecoder(encoder.finish() + b"abcdefgh", tables)
    decoder.take(index)
    with pytest.raises(DamagedLatent, match="longer than its symbols"):
        decoder.close(encoder.checksum)


@attacks(34)
def test_other_symbols_than_those_of_the_checksum(tables: CodingTables) -> None:
    encoder, index = SymbolEncoder(tables), np.full(50, 30, np.uint8)
    encoder.add(np.arange(50) % 5 - 2, index)
    decoder = SymbolDecoder(encoder.finish(), tables)
    decoder.take(index)
    with pytest.raises(DamagedLatent, match="checksum of the symbols does not match"):
        decoder.close(encoder.checksum ^ 1)


# --- lossless images ---------------------------------------------------------------------------------------------


def opened(payload: bytes, **changes: object) -> Image:
    latent = container.read_bytes(file([(b"EXAC", payload)], **NO_LATENTS | changes), "a.dlf")
    assert latent.exact is not None
    return exact.decode(
        latent.exact,
        latent.width,
        latent.height,
        channels=latent.channels,
        bits=latent.bits,
        has_alpha=latent.has_alpha,
    )


@attacks(35)
@pytest.mark.parametrize("codec", [0, 3, 255])
def test_a_coder_of_the_future(codec: int) -> None:
    payload = bytes([codec]) + exactly()[1:]
    refused(file([(b"EXAC", payload)], **NO_LATENTS), f"of unknown coder {codec}", NewerLatent)
    refused(file([(b"ALPH", payload), *TILES], flags=1), f"of unknown coder {codec}", NewerLatent)


@attacks(36)
@pytest.mark.parametrize("payload", [b"\1", b"\2", exactly(codec=2), b"\1II*\0", b"\2BM"])
def test_a_picture_by_another_coder_than_it_says(payload: bytes) -> None:
    refused(file([(b"EXAC", payload)], **NO_LATENTS), "the lossless image is not")


@attacks(37)
@pytest.mark.parametrize("changes", [{"width": 129}, {"height": 61}, {"channels": 1}, {"width": 60, "height": 130}])
def test_an_exact_picture_of_another_kind(changes: dict[str, int]) -> None:
    varied = Image(np.arange(130 * 60 * 3, dtype=np.uint32).reshape(60, 130, 3).astype(np.uint8))
    assert opened(exactly(varied)).width == 130
    with pytest.raises(DamagedLatent):
        opened(exactly(varied), **changes)


@attacks(37)
def test_an_exact_picture_that_is_cut_or_lacks_its_alpha() -> None:
    for size in (10, 20, len(exactly()) - 1):
        with pytest.raises(DamagedLatent):
            opened(exactly()[:size])
    deep = Image(np.zeros((60, 130, 3), np.uint16))
    with pytest.raises(DamagedLatent, match="wrong number of channels"):
        opened(exactly(deep), bits=16, flags=1)


@attacks(38)
@pytest.mark.parametrize("bits", [1, 7, 9, 16])
def test_values_beyond_the_bits(bits: int) -> None:
    white = Image(np.full((60, 130, 3), 255, np.uint8))
    with pytest.raises(DamagedLatent, match=f"not have {bits} bits"):
        opened(exactly(white), bits=bits)


@attacks(38)
def test_exact_float() -> None:
    refused(file([(b"EXAC", exactly())], **NO_LATENTS, bits=32), "float")


@attacks(39)
@pytest.mark.parametrize("payload", [b"\x09", b"\x09\x10\0\1\0", b"\x09\x10\x09\1", b"\x09\x10\0\2"])
def test_code_points_that_are_not_of_rgb(payload: bytes) -> None:
    refused(file([(b"cicp", payload), *TILES]), "code points")
    latent = container.read_bytes(file([(b"cicp", b"\x09\x10\0\1"), *TILES]), "a.dlf")
    assert latent.cicp == (9, 16, 0, True)
    assert container.write(latent) == file([(b"cicp", b"\x09\x10\0\1"), *TILES])


# --- the page -----------------------------------------------------------------------------------------------------


def test_every_must_of_the_page_has_its_attack(pytestconfig: pytest.Config) -> None:
    page = Path(pytestconfig.rootpath, "docs", "format.md").read_text("utf-8")
    items = dict(re.findall(r"^(\d+)\. ((?:.|\n(?!\d+\. |\n))*)", page, re.MULTILINE))
    assert [int(number) for number in items] == list(range(1, len(items) + 1))
    assert all("MUST" in text for text in items.values())
    prose = re.sub(r"^(\d+)\. ((?:.|\n(?!\d+\. |\n))*)", "", page, flags=re.MULTILINE)
    assert prose.count("MUST") == 1, "outside of the numbered lines only the first paragraph says the word"
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert set(items) == set(re.findall(r"^@attacks\((\d+)\)", tests, re.MULTILINE))
