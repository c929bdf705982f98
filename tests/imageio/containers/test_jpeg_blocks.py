"""Blocks that go into a JPEG come out of it, and the coded picture stays as it was."""

from __future__ import annotations

import io
from collections.abc import Callable

import PIL.Image
import pytest

from denoiser.image import Metadata
from denoiser.imageio.containers import jpeg, jpeg_blocks, jpeg_scans

Encode = Callable[..., bytes]


def test_every_block_comes_back_byte_for_byte(encode: Encode, full: Metadata, profile: bytes) -> None:
    bare = encode("jpeg")
    encoded = jpeg_blocks.embed(bare, full, profile)
    jpeg_scans.check_whole(encoded)
    found = jpeg.inspect(encoded)
    assert (found.metadata, found.profile, found.orientation) == (full, profile, 6)
    assert encoded.endswith(bare[20:])  # all behind SOI and the JFIF header
    picture = PIL.Image.open(io.BytesIO(encoded))
    assert picture.info["icc_profile"] == profile and picture.getexif()[271] == "Camera Ltd."
    assert picture.info["dpi"] == (240, 240) and picture.info["xmp"] == full.xmp


@pytest.mark.parametrize(
    "resolution", [(300.0, 300.0), (72.0, 96.0), (254.0, 254.0), (299.72, 299.72), (1.0, 65535)]
)
def test_resolution_comes_back_in_the_unit_that_holds_it(encode: Encode, resolution: tuple[float, float]) -> None:
    encoded = jpeg_blocks.embed(encode("jpeg"), Metadata(resolution=resolution), None)
    assert jpeg.inspect(encoded).metadata.resolution == pytest.approx(resolution, abs=0.01)


def test_a_packet_over_64_kb_is_divided_and_joined(encode: Encode) -> None:
    inner = b"".join(b'<rdf:Description rdf:about="%d">%s</rdf:Description>' % (n, b"v" * 9000) for n in range(40))
    packet = b"<x:xmpmeta><rdf:RDF>" + inner + b"</rdf:RDF></x:xmpmeta>"
    encoded = jpeg_blocks.embed(encode("jpeg"), Metadata(xmp=packet), None)
    assert sum(s.marker == jpeg.APP1 for s in jpeg.walk(encoded)) > 5
    assert jpeg.inspect(encoded).metadata.xmp == packet


def test_what_does_not_fit_is_left_out_and_named(encode: Encode) -> None:
    bare = encode("jpeg")
    fits = Metadata(exif=bytes(65_527), xmp=bytes(65_504), comment="c" * 65_533)
    assert jpeg_blocks.unheld(fits, bytes(1000)) == []
    assert jpeg.inspect(jpeg_blocks.embed(bare, fits, None)).metadata == Metadata(
        exif=fits.exif, xmp=fits.xmp, comment=fits.comment
    )
    too_long = Metadata(exif=bytes(65_528), xmp=bytes(65_505), comment="c" * 65_534)
    words = " ".join(jpeg_blocks.unheld(too_long, bytes(255 * 65_519 + 1)))
    assert all(word in words for word in ("EXIF", "XMP", "comment", "colour profile"))
    assert jpeg_blocks.embed(bare, too_long, None) == bare


def test_the_encoders_own_profile_gives_way(encode: Encode, profile: bytes) -> None:
    encoded = jpeg_blocks.embed(encode("jpeg", icc_profile=b"encoder's" * 20), Metadata(), profile)
    assert jpeg.inspect(encoded).profile == profile and b"encoder's" not in encoded
