"""WebP: chunks, animation, truncated files, and metadata."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import PIL.Image
import pytest

from denoiser.errors import UnreadableImage
from denoiser.image import Metadata
from denoiser.imageio.containers import webp

Encode = Callable[..., bytes]
KINDS = [("RGB", {}), ("RGB", {"lossless": True}), ("RGBA", {}), ("RGBA", {"lossless": True})]


def _animation() -> bytes:
    file = io.BytesIO()
    frames = [PIL.Image.new("RGB", (16, 8), (shade, 0, 0)) for shade in (0, 100, 200)]
    frames[0].save(file, "webp", save_all=True, append_images=frames[1:])
    return file.getvalue()


@pytest.mark.parametrize(("mode", "words"), KINDS)
@pytest.mark.parametrize("size", [(64, 48), (1, 1), (17, 33)])
def test_size_of_a_bare_file(encode: Encode, mode: str, words: dict[str, object], size: tuple[int, int]) -> None:
    encoded = encode("webp", mode, size, **words)
    webp.check_whole(encoded)
    found = webp.inspect(encoded)
    assert (found.width, found.height, found.bits, found.frames) == (*size, 8, 1)
    assert found.metadata == Metadata() and found.profile is None


@pytest.mark.parametrize(("mode", "words"), KINDS)
def test_blocks_come_back_and_pixels_stay(
    encode: Encode, full: Metadata, profile: bytes, mode: str, words: dict[str, object]
) -> None:
    picture = PIL.Image.open(io.BytesIO(encode("webp", mode, **words))).convert("RGBA")
    if mode == "RGBA":
        picture.putalpha(picture.getchannel("R"))
    file = io.BytesIO()
    picture.convert(mode).save(file, "webp", **words)
    bare = file.getvalue()
    encoded = webp.embed(bare, full, profile)
    webp.check_whole(encoded)
    found = webp.inspect(encoded)
    assert (found.metadata.exif, found.metadata.xmp, found.profile) == (full.exif, full.xmp, profile)
    assert found.orientation == 6 and found.metadata.resolution == (240.0, 240.0)
    old, new = (PIL.Image.open(io.BytesIO(data)) for data in (bare, encoded))
    assert new.mode == old.mode == mode and new.tobytes() == old.tobytes()
    assert new.info["icc_profile"] == profile and new.getexif()[271] == "Camera Ltd."


def test_nothing_to_put_in_changes_nothing(encode: Encode) -> None:
    assert webp.embed(encode("webp"), Metadata(comment="has no place"), None) == encode("webp")


def test_an_animation_is_counted() -> None:
    webp.check_whole(_animation())
    found = webp.inspect(_animation())
    assert (found.frames, found.width, found.height) == (3, 16, 8)


def test_truncated_files_are_rejected(encode: Encode) -> None:
    for encoded in (*(encode("webp", mode, **words) for mode, words in KINDS), _animation()):
        for length in range(0, len(encoded), 5):
            with pytest.raises(UnreadableImage):
                webp.check_whole(encoded[:length])


def test_bytes_after_the_end_are_a_note_and_no_error(encode: Encode) -> None:
    webp.check_whole(encode("webp") + bytes(10))
    assert webp.inspect(encode("webp") + bytes(10)).notes == ("10 bytes follow after its end",)


def _riff(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _chunk(name: bytes, block: bytes) -> bytes:
    return name + struct.pack("<I", len(block)) + block + bytes(len(block) % 2)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", "RIFF header"),
        (b"RIFF\x04\0\0\0WAVE", "RIFF header"),
        (b"RIFF\xff\xff\xff\xffWEBP", "of 4,294,967,303 bytes"),
        (_riff(), "without an image"),
        (_riff(b"VP8 \xff\xff\xff\x7f"), "chunk extends beyond"),
        (_riff(b"VP8"), "chunk extends beyond"),
        (_riff(_chunk(b"VP8 ", bytes(20))), "no valid header"),
        (_riff(_chunk(b"VP8L", b"\x2f\0\0\0\xf0")), "no valid header"),
        (_riff(_chunk(b"VP8 ", b"\xf0\xff\xff\x9d\1*\x10\0\x10\0")), "within its first part"),
        (_riff(_chunk(b"VP8 ", b"\x10\0\0\x9d\1*\0\0\x10\0")), "has no size"),
        (_riff(_chunk(b"VP8X", bytes(4))), "header chunk"),
        (_riff(_chunk(b"VP8X", b"\2" + bytes(9)), _chunk(b"ANMF", bytes(4))), "a frame of the"),
        (_riff(_chunk(b"VP8X", b"\2" + bytes(9)), _chunk(b"ANMF", bytes(16))), "has no image"),
    ],
)
def test_a_broken_structure_is_named(file: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImage, match=reason):
        webp.check_whole(file)


def test_a_canvas_that_contradicts_the_image_is_an_error(encode: Encode, full: Metadata) -> None:
    encoded = bytearray(webp.embed(encode("webp"), full, None))
    encoded[24] ^= 1
    with pytest.raises(UnreadableImage, match="size that its header names"):
        webp.check_whole(bytes(encoded))
