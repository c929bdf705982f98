"""AVIF and HEIC: orientation, hidden content, sequences, and truncated files."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import PIL.Image
import pytest

from denoiser.errors import UnreadableImage
from denoiser.image import Metadata
from denoiser.imageio.containers import heif
from denoiser.imageio.containers.boxes import box

Encode = Callable[..., bytes]


def test_a_file_without_metadata_has_only_its_size(encode: Encode) -> None:
    found = heif.inspect(encode("avif"))
    assert (found.width, found.height, found.bits, found.frames, found.orientation) == (64, 48, 8, 1, 1)
    assert found.metadata == Metadata() and found.profile is None and found.hidden == ()
    assert found.cicp is not None and found.cicp[0] in (1, 2)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turn_and_mirror_become_exifs_number(encode: Encode, orientation: int) -> None:
    tags = PIL.Image.Exif()
    tags[274] = orientation
    assert heif.inspect(encode("avif", exif=tags)).orientation == orientation


def test_alpha_is_neither_a_frame_nor_hidden(encode: Encode) -> None:
    picture = PIL.Image.open(io.BytesIO(encode("png"))).convert("RGBA")
    picture.putalpha(picture.getchannel("R"))
    file = io.BytesIO()
    picture.save(file, "avif")
    found = heif.inspect(file.getvalue())
    assert found.frames == 1 and found.hidden == ()


def test_a_sequence_is_counted() -> None:
    file = io.BytesIO()
    frames = [PIL.Image.new("RGB", (16, 8), (shade, 0, 0)) for shade in (0, 100, 200)]
    frames[0].save(file, "avif", save_all=True, append_images=frames[1:])
    heif.check_whole(file.getvalue())
    assert heif.inspect(file.getvalue()).frames == 3


def test_truncated_files_are_rejected(encode: Encode) -> None:
    encoded = encode("avif", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0")
    heif.check_whole(encoded)
    for length in range(0, len(encoded), 3):
        with pytest.raises(UnreadableImage):
            heif.check_whole(encoded[:length])


def _info(item: int, kind: bytes, flags: int = 0) -> bytes:
    return box(b"infe", struct.pack(">BxxBHH", 2, flags, item, 0) + kind + b"\0")


def _heic(infos: list[bytes], references: bytes = b"", properties: bytes = b"", media: bytes = b"") -> bytes:
    """A HEIC in structure: item 1 is the image, and all items lie at the start of the file."""
    places = b"".join(struct.pack(">HHHII", n, 0, 1, 0, 4) for n in range(1, len(infos) + 1))
    return (
        box(b"ftyp", b"heic\0\0\0\0mif1heic")
        + box(
            b"meta",
            bytes(4)
            + box(b"pitm", struct.pack(">xxxxH", 1))
            + box(b"iinf", struct.pack(">xxxxH", len(infos)) + b"".join(infos))
            + box(b"iloc", struct.pack(">BxxxHH", 0, 0x4400, len(infos)) + places)
            + (box(b"iref", bytes(4) + references) if references else b"")
            + (box(b"iprp", properties) if properties else b""),
        )
        + media
    )


def _auxiliary(urn: bytes) -> bytes:
    auxiliary = box(b"auxC", bytes(4) + urn + b"\0")
    return box(b"ipco", auxiliary) + box(b"ipma", struct.pack(">xxxxIHBB", 1, 2, 1, 1))


@pytest.mark.parametrize(
    ("urn", "words"),
    [
        (b"urn:mpeg:hevc:2015:auxid:1", ()),
        (b"urn:mpeg:hevc:2015:auxid:2", ("depth map",)),
        (b"urn:mpeg:mpegB:cicp:systems:auxiliary:depth", ("depth map",)),
        (b"urn:com:apple:photo:2020:aux:hdrgainmap", ("gain map",)),
        (b"urn:com:apple:photo:2018:aux:portraiteffectsmatte", ("matte",)),
    ],
)
def test_auxiliary_images_are_hidden_content_and_not_frames(urn: bytes, words: tuple[str, ...]) -> None:
    reference = box(b"auxl", struct.pack(">HHH", 2, 1, 1))
    found = heif.inspect(_heic([_info(1, b"hvc1"), _info(2, b"hvc1")], reference, _auxiliary(urn)))
    assert found.hidden == words and found.frames == 1


def test_tiles_thumbnails_and_tone_maps_are_no_frames() -> None:
    infos = [_info(1, b"grid"), _info(2, b"hvc1"), _info(3, b"hvc1"), _info(4, b"hvc1"), _info(5, b"tmap")]
    references = (
        box(b"dimg", struct.pack(">HHHH", 1, 2, 2, 3))
        + box(b"thmb", struct.pack(">HHH", 4, 1, 1))
        + box(b"dimg", struct.pack(">HHHH", 5, 2, 1, 6))
    )
    found = heif.inspect(_heic([*infos, _info(6, b"hvc1")], references))
    assert found.frames == 1 and found.hidden == ("gain map",)
    assert heif.inspect(_heic([_info(1, b"hvc1"), _info(2, b"hvc1")])).frames == 2


def test_a_motion_photo_is_hidden_content() -> None:
    assert heif.inspect(_heic([_info(1, b"hvc1")], media=box(b"mpvd", b"film"))).hidden == ("Motion Photo",)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", "does not begin with a file type"),
        (box(b"mdat", b""), "does not begin with a file type"),
        (box(b"ftyp", b"avif"), "no images or tracks"),
        (_heic([_info(9, b"hvc1")]), "main image is missing"),
        (_heic([_info(1, b"grid")], box(b"dimg", struct.pack(">HHH", 1, 1, 7))), "part of the main image"),
    ],
)
def test_a_broken_structure_is_named(file: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImage, match=reason):
        heif.check_whole(file)
