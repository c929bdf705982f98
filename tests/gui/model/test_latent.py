from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from denoiser import imageio
from denoiser.codec import container
from denoiser.errors import Cancelled, DamagedLatent, MissingModel
from denoiser.events import CancelToken
from denoiser.image import Image, Metadata, from_numpy
from denoiser.imageio.rivals import smallest
from denoiser.metrics import ms_ssim, psnr
from denoiser.tiling import Region
from denoiser_gui.model.latent import (
    LatentEncoder,
    LatentRequest,
    check_codec,
    is_latent,
    read_latent,
    sample_of,
    seconds_for,
)


@pytest.fixture(scope="module")
def photo() -> Image:
    ramp = np.linspace(40, 210, 150)[:, np.newaxis, np.newaxis] + np.zeros((150, 200, 3))
    values = ramp + np.random.default_rng(2).normal(0, 12, ramp.shape)
    return from_numpy(values.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def encoder(tiny_codec: Path) -> LatentEncoder:
    return LatentEncoder(str(tiny_codec))


def test_the_figures_match_the_decoded_file(
    encoder: LatentEncoder, photo: Image, tmp_path: Path, tiny_codec: Path
) -> None:
    result = encoder.encode(LatentRequest(photo, 60.0), CancelToken())
    assert result.bits_per_pixel == pytest.approx(len(result.data) * 8 / (150 * 200))
    assert result.psnr == pytest.approx(psnr(result.image.pixels, photo.pixels, white=255))
    assert (result.noisy_bytes, result.rival, result.bytes) == (0, None, len(result.data))
    path = tmp_path / "a.dlf"
    path.write_bytes(result.data)
    assert is_latent(path)
    assert np.array_equal(read_latent(path, str(tiny_codec)).pixels, result.image.pixels)


def test_a_higher_quality_is_larger(encoder: LatentEncoder, photo: Image) -> None:
    small, large = (encoder.encode(LatentRequest(photo, quality), CancelToken()) for quality in (10.0, 95.0))
    assert len(small.data) < len(large.data)


def test_denoising_makes_the_file_smaller_and_hides_psnr(encoder: LatentEncoder, photo: Image) -> None:
    result = encoder.encode(LatentRequest(photo, 50.0, denoise=12.0), CancelToken())
    assert result.psnr is None and result.noisy_bytes > 0
    assert container.read_bytes(result.data, "a.dlf").cleaned


@pytest.mark.parametrize("rival", ["JPEG", "AVIF"])
def test_other_formats_fit_into_the_same_size(encoder: LatentEncoder, photo: Image, rival: str) -> None:
    result = encoder.encode(LatentRequest(photo, 90.0, rival=rival), CancelToken())
    assert result.rival is not None, result.rival_problem
    assert result.rival.bytes <= result.picture_bytes
    assert result.rival.image.pixels.shape == photo.pixels.shape


def test_a_format_that_cannot_be_that_small_is_reported(encoder: LatentEncoder, photo: Image, monkeypatch) -> None:
    tiny = from_numpy(np.full((64, 64, 3), 90, np.uint8))
    result = encoder.encode(LatentRequest(tiny, 0.0, rival="AVIF"), CancelToken())
    assert result.rival is None
    assert "AVIF" in result.rival_problem and "bytes" in result.rival_problem


def test_a_large_photo_is_sampled(encoder: LatentEncoder, photo: Image, tiny_codec: Path) -> None:
    region = Region(64, 64, 64, 128)
    result = encoder.encode(LatentRequest(photo, 70.0, rival="JPEG", region=region), CancelToken())
    assert result.is_sample
    assert result.of_whole(len(result.data)) == round(len(result.data) * 150 * 200 / (64 * 128))
    assert result.bits_per_pixel == pytest.approx(len(result.data) * 8 / (64 * 128), rel=0.001)
    inside = np.s_[64:128, 64:192]
    assert not np.array_equal(result.image.pixels[inside], photo.pixels[inside])
    outside = np.ones((150, 200), bool)
    outside[inside] = False
    assert np.array_equal(result.image.pixels[outside], photo.pixels[outside])
    received: list[float] = []
    data = encoder.whole(result.request, received.append, CancelToken())
    assert container.read_bytes(data, "a.dlf").width == 200
    assert received == sorted(received)


def test_the_sample_is_at_the_visible_part_and_aligned_to_tiles() -> None:
    assert sample_of(Region(0, 0, 900, 1200), 900, 1200) is None
    assert sample_of(Region(0, 0, 4000, 6000), 4000, 6000) == Region(1472, 2432, 1024, 1024)
    assert sample_of(Region(3900, 5900, 100, 100), 4000, 6000) == Region(2944, 4928, 1024, 1024)
    assert sample_of(Region(0, 0, 10, 10), 800, 9000) == Region(0, 0, 800, 1024)


def test_encoding_can_be_cancelled(encoder: LatentEncoder, photo: Image) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        encoder.encode(LatentRequest(photo, 33.0), cancel)


def test_a_missing_codec_is_reported(tmp_path: Path, tiny_codec: Path) -> None:
    with pytest.raises(MissingModel):
        check_codec(str(tmp_path / "none.safetensors"))
    check_codec(str(tiny_codec))


def test_a_corrupt_file_is_named_in_the_error(
    encoder: LatentEncoder, photo: Image, tmp_path: Path, tiny_codec: Path
) -> None:
    data = encoder.encode(LatentRequest(photo, 60.0), CancelToken()).data
    (tmp_path / "a.dlf").write_bytes(data[:-9])
    with pytest.raises(DamagedLatent, match=r"a\.dlf"):
        read_latent(tmp_path / "a.dlf", str(tiny_codec))
    assert not is_latent(tmp_path / "a.png")
    imageio.write(photo, tmp_path / "a.png")


def test_a_latent_file_opens_like_a_photo(
    encoder: LatentEncoder, photo: Image, tmp_path: Path, monkeypatch, tiny_codec: Path
) -> None:
    from denoiser_gui.model import pyramid, thumbnails

    (tmp_path / "a.dlf").write_bytes(encoder.encode(LatentRequest(photo, 60.0), CancelToken()).data)
    for module in (pyramid, thumbnails):
        monkeypatch.setattr(module, "read_latent", lambda path: read_latent(path, str(tiny_codec)))
    assert pyramid.read_pyramid(1, tmp_path / "a.dlf").image.width == 200
    assert thumbnails.make_thumbnail(tmp_path / "a.dlf", 50).width == 50


@pytest.fixture(scope="module")
def drawing() -> Image:
    """Flat areas and a few lines, as in a screenshot."""
    pixels = np.full((200, 240, 3), 245, np.uint8)
    pixels[20:60, 10:230] = (40, 90, 160)
    pixels[80:180:9, 20:200] = 30
    return from_numpy(pixels)


def test_picture_and_metadata_are_counted_apart(encoder: LatentEncoder, photo: Image) -> None:
    named = dataclasses.replace(photo, metadata=Metadata(comment="a" * 5000))
    plain, result = (encoder.encode(LatentRequest(each), CancelToken()) for each in (photo, named))
    assert result.picture_bytes == plain.picture_bytes
    assert result.metadata_bytes == pytest.approx(plain.metadata_bytes + 5000, abs=20)
    assert result.bytes == len(result.data)
    part = encoder.encode(LatentRequest(named, region=Region(64, 64, 64, 128)), CancelToken())
    assert part.metadata_bytes == pytest.approx(result.metadata_bytes, abs=20), "a sample has none itself"
    assert part.bytes == part.of_whole(part.picture_bytes) + part.metadata_bytes


def test_other_formats_get_the_same_metadata(encoder: LatentEncoder, photo: Image) -> None:
    named = dataclasses.replace(photo, metadata=Metadata(comment="a" * 5000))
    result = encoder.encode(LatentRequest(named, 90.0, rival="JPEG"), CancelToken())
    assert result.rival is not None
    assert result.rival.bytes <= result.picture_bytes, "the metadata is no room for the picture"
    assert result.rival_bytes == result.rival.bytes + result.metadata_bytes


def test_both_panes_are_measured(encoder: LatentEncoder, drawing: Image) -> None:
    noisy = np.random.default_rng(1).normal(drawing.pixels, 20).clip(0, 255).astype(np.uint8)
    request = LatentRequest(from_numpy(noisy), 95.0, rival="JPEG")
    result = encoder.measured(encoder.encode(request, CancelToken()), CancelToken())
    assert result.rival is not None
    assert result.ms_ssim == pytest.approx(ms_ssim(result.image.pixels, noisy, white=255))
    assert result.rival_ms_ssim == pytest.approx(ms_ssim(result.rival.image.pixels, noisy, white=255))
    assert result.rival_psnr == pytest.approx(psnr(result.rival.image.pixels, noisy, white=255))
    assert result.smaller is None, "it is no drawing"


def test_ms_ssim_of_a_small_image_is_unknown(encoder: LatentEncoder, photo: Image) -> None:
    assert encoder.measured(encoder.encode(LatentRequest(photo), CancelToken()), CancelToken()).ms_ssim is None


def test_a_drawing_is_stored_losslessly_if_that_is_smaller(encoder: LatentEncoder, drawing: Image) -> None:
    result = encoder.encode(LatentRequest(drawing, 95.0), CancelToken())
    assert result.quality is None and np.array_equal(result.image.pixels, drawing.pixels)
    assert result.psnr == float("inf")


def test_a_format_that_is_smaller_at_the_same_psnr_is_named(encoder: LatentEncoder, drawing: Image) -> None:
    """The weights are random, so AVIF needs fewer bytes for their PSNR."""
    photo_in_it = drawing.pixels.copy()
    photo_in_it[100:185, 100:185] = np.random.default_rng(4).integers(0, 256, (85, 85, 3))
    request = LatentRequest(from_numpy(photo_in_it), 0.0)
    result = encoder.encode(request, CancelToken())
    assert result.quality is not None, "lossless is larger"
    smaller = encoder.measured(result, CancelToken()).smaller
    assert smaller is not None and smaller[0] == "AVIF" and smaller[1] < result.bytes
    data = smallest(
        request.image, "AVIF", lambda shown: psnr(shown, photo_in_it, white=255) >= result.psnr, CancelToken()
    )
    assert data is not None and smaller[1] == data + result.metadata_bytes


def test_the_smallest_file_with_an_ms_ssim(encoder: LatentEncoder, drawing: Image) -> None:
    noisy = from_numpy(np.random.default_rng(1).normal(drawing.pixels, 20).clip(0, 255).astype(np.uint8))
    plain = encoder.measured(encoder.encode(LatentRequest(noisy, 0.0), CancelToken()), CancelToken())
    assert plain.ms_ssim is not None
    wanted = round(plain.ms_ssim * 0.9, 4)
    result = encoder.encode(LatentRequest(noisy, min_ms_ssim=wanted), CancelToken())
    assert result.quality == 0.0, "the lowest quality reaches it"
    assert encoder.whole(LatentRequest(noisy, min_ms_ssim=wanted), lambda _: None, CancelToken()) == result.data


def test_a_higher_effort_is_estimated_to_take_longer(encoder: LatentEncoder, photo: Image) -> None:
    request = LatentRequest(photo)
    result = encoder.encode(request, CancelToken())
    times = [seconds_for(result, dataclasses.replace(request, effort=effort)) for effort in (1, 5, 9)]
    assert 0 < times[0] < times[1] < times[2]
    better = encoder.encode(dataclasses.replace(request, effort=2), CancelToken())
    assert better.data != result.data
