"""JPEG: content of segments, and errors for corrupt files."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import PIL.Image
import pytest

from denoiser.errors import UnreadableImage
from denoiser.image import Metadata
from denoiser.imageio.containers import jpeg, jpeg_blocks

Encode = Callable[..., bytes]


def _segment(marker: int, block: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(block) + 2) + block


def _with(encoded: bytes, *segments: bytes) -> bytes:
    return encoded[:2] + b"".join(segments) + encoded[2:]


def test_a_file_without_metadata_has_only_its_size(encode: Encode) -> None:
    found = jpeg.inspect(encode("jpeg"))
    assert (found.width, found.height, found.bits, found.frames, found.orientation) == (64, 48, 8, 1, 1)
    assert found.metadata == Metadata() and found.profile is None and found.hidden == () and found.notes == ()


@pytest.mark.parametrize(
    ("words", "resolution"),
    [({"dpi": (300, 72)}, (300.0, 72.0)), ({}, None)],
)
def test_density_of_the_jfif_header(encode: Encode, words: dict[str, object], resolution: object) -> None:
    assert jpeg.inspect(encode("jpeg", **words)).metadata.resolution == resolution


def test_density_per_centimetre(encode: Encode) -> None:
    encoded = bytearray(encode("jpeg", dpi=(118, 118)))
    encoded[13] = 2  # the unit
    found = jpeg.inspect(bytes(encoded)).metadata.resolution
    assert found == pytest.approx((299.72, 299.72))


def test_comments_are_joined_and_old_ones_are_read_as_latin(encode: Encode) -> None:
    encoded = _with(encode("jpeg"), _segment(jpeg.COM, "Grüße".encode()), _segment(jpeg.COM, b"Gr\xfc\xdfe\0"))
    assert jpeg.inspect(encoded).metadata.comment == "Grüße\nGrüße"


def test_segments_of_a_profile_may_come_in_any_order(encode: Encode, profile: bytes) -> None:
    whole = jpeg_blocks.embed(encode("jpeg"), Metadata(), profile)
    segments = [s for s in jpeg.walk(whole) if s.marker == jpeg.APP2]
    assert len(segments) == 4
    turned = b"".join(_segment(jpeg.APP2, whole[s.at : s.at + s.size]) for s in reversed(segments))
    assert jpeg.inspect(_with(encode("jpeg"), turned)).profile == profile


def test_a_profile_with_a_missing_segment_is_left_out_and_noted(encode: Encode, profile: bytes) -> None:
    whole = jpeg_blocks.embed(encode("jpeg"), Metadata(), profile)
    third = [s for s in jpeg.walk(whole) if s.marker == jpeg.APP2][2]
    found = jpeg.inspect(whole[: third.at - 4] + whole[third.at + third.size :])
    assert found.profile is None and found.notes == ("its colour profile is incomplete and was removed",)


def test_an_incomplete_extension_is_left_out_and_noted(encode: Encode) -> None:
    main = b'<x xmpNote:HasExtendedXMP="0123456789ABCDEF0123456789ABCDEF"/>'
    found = jpeg.inspect(_with(encode("jpeg"), _segment(jpeg.APP1, jpeg.XMP_NAME + main)))
    assert found.metadata.xmp == main and "extension of its XMP" in found.notes[0]


def test_records_that_are_divided_over_segments_are_joined(encode: Encode) -> None:
    records = b"\x1c\x02\x05" + bytes(90_000)
    encoded = jpeg_blocks.embed(encode("jpeg"), Metadata(iptc=records), None)
    assert sum(s.marker == jpeg.APP13 for s in jpeg.walk(encoded)) == 2
    assert jpeg.inspect(encoded).metadata.iptc == records


def _mpo(encode: Encode, second: bytes = b"") -> bytes:
    """Two images with an index, by Pillow; *second* goes into the second one as a segment."""
    file = io.BytesIO()
    first, other = (PIL.Image.open(io.BytesIO(encode("jpeg", size=size))) for size in ((64, 48), (32, 24)))
    first.save(file, "MPO", save_all=True, append_images=[other])
    whole = file.getvalue()
    at = whole.rindex(b"\xff\xd8\xff")
    return whole[: at + 2] + second + whole[at + 2 :]


def test_images_of_an_index_are_counted(encode: Encode) -> None:
    found = jpeg.inspect(_mpo(encode))
    assert found.frames == 2 and found.hidden == () and found.notes == ()


@pytest.mark.parametrize(
    ("block", "word"),
    [
        (b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0", "gain map"),
        (b'http://ns.adobe.com/xap/1.0/\0<x xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"/>', "gain map"),
        (b"http://ns.adobe.com/xap/1.0/\0<a>urn:com:apple:photo:2018:aux:depth</a>", "depth map"),
    ],
)
def test_maps_are_named_and_are_no_frames(encode: Encode, block: bytes, word: str) -> None:
    found = jpeg.inspect(_mpo(encode, _segment(jpeg.APP1, block)))
    assert found.frames == 1 and found.hidden == (word,)


def test_a_motion_photo_is_named_by_packet_or_trailer(encode: Encode) -> None:
    film = b"\0\0\0\x18ftypmp42" + bytes(100)
    packet = _segment(jpeg.APP1, jpeg.XMP_NAME + b'<rdf:Description GCamera:MotionPhoto="1"/>')
    assert jpeg.inspect(encode("jpeg") + film).hidden == ("Motion Photo",)
    assert jpeg.inspect(_with(encode("jpeg"), packet) + film).hidden == ("Motion Photo",)


def test_content_credentials_and_clipping_paths_are_named(encode: Encode) -> None:
    path = b"8BIM\x07\xd0\0\0\0\0\0\x02ab"
    encoded = _with(
        encode("jpeg"), _segment(jpeg.APP11, b"JP\0\1"), _segment(jpeg.APP13, b"Photoshop 3.0\0" + path)
    )
    assert jpeg.inspect(encoded).hidden == ("content credentials (C2PA)", "clipping paths")


def test_bytes_after_the_end_are_a_note_and_no_error(encode: Encode) -> None:
    assert jpeg.inspect(encode("jpeg") + bytes(1234)).notes == ("1,234 bytes follow after its end",)


def test_fill_bytes_before_markers_are_allowed(encode: Encode) -> None:
    encoded = encode("jpeg")
    filled = encoded[:2] + b"\xff\xff\xff" + encoded[2:-2] + b"\xff\xff" + encoded[-2:]
    assert jpeg.inspect(filled).width == 64
    PIL.Image.open(io.BytesIO(filled)).load()


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", "not a JPEG"),
        (b"\x89PNG", "not a JPEG"),
        (b"\xff\xd8", "ends before the end marker"),
        (b"\xff\xd8\xff", "ends before the end marker"),
        (b"\xff\xd8\xff\xff\xff\xff", "ends before the end marker"),
        (b"\xff\xd8\xff\xe1", "segment extends beyond the end of the file"),
        (b"\xff\xd8\xff\xe1\0", "segment extends beyond the end of the file"),
        (b"\xff\xd8\xff\xe1\0\x10Exif", "segment extends beyond the end of the file"),
        (b"\xff\xd8\xff\xe1\0\1", "impossible length"),
        (b"\xff\xd8\xff\xe1\0\2junk", "stray bytes"),
        (b"\xff\xd8\xff\x05\0\2", "invalid JPEG marker .0x05"),
        (b"\xff\xd8\xff\xda\0\2data without an end", "data end before the end marker"),
        (b"\xff\xd8\xff\xda\0\2data\xff\xd8\xff\xd9", "another image begins"),
    ],
)
def test_a_broken_walk_is_named(file: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImage, match=reason):
        jpeg.inspect(file)
