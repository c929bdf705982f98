"""What was written is read back; what is no whole file is refused, with its name and why."""

from __future__ import annotations

import dataclasses
import os
import struct
import tracemalloc
import zlib
from pathlib import Path

import pytest

from denoiser.codec.container import LatentFile, is_latent, probe, read, read_bytes, write
from denoiser.errors import DamagedLatent, ImageTooLarge, UnreadableImage, UnsupportedFormat
from denoiser.image import Metadata
from denoiser.options import ReadOptions

NAMES = ["plain", "full", "exactly"]


@pytest.mark.parametrize("name", NAMES)
def test_all_comes_back(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    latent = request.getfixturevalue(name)
    data = write(latent)
    assert is_latent(data[:8])
    assert read_bytes(data, "a.dlf") == latent
    (tmp_path / "a.dlf").write_bytes(data)
    assert read(tmp_path / "a.dlf") == latent


@pytest.mark.parametrize("name", NAMES)
def test_the_header_alone_tells_size_and_depth(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    latent = request.getfixturevalue(name)
    (tmp_path / "a.dlf").write_bytes(write(latent)[:36])  # nothing after it is looked at
    found = probe(tmp_path / "a.dlf")
    assert (found.width, found.height, found.bits) == (latent.width, latent.height, latent.bits)


def test_a_header_that_is_cut_or_changed_tells_nothing(plain: LatentFile, tmp_path: Path) -> None:
    header = bytearray(write(plain)[:36])
    (tmp_path / "cut.dlf").write_bytes(header[:35])
    header[14] ^= 1
    (tmp_path / "changed.dlf").write_bytes(header)
    for name in ("cut.dlf", "changed.dlf"):
        with pytest.raises(DamagedLatent, match=name):
            probe(tmp_path / name)


def test_what_is_unusable_is_left_out(plain: LatentFile) -> None:
    odd = dataclasses.replace(plain, profile=b"", metadata=Metadata(comment="", exif=b"", resolution=(0.0, 0.0)))
    assert read_bytes(write(odd), "a.dlf") == plain


@pytest.mark.parametrize("name", NAMES)
def test_every_truncation_is_refused(name: str, request: pytest.FixtureRequest) -> None:
    data = write(request.getfixturevalue(name))
    for size in range(len(data)):
        with pytest.raises(DamagedLatent, match=r"^a\.dlf[: ]"):
            read_bytes(data[:size], "a.dlf")


@pytest.mark.parametrize("name", NAMES)
def test_every_flipped_bit_is_refused(name: str, request: pytest.FixtureRequest) -> None:
    data = bytearray(write(request.getfixturevalue(name)))
    for place in range(8 * len(data)):
        data[place // 8] ^= 1 << place % 8
        with pytest.raises(UnreadableImage, match=r"^a\.dlf[: ]"):
            read_bytes(bytes(data), "a.dlf")
        data[place // 8] ^= 1 << place % 8


def test_unknown_chunks_that_may_be_passed_over_are_told(plain: LatentFile) -> None:
    data = write(plain)
    content = b"news" + struct.pack(">I", 3) + b"abc"
    chunk = content + struct.pack(">I", zlib.crc32(content))
    before = data[:36] + chunk + data[36:-16]
    end = b"DONE" + struct.pack(">II", 4, zlib.crc32(before))
    found = read_bytes(before + end + struct.pack(">I", zlib.crc32(end)), "a.dlf")
    assert found.passed_over == ("news",)
    assert found.tiles == plain.tiles


def test_other_files_are_no_latents(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedFormat, match=r"photo\.png is not a latent file"):
        read_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100), "photo.png")
    (tmp_path / "empty.dlf").touch()
    with pytest.raises(DamagedLatent, match=r"empty\.dlf is empty"):
        read(tmp_path / "empty.dlf")
    with pytest.raises(UnreadableImage, match=r"gone\.dlf cannot be opened"):
        read(tmp_path / "gone.dlf")
    with pytest.raises(UnreadableImage, match="is a folder"):
        read(tmp_path)
    os.mkfifo(tmp_path / "pipe.dlf")
    with pytest.raises(UnreadableImage, match="is a pipe"):
        read(tmp_path / "pipe.dlf")


def test_the_limit_of_pixels_can_be_set(plain: LatentFile) -> None:
    data = write(plain)
    with pytest.raises(ImageTooLarge, match=r"a\.dlf has 100x80 pixels, more than the limit of 7,999"):
        read_bytes(data, "a.dlf", ReadOptions(max_pixels=7999))
    assert read_bytes(data, "a.dlf", ReadOptions(max_pixels=8000)).width == 100


def test_a_file_larger_than_any_allowed_picture_is_not_read(tmp_path: Path) -> None:
    with open(tmp_path / "huge.dlf", "wb") as file:
        file.write(b"\x89DLF\r\n\x1a\n")
        file.truncate(1 << 40)  # sparse: takes no room on the disk
    with pytest.raises(ImageTooLarge, match="bytes, more than an image"):
        read(tmp_path / "huge.dlf")
    with open(tmp_path / "stranger.dlf", "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UnsupportedFormat):
        read(tmp_path / "stranger.dlf")


def test_promises_allocate_nothing(plain: LatentFile) -> None:
    """Thirty megapixels in a hundred bytes: refused in the memory of a hundred bytes."""
    fields = bytearray(write(plain)[:32])
    fields[12:20] = struct.pack(">II", 6_000, 5_000)
    fields[22:24] = bytes([1, 1])
    data = bytes(fields) + struct.pack(">I", zlib.crc32(fields)) + bytes(64)
    tracemalloc.start()
    with pytest.raises(DamagedLatent, match="cannot contain 7426 tiles"):
        read_bytes(data, "a.dlf")
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()
