"""Strips and tiles are all there, or the file is not whole."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import PIL.Image
import pytest

from denoiser.errors import UnreadableImage
from denoiser.imageio.containers import tiff_strips

Encode = Callable[..., bytes]
PACKED = ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"]


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK"])
@pytest.mark.parametrize("compression", PACKED)
@pytest.mark.parametrize("size", [(64, 48), (1, 1), (17, 333)])
def test_whole_files_pass(encode: Encode, mode: str, compression: str, size: tuple[int, int]) -> None:
    if (mode, compression) == ("RGBA", "jpeg"):
        mode = "RGB"
    tiff_strips.check_whole(encode("tiff", mode, size, compression=compression))


@pytest.mark.parametrize("compression", PACKED)
def test_every_cut_is_seen(encode: Encode, compression: str) -> None:
    encoded = encode("tiff", compression=compression)
    for length in range(0, len(encoded) - 1, max(1, len(encoded) // 60)):
        with pytest.raises(UnreadableImage, match="truncated"):
            tiff_strips.check_whole(encoded[:length])


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
    tiff_strips.check_whole(_page(_strips(), bytes(16), order))
    tiff_strips.check_whole(_page(_strips(sizes=None), bytes(16), order))
    tiff_strips.check_whole(_page(_strips(rows=3, strips=(8, 8), sizes=(12, 4)), bytes(16), order))
    tiff_strips.check_whole(_page(_strips(samples=3, planes=2, strips=(8,) * 3, sizes=(16,) * 3), bytes(16), order))


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
        tiff_strips.check_whole(_page(_strips(**changed), bytes(16)))


def test_tiles() -> None:
    tags: dict[int, int | tuple[int, ...]] = {256: 20, 257: 20, 258: 8, 259: 1, 277: 1, 322: 16, 323: 16}
    whole = tags | {324: (8,) * 4, 325: (256,) * 4}
    tiff_strips.check_whole(_page(whole, bytes(512)))
    for broken, reason in (
        (tags | {324: (8,) * 3, 325: (256,) * 3}, "3 of 4"),
        (tags | {324: (8,) * 4, 325: (255,) * 4}, "shorter than"),
        (whole | {322: 2**20, 323: 2**20, 324: 8, 325: 4}, "shorter than"),
        ({t: v for t, v in whole.items() if t != 322}, "without a size"),
    ):
        with pytest.raises(UnreadableImage, match=reason):
            tiff_strips.check_whole(_page(broken, bytes(512)))


def test_a_second_page_that_is_cut_is_seen() -> None:
    file = io.BytesIO()
    pages = [PIL.Image.new("L", (100, 100), shade) for shade in (0, 200)]
    pages[0].save(file, "tiff", save_all=True, append_images=pages[1:])
    whole = file.getvalue()
    tiff_strips.check_whole(whole)
    with pytest.raises(UnreadableImage):
        tiff_strips.check_whole(whole[:-5000])
