"""The table of formats: signatures, names, and output formats."""

from __future__ import annotations

from pathlib import Path

import pytest

from denoiser.errors import UnsupportedFormat, UsageError
from denoiser.image import Origin
from denoiser.imageio import formats
from denoiser.options import WriteOptions

TIFF = b"II*\0\x08\0\0\0" + bytes(40)


def box(brand: bytes, *compatible: bytes) -> bytes:
    body = brand + bytes(4) + b"".join(compatible)
    return (len(body) + 8).to_bytes(4, "big") + b"ftyp" + body + bytes(32)


@pytest.mark.parametrize(
    ("head", "name", "key"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(30), "a.jpg", "png"),  # never by the suffix against the bytes
        (b"\xff\xd8\xff\xe0" + bytes(30), "", "jpeg"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "a", "webp"),
        (b"BM" + bytes(30), "a", "bmp"),
        (TIFF, "a.tif", "tiff"),
        (TIFF, "a.jpg", "tiff"),
        (TIFF, "a.DNG", "raw"),
        (TIFF, "a.nef", "raw"),
        (b"MM\0+\0\x08\0\0" + bytes(30), "a", "tiff"),
        (b"II*\0\x10\0\0\0CR\x02\0" + bytes(30), "a", "raw"),
        (b"FUJIFILMCCD-RAW 0201" + bytes(30), "a", "raw"),
        (box(b"crx "), "a", "raw"),
        (box(b"avif", b"mif1", b"miaf"), "a", "avif"),
        (box(b"mif1", b"avif"), "a", "avif"),
        (box(b"mif1", b"heic"), "a", "heif"),
        (box(b"heic"), "a", "heif"),
        (b"\xff\x0a" + bytes(30), "a", "jxl"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(30), "a", "jxl"),
    ],
)
def test_a_file_is_recognised_by_its_first_bytes(head: bytes, name: str, key: str) -> None:
    assert formats.sniff(head, name).key == key


@pytest.mark.parametrize("head", [b"", b"x", b"BM", b"RIFF\x10\0\0\0WAVE", box(b"isom"), bytes(64)])
def test_other_files_are_not_recognised(head: bytes) -> None:
    with pytest.raises(UnsupportedFormat):
        formats.sniff(head, "a.png")


@pytest.mark.parametrize(
    "name", ["a.PNG", "b.Jpeg", "c.tiff", "ü 🎞.webp", "x.CR2", "y.heic", "z.jxl", ".hidden.png"]
)
def test_images_are_found_by_their_names(name: str) -> None:
    assert formats.is_image_name(Path(name))


@pytest.mark.parametrize("name", ["a.gif", "a.txt", "png", ".png", "a.png.part", "a"])
def test_other_names_are_left_alone(name: str) -> None:
    assert not formats.is_image_name(Path(name))


def test_each_suffix_belongs_to_one_row() -> None:
    suffixes = [suffix for row in formats.ROWS.values() for suffix in row.suffixes]
    assert len(suffixes) == len(set(suffixes))
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in suffixes)


@pytest.mark.parametrize(
    ("source", "written"),
    [("bmp", "png"), ("raw", "tiff"), ("heif", "avif"), ("png", "png"), ("jpeg", "jpeg"), ("jxl", "jxl")],
)
def test_what_a_format_is_written_as(source: str, written: str) -> None:
    assert formats.output_format(source).key == written
    assert formats.output_format(Origin(source, "rgb")).key == written
    assert formats.output_format(source, WriteOptions(format="webp")).key == "webp"


def test_the_docstring_shows_the_table() -> None:
    lines = [line.split() for line in (formats.__doc__ or "").splitlines() if line.startswith("    ")][1:]
    assert {line[0]: line[1] for line in lines} == {row.key: row.written_as for row in formats.ROWS.values()}


def test_every_format_of_the_option_is_written() -> None:
    from denoiser.options import controls

    for key in controls(WriteOptions)["format"].choices:
        assert formats.ROWS[key].depths


@pytest.mark.parametrize(("name", "words"), [("a.gif", "'.gif'"), ("a", "no suffix")])
def test_a_name_without_a_format_is_a_usage_error(name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        formats.by_suffix(Path(name))
