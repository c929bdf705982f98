from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from denoiser import imageio
from denoiser.codec import container
from denoiser.errors import Cancelled, DamagedLatent, MissingModel
from denoiser.events import CancelToken
from denoiser.image import Image, from_numpy
from denoiser.metrics import psnr
from denoiser.tiling import Region
from denoiser_gui.model.latent import LatentEncoder, LatentRequest, check_codec, is_latent, read_latent, sample_of


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
    assert (result.noisy_bytes, result.rival) == (0, None)
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
    assert result.rival.bytes <= len(result.data)
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
    assert result.bits_per_pixel == pytest.approx(len(result.data) * 8 / (64 * 128))
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
