"""Exact pictures come back bit for bit, and what is inside a hostile file is not believed."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

from denoiser import imageio
from denoiser.codec import exact
from denoiser.codec.container import Exact
from denoiser.errors import DamagedLatent, UnwritableImage
from denoiser.image import Image


def picture(shape: tuple[int, int], channels: int, bits: int, alpha: str) -> Image:
    dice = np.random.default_rng(bits)
    dtype = np.uint8 if bits <= 8 else np.uint16
    planes = {
        "none": None,
        "varied": dice.integers(0, 1 << bits, shape).astype(dtype),
        "opaque": np.full(shape, (1 << bits) - 1, dtype),
        "clear": np.zeros(shape, dtype),
    }
    pixels = dice.integers(0, 1 << bits, (*shape, channels)).astype(dtype)
    return Image(pixels, alpha=planes[alpha], bits=bits, profile=b"not kept here")


@pytest.mark.parametrize("alpha", ["none", "varied", "opaque", "clear"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("bits", [1, 5, 8, 10, 12, 16])
@pytest.mark.parametrize("shape", [(1, 1), (7, 13)])
def test_every_bit_comes_back(shape: tuple[int, int], channels: int, bits: int, alpha: str) -> None:
    whole = picture(shape, channels, bits, alpha)
    kept = exact.encode(whole)
    assert kept.codec == ("webp" if bits <= 8 else "png")
    found = exact.decode(
        kept, whole.width, whole.height, channels=channels, bits=bits, has_alpha=whole.alpha is not None
    )
    assert (found.bits, found.pixels.dtype) == (bits, whole.pixels.dtype)
    assert np.array_equal(found.pixels, whole.pixels)
    assert (found.alpha is None) == (whole.alpha is None)
    if whole.alpha is not None:
        assert np.array_equal(found.alpha, whole.alpha)


@pytest.mark.parametrize("bits", [1, 8, 10, 16])
def test_a_plane_comes_back(bits: int) -> None:
    plane = picture((9, 5), 1, bits, "varied").alpha
    assert plane is not None
    assert np.array_equal(exact.decode_plane(exact.encode_plane(plane), 5, 9, bits=bits), plane)


def test_what_webp_has_no_room_for_is_a_png() -> None:
    long = Image(np.zeros((1, 16_384, 3), np.uint8))
    kept = exact.encode(long)
    assert kept.codec == "png"
    assert exact.decode(kept, 16_384, 1, channels=3, bits=8, has_alpha=False).pixels.shape == (1, 16_384, 3)


def test_float_is_refused_in_words() -> None:
    with pytest.raises(UnwritableImage, match="has float pixels") as caught:
        exact.encode(Image(np.zeros((2, 2, 3), np.float32)))
    assert "--quality" in caught.value.hint


@pytest.mark.parametrize(
    "changes",
    [{"width": 6}, {"height": 4}, {"channels": 1}, {"bits": 4}, {"bits": 9}, {"bits": 16}, {"has_alpha": False}],
)
def test_another_kind_than_promised_is_refused(changes: dict[str, int]) -> None:
    whole = picture((9, 5), 3, 8, "varied")
    promised = {"width": 5, "height": 9, "channels": 3, "bits": 8, "has_alpha": True} | changes
    width, height = promised.pop("width"), promised.pop("height")
    with pytest.raises(DamagedLatent):
        exact.decode(exact.encode(whole), width, height, **promised)


def test_a_plane_with_alpha_or_colours_is_refused() -> None:
    for whole in (picture((9, 5), 1, 8, "varied"), picture((9, 5), 3, 8, "none")):
        with pytest.raises(DamagedLatent):
            exact.decode_plane(exact.encode(whole), 5, 9, bits=8)


def test_an_alpha_that_is_promised_and_missing_is_refused_in_png() -> None:
    png = exact.encode(picture((9, 5), 3, 16, "none"))
    with pytest.raises(DamagedLatent, match="wrong number of channels"):
        exact.decode(png, 5, 9, channels=3, bits=16, has_alpha=True)


def test_a_bomb_inside_is_refused_by_the_size_outside() -> None:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    with pytest.raises(DamagedLatent, match="more than the limit of 45"):
        exact.decode(Exact("png", bomb), 5, 9, channels=3, bits=8, has_alpha=False)


def test_every_truncation_of_an_exact_picture_is_refused() -> None:
    for whole, bits in ((picture((9, 5), 3, 8, "varied"), 8), (picture((9, 5), 3, 16, "none"), 16)):
        kept = exact.encode(whole)
        for size in range(8, len(kept.data)):
            with pytest.raises(DamagedLatent):
                exact.decode(Exact(kept.codec, kept.data[:size]), 5, 9, channels=3, bits=bits, has_alpha=bits == 8)


def test_a_picture_of_another_format_inside_is_refused() -> None:
    jpeg = imageio.encode(picture((9, 5), 3, 8, "none"), "jpeg")
    with pytest.raises(DamagedLatent):
        Exact("png", jpeg)
