"""Metadata embedded in a JPEG is preserved, and the coded image is unchanged; incomplete files are errors."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import PIL.Image
import pytest

from denoiser.errors import UnreadableImage
from denoiser.image import Metadata
from denoiser.imageio.containers import jpeg, jpeg_blocks

Encode = Callable[..., bytes]


def test_every_block_is_preserved_byte_for_byte(encode: Encode, full: Metadata, profile: bytes) -> None:
    bare = encode("jpeg")
    encoded = jpeg_blocks.embed(bare, full, profile)
    jpeg_blocks.check_whole(encoded)
    found = jpeg.inspect(encoded)
    assert (found.metadata, found.profile, found.orientation) == (full, profile, 6)
    assert encoded.endswith(bare[20:])  # all behind SOI and the JFIF header
    picture = PIL.Image.open(io.BytesIO(encoded))
    assert picture.info["icc_profile"] == profile and picture.getexif()[271] == "Camera Ltd."
    assert picture.info["dpi"] == (240, 240) and picture.info["xmp"] == full.xmp


@pytest.mark.parametrize(
    "resolution", [(300.0, 300.0), (72.0, 96.0), (254.0, 254.0), (299.72, 299.72), (1.0, 65535)]
)
def test_resolution_is_stored_in_the_unit_that_is_exact(encode: Encode, resolution: tuple[float, float]) -> None:
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


KINDS = [
    {},
    {"progressive": True},
    {"restart_marker_rows": 1},
    {"restart_marker_blocks": 1},
    {"progressive": True, "restart_marker_blocks": 2},
    {"subsampling": "4:4:4", "restart_marker_blocks": 3},
]


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("words", KINDS)
@pytest.mark.parametrize("size", [(64, 48), (1, 1), (17, 33), (7, 200)])
def test_complete_files_pass(encode: Encode, mode: str, words: dict[str, object], size: tuple[int, int]) -> None:
    jpeg_blocks.check_whole(encode("jpeg", mode, size, **words))


@pytest.mark.parametrize("words", KINDS)
def test_truncated_files_are_rejected(encode: Encode, words: dict[str, object]) -> None:
    encoded = encode("jpeg", **words)
    for length in range(0, len(encoded), 7):
        with pytest.raises(UnreadableImage):
            jpeg_blocks.check_whole(encoded[:length])


def test_missing_or_swapped_restart_intervals_are_errors(encode: Encode) -> None:
    encoded = encode("jpeg", restart_marker_rows=1)
    marks = [m.start() for m in re.finditer(rb"\xff[\xd0-\xd7]", encoded)]
    without = encoded[: marks[0]] + encoded[marks[1] :]
    with pytest.raises(UnreadableImage, match="out of order"):
        jpeg_blocks.check_whole(without)
    ended = encoded[: marks[-1]] + b"\xff\xd9"  # mended by an end marker: decoders fill the rest with grey
    with pytest.raises(UnreadableImage, match="restart markers"):
        jpeg_blocks.check_whole(ended)


def test_a_component_without_data_is_an_error(encode: Encode) -> None:
    encoded = encode("jpeg", progressive=True)
    scans = [s for s in jpeg.walk(encoded) if s.marker == jpeg.SOS]
    assert len(scans) > 3
    first = scans[0]
    only_fine = encoded[: first.at - 4] + encoded[first.data_end :]
    with pytest.raises(UnreadableImage, match="truncated"):
        jpeg_blocks.check_whole(only_fine)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_every_missing_progressive_scan_is_an_error(encode: Encode, mode: str) -> None:
    encoded = encode("jpeg", mode, progressive=True)
    scans = [s for s in jpeg.walk(encoded) if s.marker == jpeg.SOS]
    for scan in scans:  # Pillow decodes each of these without a word
        with pytest.raises(UnreadableImage, match="truncated"):
            jpeg_blocks.check_whole(encoded[: scan.at - 4] + encoded[scan.data_end :])
        with pytest.raises(UnreadableImage, match="truncated"):
            jpeg_blocks.check_whole(encoded[: scan.at - 4] + b"\xff\xd9")


def _frame_at(encoded: bytes) -> int:
    return next(s.at for s in jpeg.walk(encoded) if s.marker in jpeg.FRAMES)


def _patched(encoded: bytes, at: int, value: bytes) -> bytes:
    return encoded[:at] + value + encoded[at + len(value) :]


@pytest.mark.parametrize(
    ("offset", "value", "reason"),
    [
        (1, b"\0\0", "without a size"),
        (3, b"\0\0", "without a size"),
        (5, b"\4", "wrong length"),
        (7, b"\0", "impossible components"),
        (7, b"\x15", "impossible components"),
        (9, b"\1", "impossible components"),
        (6, b"\x63", "components that the frame does not have"),
    ],
)
def test_an_invalid_frame_header_is_an_error(encode: Encode, offset: int, value: bytes, reason: str) -> None:
    encoded = encode("jpeg")
    with pytest.raises(UnreadableImage, match=reason):
        jpeg_blocks.check_whole(_patched(encoded, _frame_at(encoded) + offset, value))


def test_frames_and_scans_in_the_wrong_number_are_named(encode: Encode) -> None:
    encoded = encode("jpeg", "L")
    at = _frame_at(encoded)
    frame = encoded[at - 4 : at + 9]
    scan = next(s for s in jpeg.walk(encoded) if s.marker == jpeg.SOS)
    with pytest.raises(UnreadableImage, match="two frame headers"):
        jpeg_blocks.check_whole(encoded[: at - 4] + frame + encoded[at - 4 :])
    with pytest.raises(UnreadableImage, match="before the frame header"):
        jpeg_blocks.check_whole(encoded[: at - 4] + encoded[at + 9 :])
    with pytest.raises(UnreadableImage, match="no image data before the end"):
        jpeg_blocks.check_whole(encoded[: scan.at - 4] + b"\xff\xd9")
    with pytest.raises(UnreadableImage, match="a JPEG scan without data"):
        jpeg_blocks.check_whole(encoded[: scan.at + scan.size] + b"\xff\xd9")
    with pytest.raises(UnreadableImage, match="more than 500 scans"):
        jpeg_blocks.check_whole(encoded[:-2] + encoded[scan.at - 4 : -2] * 500 + b"\xff\xd9")


def test_the_decoder_accepts_the_complete_files(encode: Encode) -> None:
    for words in KINDS:
        PIL.Image.open(io.BytesIO(encode("jpeg", **words))).load()
