"""libvips: no guessing of formats, and no hidden warnings."""

from __future__ import annotations

import io
import struct
import threading
from typing import Any

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image as PillowImage

from denoiser import imageio
from denoiser.errors import UnreadableImage, UnsupportedFormat
from denoiser.image import Image, from_numpy
from denoiser.imageio.backends import libvips

Array = np.ndarray[Any, Any]


def pillow(array: Array, format: str, **words: Any) -> bytes:
    file = io.BytesIO()
    PillowImage.fromarray(array).save(file, format, **words)
    return file.getvalue()


@pytest.mark.parametrize("words", [{}, {"subsampling": 0}, {"subsampling": 1}, {"progressive": True}])
def test_jpeg_has_the_very_pixels_that_pillow_gives(photo: Array, words: dict[str, Any]) -> None:
    data = pillow(photo, "JPEG", quality=85, **words)
    assert np.array_equal(imageio.read_bytes(data, "a").pixels, np.asarray(PillowImage.open(io.BytesIO(data))))


def test_warnings_of_the_last_rows_fail_the_right_file(photo: Array) -> None:
    whole = pillow(photo, "JPEG", quality=95)
    cut = whole[:-40] + b"\xff\xd9"
    wrong: list[str] = []

    def read(data: bytes, good: bool) -> None:
        for _ in range(25):
            try:
                imageio.read_bytes(data, "a.jpg")
            except UnreadableImage:
                if good:
                    wrong.append("a good file was refused")
            else:
                if not good:
                    wrong.append("a cut file passed")

    threads = [threading.Thread(target=read, args=(data, good)) for data, good in ((whole, True), (cut, False)) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []


def test_an_image_of_one_row_of_blocks_is_checked_too(photo: Array) -> None:
    whole = pillow(photo[:8], "JPEG", quality=95)
    for missing in range(3, 200, 5):
        with pytest.raises(UnreadableImage):
            imageio.read_bytes(whole[: -2 - missing] + b"\xff\xd9", "a.jpg")


def test_nothing_is_kept_between_reads(photo: Array) -> None:
    for _ in range(3):
        imageio.read_bytes(pillow(photo, "PNG"), "a.png")
    assert pyvips.cache_get_max() == 0
    assert pyvips.cache_get_size() == 0


def test_loaders_that_libvips_does_not_trust_are_blocked(photo: Array) -> None:
    assert libvips.encode_png(photo)  # the module is in use
    with pytest.raises(pyvips.Error):
        pyvips.Image.new_from_buffer(b"P6 1 1 255\n\0\0\0" * 9, "", access="sequential").avg()


def test_sixteen_bit_png_is_smaller_than_that_of_libvips_at_level_one(kinds: dict[str, Image]) -> None:
    deep = kinds["rgb16"].pixels
    plain = pyvips.Image.new_from_array(np.ascontiguousarray(deep), interpretation="rgb16")
    assert len(libvips.encode_png(deep)) < 1.05 * len(plain.pngsave_buffer(compression=1))


def test_grey_avif_of_others_is_grey_and_ours_has_equal_channels(photo: Array) -> None:
    grey = photo[:, :, 1].copy()
    picture = imageio.read_bytes(pillow(grey, "AVIF", quality=100), "a.avif")
    assert picture.channels == 1
    assert np.abs(picture.pixels[:, :, 0].astype(int) - grey).max() <= 1


def test_views_that_are_not_contiguous_are_written_as_they_look(photo: Array) -> None:
    for view in (photo[::-1], photo[:, ::-2], photo.swapaxes(0, 1)):
        assert np.array_equal(imageio.read_bytes(libvips.encode_png(view), "a.png").pixels, view)


@pytest.mark.parametrize("format", ["png", "tiff", "webp"])
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 3), (1, 7, 1), (7, 1, 1)])
def test_the_smallest_images_keep_their_shape(format: str, shape: tuple[int, int, int]) -> None:
    picture = Image(np.full(shape, 90, np.uint8))
    found = imageio.read_bytes(imageio.encode(picture, format), "a")
    assert found.pixels.shape[:2] == shape[:2]
    assert (found.pixels == 90).all()


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        ("tiff2vips: tiled separate planes not supported\n", UnsupportedFormat, "separate planes not supported"),
        ("unable to call X\nimage: bad labq format\n", UnsupportedFormat, "bad labq format"),
        ("heif: Unsupported feature: Unsupported codec (4.3000)", UnsupportedFormat, "Unsupported codec"),
        ("unable to write to memory\n  \n", UnreadableImage, "truncated: the decoder gave no details"),
        ("pngload: bad adler\nunable to write to memory", UnreadableImage, "is corrupt or truncated: pngload"),
    ],
)
def test_unsupported_files_differ_from_corrupt_ones(said: str, kind: type, words: str) -> None:
    refusal = libvips._refusal(said)
    assert type(refusal) is kind and words in refusal.message


def tiff(array: Array, *tags: tuple[int, str, int, Any, bool], **words: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, array, photometric="rgb", extratags=tags, metadata=None, **words)
    return file.getvalue()


def with_shorter_strip(data: bytes) -> bytes:
    """The same TIFF, with half the length for its first strip."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        sizes = file.pages[0].tags[279]  # type: ignore[union-attr]
    kind = {3: "<H", 4: "<I"}[int(sizes.dtype)]
    changed = bytearray(data)
    (size,) = struct.unpack_from(kind, changed, sizes.valueoffset)
    struct.pack_into(kind, changed, sizes.valueoffset, size // 2)
    return bytes(changed)


PAGE_NUMBER = (297, "H", 1, 0, True)  # has two values in the standard


@pytest.mark.parametrize("words", [{}, {"compression": "lzw"}, {"compression": "zlib", "tile": (32, 32)}])
def test_a_tiff_with_odd_tags_is_read_with_a_note(photo: Array, words: dict[str, Any]) -> None:
    picture = imageio.read_bytes(tiff(photo, PAGE_NUMBER, **words), "a.tif")
    assert np.array_equal(picture.pixels, photo)
    assert picture.notes == ('libtiff warns: incorrect count for field "PageNumber", expected 2, got 1',)


def test_truncated_strips_are_refused_in_a_tiff_with_odd_tags(photo: Array) -> None:
    for compression in ("lzw", "zlib", "packbits"):
        cut = with_shorter_strip(tiff(photo, PAGE_NUMBER, compression=compression))
        with pytest.raises(UnreadableImage):
            imageio.read_bytes(cut, "a.tif")


@pytest.mark.parametrize("compression", ["group3", "group4", "jpeg"])
def test_warnings_about_image_data_refuse_a_tiff(photo: Array, compression: str) -> None:
    picture = PillowImage.fromarray(photo)
    file = io.BytesIO()
    (picture if compression == "jpeg" else picture.convert("1")).save(file, "TIFF", compression=compression)
    assert imageio.read_bytes(file.getvalue(), "a.tif").notes == ()
    with pytest.raises(UnreadableImage, match=r"Premature EOL|[Cc]orrupt|Bad code|Line length"):
        imageio.read_bytes(with_shorter_strip(file.getvalue()), "a.tif")


def test_old_lzw_is_read_with_a_note(photo: Array) -> None:
    grey = np.repeat(photo[:40, :40, :1], 3, axis=2)
    new = tiff(grey, compression="lzw", rowsperstrip=40)
    with tifffile.TiffFile(io.BytesIO(new)) as file:
        page = file.pages[0]
        at, size = page.dataoffsets[0], page.databytecounts[0]  # type: ignore[union-attr]
    old = _old_lzw(grey.tobytes())
    changed = bytearray(new[:at] + old.ljust(size, b"\0") + new[at + size :])
    picture = imageio.read_bytes(bytes(changed), "a.tif")
    assert np.array_equal(picture.pixels, grey)
    assert any("Old-style LZW" in note for note in picture.notes)


def _old_lzw(data: bytes) -> bytes:
    """LZW with the lowest bit first and later changes of the code width, as libtiff wrote it before version 3."""
    table = {bytes([value]): value for value in range(256)}
    bits: list[tuple[int, int]] = [(256, 9)]
    word, width, code = b"", 9, 258
    for value in data:
        longer = word + bytes([value])
        if longer in table:
            word = longer
            continue
        bits.append((table[word], width))
        table[longer] = code
        code += 1
        if code > 1 << width:
            width += 1
        if code >= 4094:
            bits.append((256, width))
            table = {bytes([each]): each for each in range(256)}
            width, code = 9, 258
        word = bytes([value])
    bits += [(table[word], width), (257, width)]
    packed = at = 0
    for number, size in bits:
        packed |= number << at
        at += size
    return packed.to_bytes(-(-at // 8), "little")


@pytest.mark.parametrize("given", ["limited", "full"])
def test_the_range_of_an_avif_is_that_of_its_container(photo: Array, given: str) -> None:
    data = bytearray(pillow(photo, "AVIF", quality=95, subsampling="4:4:4", range=given))
    data[data.index(b"nclx") + 10] ^= 0x80  # now the coded image has the other range
    expected = np.asarray(PillowImage.open(io.BytesIO(bytes(data))), int)  # by libavif
    found = imageio.read_bytes(bytes(data), "a.avif").pixels
    assert np.abs(found - expected).mean() < 1
    assert np.abs(expected - photo).mean() > 3


@pytest.mark.parametrize("format", ["png", "tiff", "webp", "avif"])
def test_encoding_looks_up_no_property_of_libvips(format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed look-up leaves an error where the decoder of another thread finds it: "corrupt or truncated"."""

    def never(_image: Any, name: str) -> None:
        raise AssertionError(f"{name} was looked up")

    monkeypatch.setattr(pyvips.Image, "__getattr__", never)
    assert imageio.encode(from_numpy(np.zeros((8, 8, 3), np.uint8)), format)
