"""Writing: atomic, with metadata, and with errors instead of silent losses."""

from __future__ import annotations

import dataclasses
import io
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, ImageCms
from PIL import Image as PillowImage

from denoiser import imageio
from denoiser.errors import UnwritableImage, UsageError
from denoiser.image import Image, Metadata, from_numpy
from denoiser.imageio import containers
from denoiser.options import WriteOptions

Array = np.ndarray[Any, Any]
WRITTEN = ["png", "jpeg", "tiff", "webp", "avif"]
PACKET = b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"></x:xmpmeta>'


@pytest.fixture
def full(photo: Array) -> Image:
    """An image read from a JPEG with all blocks: EXIF with a place, XMP, profile, resolution, comment."""
    picture = PillowImage.fromarray(photo)
    exif = picture.getexif()
    exif[ExifTags.Base.Make] = "Maker"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] = bytes(range(256))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    file = io.BytesIO()
    picture.save(
        file, "JPEG", quality=90, exif=exif, xmp=PACKET, icc_profile=profile, dpi=(300, 300), comment=b"a word"
    )
    return imageio.read_bytes(file.getvalue(), "full.jpg")


@pytest.mark.parametrize("format", WRITTEN)
def test_what_was_in_the_file_stays(full: Image, format: str) -> None:
    assert full.metadata.exif and full.metadata.xmp and full.profile and full.metadata.comment == "a word"
    back = imageio.read_bytes(imageio.encode(full, format), "a")
    assert back.profile == full.profile
    assert back.metadata.xmp == full.metadata.xmp
    assert back.metadata.exif is not None
    assert bytes(range(256)) in back.metadata.exif
    summary = containers.exif.summary(back.metadata.exif)
    assert summary == containers.exif.summary(full.metadata.exif)
    if format in ("jpeg", "png", "webp", "avif"):
        assert back.metadata.exif == full.metadata.exif
    lost = " ".join(imageio.losses(full, format))
    assert (back.metadata.comment == "a word") is ("comment" not in lost)
    if "resolution" not in lost:
        assert back.metadata.resolution == pytest.approx((300, 300), rel=1e-4)


@pytest.mark.parametrize("format", WRITTEN)
def test_strip_leaves_the_profile_alone(full: Image, format: str) -> None:
    back = imageio.read_bytes(imageio.encode(full, format, WriteOptions(strip=True)), "a")
    assert back.profile == full.profile
    assert back.metadata == Metadata()


@pytest.mark.parametrize("format", WRITTEN)
def test_an_image_without_metadata_gets_none(photo: Array, format: str) -> None:
    back = imageio.read_bytes(imageio.encode(from_numpy(photo), format), "a")
    assert back.metadata == Metadata()
    assert back.profile is None
    assert back.notes == ()


def test_times_are_kept_and_the_file_is_replaced_atomically(photo: Array, tmp_path: Path) -> None:
    source, target = tmp_path / "a.png", tmp_path / "deep" / "er" / "b.png"
    imageio.write(from_numpy(photo), source)
    os.utime(source, ns=(1_111_111_111, 2_222_222_222))
    imageio.write(imageio.read(source), target)
    assert target.stat().st_mtime_ns == 2_222_222_222
    assert [path.name for path in target.parent.iterdir()] == ["b.png"]


@pytest.mark.parametrize("name", ["ü 🎞 \u202e.png", "two\nlines.jpg", "x" * 251 + ".png", "-rf.tif", "UPPER.PNG"])
def test_names_of_any_kind(photo: Array, name: str, tmp_path: Path) -> None:
    imageio.write(from_numpy(photo), tmp_path / name)
    assert imageio.read(tmp_path / name).width == 128


def test_jpeg_refuses_to_drop_transparency_in_silence(photo: Array, tmp_path: Path) -> None:
    alpha = np.full(photo.shape[:2], 255, np.uint8)
    assert imageio.encode(from_numpy(np.dstack([photo, alpha])), "jpeg").startswith(b"\xff\xd8")
    alpha[5, 5] = 254
    with pytest.raises(UnwritableImage, match=r"a\.jpg cannot be written: JPEG does not support") as caught:
        imageio.write(from_numpy(np.dstack([photo, alpha])), tmp_path / "a.jpg")
    assert "PNG" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_jpeg_has_at_most_65500_pixels_on_a_side() -> None:
    wide = from_numpy(np.zeros((1, 65_501), np.uint8))
    with pytest.raises(UnwritableImage, match="at most 65500"):
        imageio.encode(wide, "jpeg")
    with pytest.raises(UnwritableImage, match="cannot be encoded"):
        imageio.encode(wide, "webp")


@pytest.mark.parametrize(
    ("format", "bits", "words"),
    [
        ("jpeg", 16, "16 bits reduced to 8"),
        ("webp", 32, "32 bits reduced to 8"),
        ("avif", 16, "16 bits reduced to 12"),
    ],
)
def test_lost_depth_is_reported(format: str, bits: int, words: str) -> None:
    dtype = np.float32 if bits == 32 else np.uint16
    picture = from_numpy(np.full((9, 9, 3), 0.5 if bits == 32 else 32_768, dtype))
    assert words in " ".join(imageio.losses(picture, format))
    back = imageio.read_bytes(imageio.encode(picture, format), "a")
    assert np.abs(back.pixels / back.white - 0.5).max() < 0.01


def test_a_quality_without_effect_is_reported(photo: Array) -> None:
    alpha = from_numpy(np.dstack([photo, photo[:, :, 0]]))
    words = imageio.losses(alpha, "avif", WriteOptions(quality=50))
    assert words == ("AVIF with transparency is always lossless: --quality has no effect",)
    assert (
        imageio.losses(from_numpy(photo), "avif", WriteOptions(quality=50)) == imageio.losses(alpha, "avif") == ()
    )
    written = imageio.encode(alpha, "avif", WriteOptions(quality=50))
    assert np.array_equal(imageio.read_bytes(written, "a").pixels, photo)


@pytest.mark.parametrize("format", ["png", "tiff"])
def test_nothing_is_reported_if_nothing_is_lost(full: Image, format: str) -> None:
    assert [words for words in imageio.losses(full, format) if "bits" in words] == []


def test_ten_bits_become_sixteen_in_png_with_white_at_white() -> None:
    picture = from_numpy(np.array([[0, 512, 1023]], np.uint16), bits=10)
    back = imageio.read_bytes(imageio.encode(picture, "png"), "a")
    assert back.pixels[0, :, 0].tolist() == [0, 32_800, 65_535]


@pytest.mark.parametrize("format", ["webp", "avif"])
def test_lossy_stays_lossy_and_near_and_lossless_stays_exact(photo: Array, format: str) -> None:
    exact = imageio.read_bytes(imageio.encode(from_numpy(photo), format), "a")
    assert exact.origin is not None
    assert exact.origin.lossless
    lossy = io.BytesIO()
    PillowImage.fromarray(photo).save(lossy, format.upper(), quality=80)
    source = imageio.read_bytes(lossy.getvalue(), "a")
    assert source.origin is not None
    assert not source.origin.lossless
    second = imageio.read_bytes(imageio.encode(source, format), "b")
    assert not np.array_equal(second.pixels, source.pixels)
    error = np.mean((second.pixels.astype(float) - source.pixels) ** 2)
    assert 10 * np.log10(255**2 / error) > 36


def test_alpha_is_exact_also_in_lossy_formats(photo: Array) -> None:
    rgba = np.dstack([photo, photo[::-1, :, 0]])
    for format in ("webp", "avif"):
        picture = from_numpy(rgba)
        source = dataclasses.replace(picture, origin=_lossy(format))
        back = imageio.read_bytes(imageio.encode(source, format), "a")
        assert back.alpha is not None
        assert np.array_equal(back.alpha, rgba[:, :, 3])


def _lossy(format: str) -> Any:
    from denoiser.image import Origin

    return Origin(format=format, mode="rgba", lossless=False)


@pytest.mark.parametrize("format", ["bmp", "heif", "raw", "gif"])
def test_what_is_not_written_is_a_usage_error(photo: Array, format: str) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        imageio.encode(from_numpy(photo), format)


@pytest.mark.parametrize("source", ["JPEG", "TIFF"])
@pytest.mark.parametrize("target", ["jpeg", "tiff", "png"])
def test_the_copyright_flag_and_url_of_photoshop_are_kept(photo: Array, source: str, target: str) -> None:
    url = b"https://example.com/licence"
    block = b"8BIM\x04\x0a\0\0\0\0\0\1\1\0" + b"8BIM\x04\x0b\0\0" + struct.pack(">I", len(url)) + url + b"\0"
    file = io.BytesIO()
    PillowImage.fromarray(photo).save(file, source, **({"tiffinfo": {34377: block}} if source == "TIFF" else {}))
    data = file.getvalue()
    if source == "JPEG":
        part = b"Photoshop 3.0\0" + block
        data = data[:2] + b"\xff\xed" + struct.pack(">H", len(part) + 2) + part + data[2:]
    picture = imageio.read_bytes(data, "a")
    assert imageio.losses(picture, target) == ()
    assert any("Photoshop" in words for words in imageio.losses(picture, "webp"))
    written = imageio.encode(picture, target)
    assert imageio.read_bytes(written, "b").metadata.resources == block
    seen: Any = PillowImage.open(io.BytesIO(written))
    if target == "jpeg":
        assert (seen.info["photoshop"][0x040A], seen.info["photoshop"][0x040B]) == (b"\1", url)
    if target == "tiff":
        assert seen.tag_v2[34377] == block


@pytest.mark.parametrize("format", ["jpeg", "png", "tiff"])
def test_a_crop_has_its_own_size_in_exif_and_xmp(photo: Array, format: str) -> None:
    stored = PillowImage.fromarray(photo)
    exif = stored.getexif()
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    inner[ExifTags.Base.ExifImageWidth], inner[ExifTags.Base.ExifImageHeight] = 128, 96
    packet = b'<rdf:RDF><rdf:Description exif:PixelXDimension="128" exif:PixelYDimension="96"/></rdf:RDF>'
    file = io.BytesIO()
    stored.save(file, "JPEG", exif=exif, xmp=packet)
    whole = imageio.read_bytes(file.getvalue(), "a.jpg")
    for width, height in ((128, 96), (50, 40)):
        crop = dataclasses.replace(whole, pixels=whole.pixels[:height, :width])
        back = imageio.read_bytes(imageio.encode(crop, format), "b")
        written = PillowImage.Exif()
        written.load(b"Exif\0\0" + (back.metadata.exif or b""))
        sizes = written.get_ifd(ExifTags.IFD.Exif)
        assert (sizes[ExifTags.Base.ExifImageWidth], sizes[ExifTags.Base.ExifImageHeight]) == (width, height)
        assert back.metadata.xmp == packet.replace(b"128", b"%d" % width).replace(b"96", b"%d" % height)


def test_a_preview_in_the_makers_note_is_named(full: Image, photo: Array) -> None:
    picture = PillowImage.fromarray(photo)
    exif = picture.getexif()
    file = io.BytesIO()
    picture.resize((32, 24)).save(file, "JPEG")
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] = b"Nikon\0\2\0\0\0" + file.getvalue()
    noted = dataclasses.replace(full, metadata=Metadata(exif=exif.tobytes()[6:]))
    assert imageio.losses(noted, "jpeg") == ("the preview in the camera's MakerNote still shows the source",)
    assert not any("preview" in words for words in imageio.losses(full, "jpeg"))
