"""BMP: the sizes of all headers, and complete pixels."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from denoiser.errors import UnreadableImage
from denoiser.imageio.containers import bmp

Encode = Callable[..., bytes]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("size", [(64, 48), (1, 1), (33, 5)])
def test_complete_files_pass_and_truncated_ones_do_not(encode: Encode, mode: str, size: tuple[int, int]) -> None:
    encoded = encode("bmp", mode, size, dpi=(300, 300))
    bmp.check_whole(encoded)
    found = bmp.inspect(encoded)
    assert (found.width, found.height, found.bits) == (*size, 1 if mode == "1" else 8)
    assert found.metadata.resolution == pytest.approx((300, 300), abs=0.02) and found.notes == ()
    for length in range(0, len(encoded), max(1, len(encoded) // 50)):
        with pytest.raises(UnreadableImage, match=r"truncated|not a BMP"):
            bmp.check_whole(encoded[:length])


def _header(width: int, height: int, bits: int = 24, compression: int = 0, size: int = 0) -> bytes:
    return struct.pack("<2sIHHI", b"BM", 0, 0, 0, 54) + struct.pack(
        "<IiiHHIIiiII", 40, width, height, 1, bits, compression, size, 0, 0, 0, 0
    )


def test_rows_from_the_top_and_the_oldest_header() -> None:
    assert bmp.inspect(_header(3, -5) + bytes(60)).height == 5
    old = struct.pack("<2sIHHI", b"BM", 0, 0, 0, 26) + struct.pack("<IHHHH", 12, 3, 5, 1, 24) + bytes(60)
    bmp.check_whole(old)
    assert (bmp.inspect(old).width, bmp.inspect(old).height) == (3, 5)


def test_a_profile_in_the_newest_header_is_read() -> None:
    header = bytearray(struct.pack("<2sIHHI", b"BM", 0, 0, 0, 138) + bytes(124))
    struct.pack_into("<IiiHH", header, 14, 124, 1, 1, 1, 24)
    struct.pack_into("<I", header, 14 + 56, 0x4D424544)
    struct.pack_into("<II", header, 14 + 112, 128, 7)
    assert bmp.inspect(bytes(header) + bytes(4) + b"profile").profile == b"profile"
    assert bmp.inspect(bytes(header) + bytes(4) + b"profil").profile is None


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (_header(0, 1), "an unknown image type"),
        (_header(1, 0), "an unknown image type"),
        (_header(2**31 - 1, 2**31 - 1), "truncated: 0 of"),
        (_header(1, 1, bits=7), "an unknown image type"),
        (_header(1, 1, compression=5) + bytes(9), "unsupported compression 5"),
        (_header(1, 1, 8, compression=1) + bytes(9), "without data"),
        (_header(1, 1, 8, compression=1, size=10) + bytes(9), "truncated: 9 of 10"),
        (_header(1, 1)[:10] + struct.pack("<I", 20) + _header(1, 1)[14:] + bytes(9), "overlap its header"),
        (_header(1, 1)[:14] + struct.pack("<I", 5000) + bytes(100), "impossible length"),
    ],
)
def test_a_broken_structure_is_named(file: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImage, match=reason):
        bmp.check_whole(file)
