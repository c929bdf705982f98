"""PNG: content of chunks, and corrupt files."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from xml.etree import ElementTree

import PIL.Image
import PIL.PngImagePlugin
import pytest

from denoiser.errors import UnreadableImage
from denoiser.image import Metadata
from denoiser.imageio import containers
from denoiser.imageio.containers import png

Encode = Callable[..., bytes]


def _chunk(name: bytes, block: bytes) -> bytes:
    return struct.pack(">I", len(block)) + name + block + struct.pack(">I", zlib.crc32(name + block))


def _with(encoded: bytes, *chunks: bytes) -> bytes:
    return encoded[:33] + b"".join(chunks) + encoded[33:]


def _bare(width: int, height: int, bits: int, colour: int, rows: bytes, interlace: int = 0) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlace)
    palette = _chunk(b"PLTE", bytes(3)) if colour == 3 else b""
    return (
        png.SIGNATURE
        + _chunk(b"IHDR", header)
        + palette
        + _chunk(b"IDAT", zlib.compress(rows))
        + _chunk(b"IEND", b"")
    )


def test_a_file_without_metadata_has_only_its_size(encode: Encode) -> None:
    found = png.inspect(encode("png"))
    assert (found.width, found.height, found.bits, found.frames) == (64, 48, 8, 1)
    assert found.metadata == Metadata() and found.profile is None and found.hidden == () and found.notes == ()


@pytest.mark.parametrize(("bits", "colour"), [(1, 0), (2, 3), (16, 0), (16, 2), (8, 4), (16, 6)])
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (9, 8), (8, 1)])
@pytest.mark.parametrize("interlace", [0, 1])
def test_the_length_of_the_image_data_is_computed(
    bits: int, colour: int, size: tuple[int, int], interlace: int
) -> None:
    header = png.PngHeader(*size, bits, colour, bool(interlace))
    whole = _bare(*size, bits, colour, bytes(png.image_bytes(header)), interlace)
    png.check_whole(whole)
    PIL.Image.open(io.BytesIO(whole)).load()
    short = _bare(*size, bits, colour, bytes(png.image_bytes(header) - 1), interlace)
    with pytest.raises(UnreadableImage, match="bytes of image data"):
        png.check_whole(short)
    with pytest.raises(UnreadableImage, match="more image data"):
        png.check_whole(_bare(*size, bits, colour, bytes(png.image_bytes(header) + 1), interlace))


def test_truncation_and_every_changed_byte_are_errors(encode: Encode) -> None:
    encoded = encode("png", size=(16, 12))
    for at in range(len(encoded)):
        with pytest.raises(UnreadableImage):
            png.check_whole(encoded[:at])
        with pytest.raises(UnreadableImage):
            png.check_whole(encoded[:at] + bytes([encoded[at] ^ 0x55]) + encoded[at + 1 :])


def test_missing_image_data_are_found_by_the_deep_check(encode: Encode) -> None:
    encoded = encode("png", size=(600, 400))
    pieces = [c for c in png.walk(encoded) if c.name == b"IDAT"]
    assert len(pieces) > 2
    cut = encoded[: pieces[1].at - 8] + encoded[pieces[1].at + pieces[1].size + 4 :]
    png.check_whole(cut, deep=False)  # each chunk for itself is whole
    with pytest.raises(UnreadableImage, match=r"cannot be decompressed|truncated|corrupt"):
        png.check_whole(cut)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (struct.pack(">IIBBBBB", 0, 1, 8, 0, 0, 0, 0), "valid size"),
        (struct.pack(">IIBBBBB", 1, 2**31, 8, 0, 0, 0, 0), "valid size"),
        (struct.pack(">IIBBBBB", 1, 1, 4, 2, 0, 0, 0), "an unknown image type"),
        (struct.pack(">IIBBBBB", 1, 1, 8, 5, 0, 0, 0), "an unknown image type"),
        (struct.pack(">IIBBBBB", 1, 1, 8, 0, 1, 0, 0), "an unknown image type"),
        (struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 2), "an unknown image type"),
    ],
)
def test_a_header_that_describes_nothing_is_named(header: bytes, reason: str) -> None:
    file = png.SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(b"\0\0")) + _chunk(b"IEND", b"")
    for look in (png.inspect, png.check_whole):
        with pytest.raises(UnreadableImage, match=reason):
            look(file)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", "signature"),
        (png.SIGNATURE, "before the IEND"),
        (png.SIGNATURE + _chunk(b"IEND", b""), "begin with its header"),
        (png.SIGNATURE + b"\xff\xff\xff\xffIHDR" + bytes(20), "IHDR chunk extends beyond"),
        (_bare(1, 1, 8, 0, b"\0\0")[:33] + _chunk(b"IEND", b""), "without image data"),
        (_with(_bare(1, 1, 8, 0, b"\0\0"), _chunk(b"IHDR", bytes(13))), "two headers"),
        (_with(_bare(1, 1, 8, 0, b"\0\0"), _chunk(b"IDAT", b""), _chunk(b"tEXt", b"a\0b")), "interrupted"),
        (_bare(1, 1, 8, 3, b"\0\0").replace(_chunk(b"PLTE", bytes(3)), b""), "without its palette"),
        (_with(_bare(1, 1, 8, 0, b"\0\0"), _chunk(b"t3Xt", b"")), "with an invalid name"),
    ],
)
def test_a_broken_structure_is_named(file: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImage, match=reason):
        png.check_whole(file)


def test_blocks_as_other_programs_write_them(
    encode: Encode, build_exif: Callable[..., bytes], iptc_records: bytes
) -> None:
    block = build_exif()
    as_hex = b"\nexif\n%8d\n%s\n" % (len(block) + 6, (b"Exif\0\0" + block).hex().encode())
    records = b"\niptc\n%8d\n%s\n" % (len(iptc_records), iptc_records.hex().encode())
    found = png.inspect(
        _with(
            encode("png"),
            _chunk(b"zTXt", b"Raw profile type APP1\0\0" + zlib.compress(as_hex)),
            _chunk(b"tEXt", b"Raw profile type iptc\0" + records),
            _chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b"<x/>")),
            _chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"Gr\xfc\xdfe")),
        )
    )
    assert found.metadata == Metadata(block, b"<x/>", iptc_records, "Grüße", (240.0, 240.0))
    assert found.orientation == 6


@pytest.mark.parametrize("per_metre", [2834, 2835, 3780, 11811, 11812, 23622, 1])
def test_density_per_metre(encode: Encode, per_metre: int) -> None:
    found = png.inspect(_with(encode("png"), _chunk(b"pHYs", struct.pack(">IIB", per_metre, per_metre, 1))))
    assert found.metadata.resolution is not None
    assert round(found.metadata.resolution[0] / 0.0254) == per_metre
    assert found.metadata.resolution[0] == {2835: 72.0, 3780: 96.0, 11811: 300.0}.get(
        per_metre, pytest.approx(per_metre * 0.0254, abs=0.02)
    )


def test_an_animation_is_counted(encode: Encode) -> None:
    file = io.BytesIO()
    frames = [PIL.Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (0, 100, 200)]
    frames[0].save(file, "png", save_all=True, append_images=frames[1:])
    assert png.inspect(file.getvalue()).frames == 3


def test_what_is_not_carried_over_is_named(encode: Encode) -> None:
    found = png.inspect(
        _with(
            encode("png"),
            _chunk(b"cICP", bytes([9, 16, 0, 1])),
            _chunk(b"caBX", b"jumb"),
        )
        + b"trailer"
    )
    assert found.hidden == ("content credentials (C2PA)",)
    assert found.cicp == (9, 16, 0, True)
    assert found.notes == ("7 bytes follow after its end",)


def test_chunks_of_colour_are_carried_and_others_are_not(encode: Encode) -> None:
    colours = _chunk(b"gAMA", struct.pack(">I", 100_000)) + _chunk(b"sBIT", b"\5\6\5")
    found = png.inspect(_with(encode("png"), colours, _chunk(b"bKGD", bytes(6)))).metadata
    assert found.png == colours
    assert png.inspect(png.embed(encode("png"), found, None)).metadata.png == colours
    assert png.only_in_png(found.png) == ["significant bits (sBIT)"]
    for bad in (b"", b"\0\0\0\4gAMA", colours[:-1], b"\xff" * 40, _chunk(b"IDAT", b"x"), _chunk(b"gAMA", b"1")):
        encoded = png.embed(encode("png"), Metadata(png=bad), None)
        png.check_whole(encoded)
        assert (png.inspect(encoded).metadata.png or b"") in (b"", colours[:16])


TEXTS = {
    "Author": _chunk(b"tEXt", b"Author\0J\xf6rg <j@example.com>"),
    "Copyright": _chunk(b"zTXt", b"Copyright\0\0" + zlib.compress(b"\xa9 2024")),
    "Title": _chunk(b"iTXt", "Title\0\0\0en\0Titel\0日本 & co".encode()),
    "Camera": _chunk(b"tEXt", b"Camera\0a camera"),
    "Software": _chunk(b"tEXt", b"Software\0a program"),
}


def test_text_is_carried_from_png_to_png_byte_for_byte(encode: Encode) -> None:
    source = _with(encode("png"), *TEXTS.values(), _chunk(b"tEXt", b"Comment\0mine"))
    found = png.inspect(source).metadata
    assert (found.png, found.comment) == (b"".join(TEXTS.values()), "mine")
    again = png.inspect(png.embed(encode("png"), found, None)).metadata
    assert again == found
    picture = PIL.Image.open(io.BytesIO(png.embed(encode("png"), found, None)))
    picture.load()
    assert picture.text["Author"] == "Jörg <j@example.com>"  # type: ignore[attr-defined]
    assert png.only_in_png(found.png) == ["text (Camera)"]


@pytest.mark.parametrize("format", ["jpeg", "tiff", "webp", "avif"])
def test_author_copyright_and_title_become_xmp_in_other_formats(encode: Encode, format: str) -> None:
    metadata = Metadata(png=b"".join(TEXTS.values()))
    packet = containers.inspect(containers.embed(encode(format), format, metadata, None), format).metadata.xmp
    assert packet is not None
    ns = {"dc": "http://purl.org/dc/elements/1.1/", "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#"}
    tree = ElementTree.fromstring(packet)
    words = [tree.find(f".//dc:{name}//rdf:li", ns) for name in ("creator", "rights", "title")]
    assert [word.text for word in words if word is not None] == ["Jörg <j@example.com>", "© 2024", "日本 & co"]
    own = Metadata(xmp=packet, png=TEXTS["Author"])
    assert containers.inspect(containers.embed(encode(format), format, own, None), format).metadata.xmp == packet
    assert "text (Camera)" in containers.not_carried(format, metadata)


@pytest.mark.parametrize(
    ("mode", "bits", "written"),
    [
        ("RGB", b"\5\6\5", b"\5\6\5"),
        ("RGBA", b"\5\6\5", b"\5\6\5\x08"),
        ("L", b"\5\6\5", None),
        ("L", b"\x09", b"\x08"),
        ("L", b"\0", None),
    ],
)
def test_significant_bits_fit_the_channels_or_are_left_out(
    encode: Encode, mode: str, bits: bytes, written: bytes | None
) -> None:
    encoded = png.embed(encode("png", mode), Metadata(png=_chunk(b"sBIT", bits)), None)
    assert png.inspect(encoded).metadata.png == (written and _chunk(b"sBIT", written))


def test_a_broken_profile_and_a_bomb_are_left_out(encode: Encode) -> None:
    bomb = zlib.compress(bytes(40_000_000))
    found = png.inspect(
        _with(encode("png"), _chunk(b"iCCP", b"x\0\0" + bomb), _chunk(b"zTXt", b"Comment\0\0" + bomb))
    )
    assert found.profile is None and found.metadata.comment is None
    assert found.notes == ("its colour profile is corrupt and was removed",)


def test_every_block_is_preserved_byte_for_byte(encode: Encode, full: Metadata, profile: bytes) -> None:
    bare = encode("png")
    encoded = png.embed(bare, full, profile)
    png.check_whole(encoded)
    found = png.inspect(encoded)
    assert (found.metadata, found.profile, found.orientation) == (full, profile, 6)
    assert encoded.endswith(bare[33:]) and encoded.startswith(bare[:33])
    picture = PIL.Image.open(io.BytesIO(encoded))
    assert picture.info["icc_profile"] == profile and picture.getexif()[271] == "Camera Ltd."
    assert picture.info["xmp"] == full.xmp
    picture.load()


@pytest.mark.parametrize("comment", ["plain", "Grüße", "日本語", "two\nlines"])
def test_comments_of_every_script(encode: Encode, comment: str) -> None:
    assert png.inspect(png.embed(encode("png"), Metadata(comment=comment), None)).metadata.comment == comment


def test_the_encoders_own_blocks_give_way(encode: Encode, profile: bytes) -> None:
    bare = encode("png", icc_profile=b"encoder's", dpi=(72, 72))
    encoded = png.embed(bare, Metadata(resolution=(300.0, 300.0)), profile)
    assert [c.name for c in png.walk(encoded)].count(b"iCCP") == 1
    assert [c.name for c in png.walk(encoded)].count(b"pHYs") == 1
    assert png.inspect(encoded).profile == profile


def test_the_resolution_of_the_encoder_is_removed(encode: Encode) -> None:
    assert png.embed(encode("png", dpi=(72, 72)), Metadata(), None) == encode("png")
