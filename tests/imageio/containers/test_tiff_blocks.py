"""Metadata embedded in a TIFF is preserved, with the maker's note in its place and unchanged pixels."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import numpy as np
import PIL.Image
import pytest
import pyvips
from PIL import ExifTags

from denoiser.errors import UnreadableImage
from denoiser.image import Metadata
from denoiser.imageio.containers import exif, tiff, tiff_blocks

Encode = Callable[..., bytes]
Follow = Callable[[bytes], bytes]


def _directories(block: bytes) -> list[dict[int, object]]:
    seen = PIL.Image.Exif()
    seen.load(block)
    pointers = {0x8769, 0x8825, 0xA005}
    parts = [dict(seen), *(dict(seen.get_ifd(part)) for part in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo))]
    return [{tag: value for tag, value in part.items() if tag not in pointers} for part in parts]


@pytest.mark.parametrize("mode", ["1", "L", "I;16", "RGB", "RGBA", "F"])
def test_every_block_is_preserved(
    encode: Encode, follow_note: Follow, full: Metadata, profile: bytes, mode: str, maker_note
) -> None:
    bare = encode("tiff", mode)
    upright = Metadata(exif.with_orientation_reset(full.exif or b""), full.xmp, full.iptc, None, full.resolution)
    encoded = tiff_blocks.embed(bare, upright, profile)
    tiff.check_whole(encoded)
    found = tiff.inspect(encoded)
    assert (found.metadata.xmp, found.metadata.iptc, found.profile) == (full.xmp, full.iptc, profile)
    assert found.metadata.resolution == (240.0, 240.0) and found.orientation == 1 and found.notes == ()
    assert found.metadata.exif and upright.exif
    assert _directories(found.metadata.exif) == _directories(upright.exif)
    if mode not in ("I;16", "F") or upright.exif[:2] == b"II":  # deep samples keep the order of their encoder
        assert follow_note(encoded) == follow_note(found.metadata.exif) == b"shutters"
    assert maker_note(found.metadata.exif) == (200, 48)
    assert b"\xff\xd8" not in encoded[:400]  # the thumbnail has no place in a TIFF, and is not left lying there
    old, new = (PIL.Image.open(io.BytesIO(data)) for data in (bare, encoded))
    assert (new.mode, new.size) == (old.mode, old.size) and new.tobytes() == old.tobytes()
    assert new.info["icc_profile"] == profile


def test_a_big_endian_block_is_copied_into_a_big_endian_file(
    encode: Encode, build_exif: Callable[..., bytes], follow_note: Follow
) -> None:
    bare = _big_endian(encode("png", "L"))
    metadata = Metadata(exif=build_exif(">", orientation=1))
    assert tiff.byte_order_wanted(metadata) == "big"
    encoded = tiff_blocks.embed(bare, metadata, None)
    assert encoded[8:320] == build_exif(">", orientation=1)[8:]  # all but the header, which points to the end
    assert follow_note(encoded) == b"shutters"
    assert PIL.Image.open(io.BytesIO(encoded)).tobytes() == PIL.Image.open(io.BytesIO(bare)).tobytes()


def _big_endian(png: bytes) -> bytes:
    """A 16-bit TIFF that begins with MM: neither Pillow nor libvips writes one on a machine of the other order."""
    samples = np.asarray(PIL.Image.open(io.BytesIO(png))).astype(">u2") * 257
    height, width = samples.shape
    tags = {256: width, 257: height, 258: 16, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: samples.nbytes}
    rows = b"".join(
        struct.pack(">HHIHH", tag, 3, 1, value, 0) if value < 65_536 else struct.pack(">HHII", tag, 4, 1, value)
        for tag, value in tags.items()
    )
    directory = struct.pack(">H", len(tags)) + rows + bytes(4)
    return struct.pack(">2sHI", b"MM", 42, 8 + samples.nbytes) + samples.astype(">u2").tobytes() + directory


@pytest.mark.parametrize("words", [{}, {"tile": True, "tile_width": 16, "tile_height": 16}, {"compression": "lzw"}])
@pytest.mark.parametrize("big", [False, True], ids=["classic", "big"])
def test_other_encoders_layouts(
    full: Metadata, profile: bytes, words: dict[str, object], big: bool, maker_note
) -> None:
    samples = (np.arange(40 * 50 * 3, dtype=np.uint16) * 21).reshape(40, 50, 3)
    bare = pyvips.Image.new_from_array(samples).tiffsave_buffer(bigtiff=big, **words)
    encoded = tiff_blocks.embed(bare, full, profile)
    tiff.check_whole(encoded)
    found = tiff.inspect(encoded)
    assert (found.metadata.xmp, found.metadata.iptc, found.profile) == (full.xmp, full.iptc, profile)
    assert exif.summary(found.metadata.exif) == exif.summary(full.exif)
    assert maker_note(found.metadata.exif or b"") == (200, 48)
    seen = pyvips.Image.new_from_buffer(encoded, "", fail_on="warning")
    assert np.array_equal(seen.numpy(), samples) and seen.get("icc-profile-data") == profile
    assert "vips" not in str(exif.summary(found.metadata.exif))


def test_blocks_survive_from_tiff_to_tiff_without_growing(encode: Encode, full: Metadata, profile: bytes) -> None:
    first = tiff.inspect(tiff_blocks.embed(encode("tiff"), full, profile))
    second = tiff.inspect(tiff_blocks.embed(encode("tiff"), first.metadata, first.profile))
    assert second == first


@pytest.mark.parametrize("block", [None, b"", b"no block", b"II*\0\xff\xff\xff\xff"])
def test_a_corrupt_block_is_left_out(encode: Encode, block: bytes | None) -> None:
    encoded = tiff_blocks.embed(encode("tiff"), Metadata(exif=block, resolution=(299.72, 300.0)), None)
    found = tiff.inspect(encoded)
    assert found.metadata.exif is None and found.metadata.resolution == pytest.approx((299.72, 300.0))
    assert PIL.Image.open(io.BytesIO(encoded)).tobytes() == PIL.Image.open(io.BytesIO(encode("tiff"))).tobytes()


def test_tags_of_pixels_are_not_copied_from_a_block(encode: Encode) -> None:
    hostile = b"II*\0\x08\0\0\0" + struct.pack("<H", 3)
    hostile += struct.pack("<HHII", 256, 4, 1, 9999) + struct.pack("<HHII", 273, 4, 1, 0)
    hostile += struct.pack("<HHII", 50706, 1, 4, 0x401) + bytes(4)
    encoded = tiff_blocks.embed(encode("tiff"), Metadata(exif=hostile), None)
    assert (tiff.inspect(encoded).width, PIL.Image.open(io.BytesIO(encoded)).size) == (64, (64, 48))
    assert struct.pack("<HH", 50706, 1) not in encoded[len(hostile) :]


def test_an_invalid_encoded_file_is_an_error(encode: Encode) -> None:
    with pytest.raises(UnreadableImage, match="without strip offsets"):
        tiff_blocks.embed(b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 256, 4, 1, 8) + bytes(4), Metadata(), None)
