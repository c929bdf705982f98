"""JPEG XL: the header bit by bit, boxes, and truncated files."""

from __future__ import annotations

import importlib.util
import io

import PIL.Image
import pytest

from denoiser.errors import UnreadableImage
from denoiser.image import Metadata
from denoiser.imageio.containers import jxl
from denoiser.imageio.containers.boxes import box


def _codestream(*fields: tuple[int, int]) -> bytes:
    """A header of (value, bits), the lowest bit first."""
    value = at = 0
    for number, bits in fields:
        value |= number << at
        at += bits
    return b"\xff\x0a" + value.to_bytes(at // 8 + 8, "little")


_PLAIN = ((0, 1), (0, 2), (36, 9), (0, 3), (0, 2), (60, 9), (1, 1))  # 61 by 37, all else as usual


def _boxed(*parts: bytes) -> bytes:
    return jxl.SIGNATURE + box(b"ftyp", b"jxl \0\0\0\0jxl ") + b"".join(parts)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (_PLAIN, (61, 37, 8, 1)),
        (((1, 1), (5, 5), (0, 3), (7, 5), (1, 1)), (64, 48, 8, 1)),
        (((1, 1), (5, 5), (3, 3), (1, 1)), (64, 48, 8, 1)),
        (((0, 1), (1, 2), (3999, 13), (4, 3), (1, 1)), (6000, 4000, 8, 1)),
        # orientation 6, no intrinsic size, preview or animation; 16 bits a sample, coded as 1 + 15
        (((1, 1), (0, 5), (1, 3), (0, 1), (1, 1), (5, 3), (0, 3), (0, 1), (3, 2), (15, 6)), (8, 8, 16, 6)),
        # no extra fields; float of 32 bits
        (((1, 1), (0, 5), (1, 3), (0, 1), (0, 1), (1, 1), (0, 2)), (8, 8, 32, 1)),
    ],
)
def test_the_header_is_read_to_its_bits(fields: tuple[tuple[int, int], ...], expected: tuple[int, ...]) -> None:
    for file in (_codestream(*fields), _boxed(box(b"jxlc", _codestream(*fields)))):
        found = jxl.inspect(file)
        assert (found.width, found.height, found.bits, found.orientation) == expected
        jxl.check_whole(file)


def test_blocks_come_back_byte_for_byte(full: Metadata) -> None:
    for bare in (_codestream(*_PLAIN), _boxed(box(b"jxll", b"\x0a"), box(b"jxlc", _codestream(*_PLAIN)))):
        encoded = jxl.embed(bare, full, None)
        jxl.check_whole(encoded)
        found = jxl.inspect(encoded)
        assert (found.metadata.exif, found.metadata.xmp) == (full.exif, full.xmp)
        assert jxl.embed(encoded, full, None) == encoded
        assert jxl.embed(bare, Metadata(), None) == bare


def test_what_is_not_carried_over_is_named() -> None:
    parts = (box(b"jhgm", b""), box(b"jumb", b""), box(b"brob", b"Exif...."))
    found = jxl.inspect(_boxed(*parts, box(b"jxlc", _codestream(*_PLAIN))))
    assert found.hidden == ("gain map", "content credentials (C2PA)", "compressed EXIF")


@pytest.mark.skipif(importlib.util.find_spec("pillow_jxl") is None, reason="the extra jxl is not installed")
def test_compressed_metadata_are_read(full: Metadata) -> None:
    import pillow_jxl  # noqa: F401 - registers the format with Pillow

    file = io.BytesIO()
    PIL.Image.new("RGB", (61, 37)).save(file, "jxl", exif=full.exif, xmp=full.xmp, compress_metadata=True)
    assert b"brob" in file.getvalue() and full.exif not in file.getvalue()
    found = jxl.inspect(file.getvalue())
    assert (found.metadata.exif, found.metadata.xmp, found.hidden) == (full.exif, full.xmp, ())


def test_a_brotli_bomb_is_left_out() -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    bomb = bytes(imagecodecs.brotli_encode(bytes(40_000_000), level=1))
    for stream in (bomb, b"nonsense", b""):
        found = jxl.inspect(_boxed(box(b"brob", b"xml " + stream), box(b"jxlc", _codestream(*_PLAIN))))
        assert (found.metadata.xmp, found.hidden) == (None, ("compressed XMP",))


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", "signature"),
        (jxl.SIGNATURE, "last part"),
        (_boxed(box(b"jxlc", b"")), "last part"),
        (_boxed(box(b"jxlp", b"\0\0\0\0\xff\x0a")), "last part"),
        (_boxed(box(b"jxlp", b"\0\0\0\0\xff\x0a"))[:-1], "extends beyond"),
    ],
)
def test_a_cut_file_is_named(file: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImage, match=reason):
        jxl.check_whole(file)


def test_a_header_that_is_none_is_named() -> None:
    for file, reason in (
        (_boxed(box(b"jxlc", b"abc")), "no valid header"),
        (b"\xff\x0a", "truncated"),
        (_boxed(), "truncated"),
    ):
        with pytest.raises(UnreadableImage, match=reason):
            jxl.inspect(file)


@pytest.mark.skipif(importlib.util.find_spec("pillow_jxl") is None, reason="the extra jxl is not installed")
def test_an_encoders_files_are_read_and_still_decode(full: Metadata) -> None:
    import pillow_jxl  # noqa: F401 - registers the format with Pillow

    picture = PIL.Image.effect_noise((61, 37), 40)
    file = io.BytesIO()
    picture.save(file, "jxl", lossless=True)
    found = jxl.inspect(file.getvalue())
    assert (found.width, found.height, found.bits) == (61, 37, 8)
    encoded = jxl.embed(file.getvalue(), full, None)
    assert PIL.Image.open(io.BytesIO(encoded)).tobytes() == PIL.Image.open(file).tobytes()
    assert jxl.inspect(encoded).metadata.exif == full.exif
