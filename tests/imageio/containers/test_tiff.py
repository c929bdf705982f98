"""TIFF: pages, size, metadata, hidden content, completeness and checksums."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image
import PIL.TiffImagePlugin
import pytest
import tifffile
from PIL import Image as PillowImage

from denoiser import imageio
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
def test_a_file_without_metadata_has_only_its_size(encode: Encode, mode: str, bits: int) -> None:
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


def test_pages_are_counted_without_reduced_images_and_masks() -> None:
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
    assert [tiff.byte_order_wanted(Metadata(exif=build_exif(order))) for order in "<>"] == ["little", "big"]
    assert tiff.byte_order_wanted(Metadata()) == "little"


@pytest.mark.parametrize(
    ("file", "reason"),
    [(b"II*\0\0\0\0\0", "without an image"), (b"II*\0\x08\0\0\0", "truncated"), (b"GIF89a", "begin with II or MM")],
)
def test_a_broken_structure_is_named(file: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImage, match=reason):
        tiff.inspect(file)


PACKED = ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"]


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK"])
@pytest.mark.parametrize("compression", PACKED)
@pytest.mark.parametrize("size", [(64, 48), (1, 1), (17, 333)])
def test_complete_files_pass(encode: Encode, mode: str, compression: str, size: tuple[int, int]) -> None:
    if (mode, compression) == ("RGBA", "jpeg"):
        mode = "RGB"
    tiff.check_whole(encode("tiff", mode, size, compression=compression))


@pytest.mark.parametrize("compression", PACKED)
def test_truncated_files_are_rejected(encode: Encode, compression: str) -> None:
    encoded = encode("tiff", compression=compression)
    for length in range(0, len(encoded) - 1, max(1, len(encoded) // 60)):
        with pytest.raises(UnreadableImage, match="truncated"):
            tiff.check_whole(encoded[:length])


def _page(tags: dict[int, int | tuple[int, ...]], data: bytes = b"", order: str = "<") -> bytes:
    """One page; lists of numbers and the data stand behind it. An offset of 0 means where the data begin."""
    lists_at = 8 + 6 + 12 * len(tags)
    lists = b"".join(struct.pack(f"{order}{len(v)}I", *v) for v in tags.values() if isinstance(v, tuple))
    rows = b""
    at = lists_at
    for tag, value in tags.items():
        if isinstance(value, tuple):
            rows += struct.pack(order + "HHII", tag, 4, len(value), at)
            at += 4 * len(value)
        else:
            rows += struct.pack(order + "HHII", tag, 4, 1, value or lists_at + len(lists))
    head = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "HIH", 42, 8, len(tags))
    return head + rows + bytes(4) + lists + data


def _strips(**changed: int | tuple[int, ...] | None) -> dict[int, int | tuple[int, ...]]:
    names = {"width": 256, "height": 257, "bits": 258, "packing": 259, "strips": 273, "samples": 277}
    names |= {"rows": 278, "sizes": 279, "planes": 284}
    tags: dict[str, int | tuple[int, ...] | None] = {"width": 4, "height": 4, "bits": 8, "packing": 1}
    tags |= {"strips": 0, "samples": 1, "rows": 4, "sizes": 16} | changed
    return {names[name]: value for name, value in tags.items() if value is not None}


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_page_by_hand_passes(order: str) -> None:
    tiff.check_whole(_page(_strips(), bytes(16), order))
    tiff.check_whole(_page(_strips(sizes=None), bytes(16), order))
    tiff.check_whole(_page(_strips(rows=3, strips=(8, 8), sizes=(12, 4)), bytes(16), order))
    tiff.check_whole(_page(_strips(samples=3, planes=2, strips=(8,) * 3, sizes=(16,) * 3), bytes(16), order))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"width": None}, "valid size"),
        ({"height": 2**31}, "valid size"),
        ({"strips": None}, "without image data"),
        ({"sizes": 17}, "beyond the end of the file"),
        ({"strips": 10**6}, "beyond the end of the file"),
        ({"sizes": 15}, "shorter than its rows"),
        ({"bits": 16}, "shorter than its rows"),
        ({"rows": 2}, "1 of 2 strips are listed"),
        ({"rows": 1, "strips": (8,) * 4, "sizes": (4,) * 3}, "3 of 4 strips are listed"),
        ({"samples": 3, "planes": 2}, "1 of 3 strips are listed"),
        ({"sizes": None, "packing": 5}, "without strip lengths"),
        ({"height": 2**31 - 1, "rows": 1}, "more strips than any image needs"),
    ],
)
def test_a_page_that_lacks_something_is_named(changed: dict[str, int | None], reason: str) -> None:
    with pytest.raises(UnreadableImage, match=reason):
        tiff.check_whole(_page(_strips(**changed), bytes(16)))


def test_tiles() -> None:
    tags: dict[int, int | tuple[int, ...]] = {256: 20, 257: 20, 258: 8, 259: 1, 277: 1, 322: 16, 323: 16}
    whole = tags | {324: (8,) * 4, 325: (256,) * 4}
    tiff.check_whole(_page(whole, bytes(512)))
    for broken, reason in (
        (tags | {324: (8,) * 3, 325: (256,) * 3}, "3 of 4"),
        (tags | {324: (8,) * 4, 325: (255,) * 4}, "shorter than"),
        (whole | {322: 2**20, 323: 2**20, 324: 8, 325: 4}, "shorter than"),
        ({t: v for t, v in whole.items() if t != 322}, "without a size"),
    ):
        with pytest.raises(UnreadableImage, match=reason):
            tiff.check_whole(_page(broken, bytes(512)))


def test_a_truncated_second_page_is_an_error() -> None:
    file = io.BytesIO()
    pages = [PIL.Image.new("L", (100, 100), shade) for shade in (0, 200)]
    pages[0].save(file, "tiff", save_all=True, append_images=pages[1:])
    whole = file.getvalue()
    tiff.check_whole(whole)
    with pytest.raises(UnreadableImage):
        tiff.check_whole(whole[:-5000])


Array = np.ndarray[Any, Any]


def deflated(photo: Array, **words: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, photo, compression="zlib", photometric="rgb", **words)
    return file.getvalue()


@pytest.mark.parametrize("words", [{}, {"predictor": True}, {"tile": (32, 48)}, {"rowsperstrip": 7}])
def test_intact_checksums_pass(photo: Array, words: dict[str, Any]) -> None:
    assert np.array_equal(imageio.read_bytes(deflated(photo, **words), "a.tif").pixels, photo)


def test_other_compressions_are_not_checked(photo: Array) -> None:
    for compression in ("raw", "tiff_lzw"):
        file = io.BytesIO()
        PillowImage.fromarray(photo).save(file, "TIFF", compression=compression)
        tiff.check_checksums(file.getvalue(), photo.nbytes)


@pytest.mark.parametrize("tile", [None, (32, 32)])
def test_no_changed_byte_of_the_data_passes(photo: Array, tile: tuple[int, int] | None) -> None:
    whole = deflated(photo, tile=tile)
    page = tifffile.TiffFile(io.BytesIO(whole)).pages[0]
    rng = random.Random(3)
    for _ in range(150):
        place, size = rng.choice(list(zip(page.dataoffsets, page.databytecounts, strict=True)))
        damaged = bytearray(whole)
        damaged[place + rng.randrange(size)] ^= 1 << rng.randrange(8)
        with pytest.raises(UnreadableImage):
            imageio.read_bytes(bytes(damaged), "a.tif")


def test_a_bomb_is_not_unpacked_to_its_end(photo: Array) -> None:
    bomb = deflated(np.zeros((3000, 3000, 3), np.uint8), rowsperstrip=3000)
    damaged = bytearray(bomb)
    damaged[-200:] = bytes(200)  # the sum lies far beyond what a small picture can need
    tiff.check_checksums(bytes(damaged), image_bytes=1000)
