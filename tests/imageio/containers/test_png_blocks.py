"""Blocks that go into a PNG come out of it, and the coded picture stays as it was."""

from __future__ import annotations

import io
from collections.abc import Callable

import PIL.Image
import pytest

from denoiser.image import Metadata
from denoiser.imageio.containers import png, png_blocks

Encode = Callable[..., bytes]


def test_every_block_comes_back_byte_for_byte(encode: Encode, full: Metadata, profile: bytes) -> None:
    bare = encode("png")
    encoded = png_blocks.embed(bare, full, profile)
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
    assert png.inspect(png_blocks.embed(encode("png"), Metadata(comment=comment), None)).metadata.comment == comment


def test_the_encoders_own_blocks_give_way(encode: Encode, profile: bytes) -> None:
    bare = encode("png", icc_profile=b"encoder's", dpi=(72, 72))
    encoded = png_blocks.embed(bare, Metadata(resolution=(300.0, 300.0)), profile)
    assert [c.name for c in png.walk(encoded)].count(b"iCCP") == 1
    assert [c.name for c in png.walk(encoded)].count(b"pHYs") == 1
    assert png.inspect(encoded).profile == profile


def test_a_resolution_that_nobody_gave_is_not_kept(encode: Encode) -> None:
    assert png_blocks.embed(encode("png", dpi=(72, 72)), Metadata(), None) == encode("png")
