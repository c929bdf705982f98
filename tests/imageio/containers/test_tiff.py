"""TIFF: pages, size, metadata of the first page, and what is hidden in it."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import PIL.Image
import PIL.TiffImagePlugin
import pytest

from denoiser.errors import UnreadableImage
from denoiser.image import Metadata
from denoiser.imageio.containers import exif, tiff, tiff_blocks

Encode = Callable[..., bytes]


def _pages(*pages: dict[int, int]) -> bytes:
    """A TIFF of pages that consist of their tags alone."""
    file, at = bytearray(b"II*\0\x08\0\0\0"), 8
    for number, tags in enumerate(pages):
        at += 6 + 12 * len(tags)
        file += struct.pack("<H", len(tags))
        file += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
        file += struct.pack("<I", at if number + 1 < len(pages) else 0)
    return bytes(file)


@pytest.mark.parametrize(("mode", "bits"), [("1", 1), ("L", 8), ("I;16", 16), ("RGB", 8), ("F", 32)])
def test_a_bare_file_holds_its_size_and_nothing_else(encode: Encode, mode: str, bits: int) -> None:
    found = tiff.inspect(encode("tiff", mode))
    assert (found.width, found.height, found.bits, found.frames, found.orientation) == (64, 48, bits, 1, 1)
    assert found.metadata == Metadata() and found.profile is None and found.hidden == ()


def test_metadata_that_another_program_wrote(encode: Encode, xmp_packet: bytes, iptc_records: bytes) -> None:
    tags = PIL.TiffImagePlugin.ImageFileDirectory_v2()
    tags[270], tags[274], tags[315], tags[700], tags[33723] = "a title", 8, "someone", xmp_packet, iptc_records
    tags.tagtype[33723] = 7
    found = tiff.inspect(encode("tiff", tiffinfo=tags, icc_profile=b"profile", dpi=(300, 300)))
    assert found.orientation == 8 and found.profile == b"profile"
    assert (found.metadata.xmp, found.metadata.iptc) == (xmp_packet, iptc_records)
    assert found.metadata.resolution == (300.0, 300.0)
    assert exif.summary(found.metadata.exif)["artist"] == "someone" and exif.orientation(found.metadata.exif) == 8


def test_pages_are_counted_without_reduced_pictures_and_masks() -> None:
    page = {256: 8, 257: 8}
    assert tiff.inspect(_pages(page)).frames == 1
    assert tiff.inspect(_pages(page, page, page)).frames == 3
    assert tiff.inspect(_pages(page, page | {254: 1}, page | {255: 2})).frames == 1
    masked = tiff.inspect(_pages(page, page | {254: 4}))
    assert masked.frames == 1 and masked.hidden == ("transparency mask",)


def test_pages_of_an_encoder() -> None:
    file = io.BytesIO()
    pages = [PIL.Image.new("L", (8, 8), shade) for shade in (0, 100, 200)]
    pages[0].save(file, "tiff", save_all=True, append_images=pages[1:])
    assert tiff.inspect(file.getvalue()).frames == 3


def test_photoshops_layers_paths_and_records(iptc_records: bytes) -> None:
    resources = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc_records)) + iptc_records
    resources += bytes(len(iptc_records) % 2) + b"8BIM\x07\xd0\0\0\0\0\0\2ab"
    page = _pages({256: 8, 257: 8, 34377: 0, 37724: 0})
    slot = page.index(struct.pack("<HH", 34377, 4))
    page = page[:slot] + struct.pack("<HHII", 34377, 7, len(resources), len(page)) + page[slot + 12 :] + resources
    found = tiff.inspect(page)
    assert found.hidden == ("Photoshop layers", "clipping paths") and found.metadata.iptc == iptc_records


def test_raw_files_give_their_metadata_and_leave_the_rest_to_the_decoder(
    encode: Encode, build_exif: Callable[..., bytes], follow_note: Callable[[bytes], bytes]
) -> None:
    raw = tiff_blocks.embed(encode("tiff"), Metadata(exif=build_exif()), None)
    found = tiff.inspect_raw(raw)
    assert found.orientation == 6 and found.metadata.exif and follow_note(found.metadata.exif) == b"shutters"
    assert (found.width, found.frames) == (0, 1)
    assert "vendor-specific layout" in tiff.inspect_raw(b"FUJIFILMCCD-RAW 0201").notes[0]


def test_a_lost_description_is_noted(encode: Encode) -> None:
    page = _pages({256: 8, 257: 8, 315: 8})
    slot = page.index(struct.pack("<HH", 315, 4))
    found = tiff.inspect(page[:slot] + struct.pack("<HHII", 315, 2, 100, 10**6) + page[slot + 12 :])
    assert found.notes == ("tags 315 are beyond the end or invalid, and were removed",)


def test_byte_order_follows_the_block(build_exif: Callable[..., bytes]) -> None:
    assert [tiff.byte_order_wanted(Metadata(exif=build_exif(order))) for order in "<>"] == ["<", ">"]
    assert tiff.byte_order_wanted(Metadata()) == "<"


@pytest.mark.parametrize(
    ("file", "reason"),
    [(b"II*\0\0\0\0\0", "without an image"), (b"II*\0\x08\0\0\0", "truncated"), (b"GIF89a", "begin with II or MM")],
)
def test_a_broken_structure_is_named(file: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImage, match=reason):
        tiff.inspect(file)
