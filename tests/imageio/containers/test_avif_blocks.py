"""Metadata embedded in an AVIF is preserved, and the coded image is unchanged."""

from __future__ import annotations

import io
from collections.abc import Callable

import PIL.Image
import pytest

from denoiser.errors import UnreadableImage
from denoiser.image import Metadata
from denoiser.imageio.containers import avif_blocks, heif

Encode = Callable[..., bytes]


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_every_block_is_preserved_byte_for_byte(encode: Encode, full: Metadata, profile: bytes, mode: str) -> None:
    bare = encode("avif", mode)
    encoded = avif_blocks.embed(bare, full, profile)
    heif.check_whole(encoded)
    found = heif.inspect(encoded)
    assert (found.metadata.exif, found.metadata.xmp, found.profile) == (full.exif, full.xmp, profile)
    assert found.cicp == heif.inspect(bare).cicp and found.frames == 1
    old, new = (PIL.Image.open(io.BytesIO(data)) for data in (bare, encoded))
    assert new.tobytes() == old.tobytes()
    assert new.info["icc_profile"] == profile and new.info["xmp"] == full.xmp
    assert new.getexif()[271] == "Camera Ltd."


@pytest.mark.parametrize("field", ["exif", "xmp", "profile"])
def test_one_block_alone(encode: Encode, full: Metadata, profile: bytes, field: str) -> None:
    metadata = Metadata(**{field: getattr(full, field)}) if field != "profile" else Metadata()
    given = profile if field == "profile" else None
    encoded = avif_blocks.embed(encode("avif"), metadata, given)
    found = heif.inspect(encoded)
    assert (found.metadata.exif, found.metadata.xmp, found.profile) == (metadata.exif, metadata.xmp, given)
    PIL.Image.open(io.BytesIO(encoded)).load()


def test_the_encoders_own_profile_gives_way(encode: Encode, profile: bytes) -> None:
    encoded = avif_blocks.embed(encode("avif", icc_profile=b"encoder's" * 20), Metadata(), profile)
    assert heif.inspect(encoded).profile == profile and b"encoder's" not in encoded
    PIL.Image.open(io.BytesIO(encoded)).load()


def test_nothing_to_put_in_changes_nothing(encode: Encode) -> None:
    assert avif_blocks.embed(encode("avif"), Metadata(comment="has no place"), None) == encode("avif")


def test_only_a_single_still_image_is_accepted() -> None:
    file = io.BytesIO()
    frames = [PIL.Image.new("RGB", (16, 8), (shade, 0, 0)) for shade in (0, 200)]
    frames[0].save(file, "avif", save_all=True, append_images=frames[1:])
    with pytest.raises(UnreadableImage, match="not a single still"):
        avif_blocks.embed(file.getvalue(), Metadata(xmp=b"<x/>"), None)
