"""A file becomes the picture that it holds, whole or a part, or an error with its name; never less."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from denoiser import decode, encode
from denoiser.codec import container
from denoiser.codec.container import TileStream
from denoiser.codec.decode import Decoder, Verifier
from denoiser.codec.encode import Encoder
from denoiser.codec.mosaic import reduced
from denoiser.errors import Cancelled, DamagedLatent, UnknownWeights, UnreadableImage, UsageError
from denoiser.events import CancelToken, TileDone
from denoiser.image import Image, Metadata
from denoiser.metrics import psnr
from denoiser.options import DecodeOptions, EncodeOptions
from denoiser.tiling import Region


def test_latents_exact_pixels_and_noise_are_proven(make_photo, asked, tiny_codec) -> None:
    verifier = Verifier(str(tiny_codec))
    for options in (asked(), asked(denoise=9.0), EncodeOptions(lossless=True)):
        verifier.verify(container.read_bytes(encode(make_photo(100, 130, noise=9), options), "x"), "x")


def test_what_is_forged_is_found(make_photo, asked, tiny_codec) -> None:
    verifier = Verifier(str(tiny_codec))
    file = container.read_bytes(encode(make_photo(100, 130, noise=9), asked(denoise=9.0)), "x")
    tile = file.tiles[0]
    for tiles in (
        (TileStream(tile.stream, tile.symbols_crc ^ 1),),
        (TileStream(tile.stream[:-9], tile.symbols_crc),),
    ):
        with pytest.raises(DamagedLatent, match=r"^a\.dlf"):
            verifier.verify(dataclasses.replace(file, tiles=tiles), "a.dlf")


def test_without_the_weights_nobody_can_tell(make_photo, asked) -> None:
    file = container.read_bytes(encode(make_photo(100, 130), asked()), "x")
    with pytest.raises(UnknownWeights, match=r"^a\.dlf needs the codec weights"):
        Verifier().verify(file, "a.dlf")


@pytest.mark.parametrize("bits", [8, 10, 16, 32])
@pytest.mark.parametrize("channels", [1, 3])
def test_depth_and_kind_stay(make_photo, asked, wanted, bits: int, channels: int) -> None:
    photo = make_photo(150, 170, bits=bits, channels=channels)
    data = encode(photo, asked(quality=90))
    assert not container.read_bytes(data, "x").is_exact
    back = decode(data, wanted())
    assert (back.pixels.shape, back.pixels.dtype, back.bits) == (photo.pixels.shape, photo.pixels.dtype, bits)
    # The tiny codec is no good codec, but it is one.
    assert psnr(back.pixels, photo.pixels, white=photo.white) > 24


def test_more_quality_is_nearer(make_photo, asked, wanted) -> None:
    photo = make_photo(192, 256)
    scores = [
        psnr(photo.pixels, decode(encode(photo, asked(quality=q)), wanted()).pixels, white=255) for q in (0, 40, 80)
    ]
    assert scores == sorted(scores) and scores[-1] > scores[0] + 1


@pytest.mark.parametrize("size", [(1, 200), (200, 1), (63, 65), (64, 64), (97, 131), (199, 64)])
def test_sizes_of_every_kind_come_back(make_photo, asked, wanted, size: tuple[int, int]) -> None:
    photo = make_photo(*size)
    options = asked(quality=70)
    encoded = Encoder(options)
    # Exact pixels would be smaller for the smallest: the latents are what is tried here.
    import denoiser.codec.encode as module

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "may_be_exact_within", lambda *_words: False)
        data = encoded.encode(photo).data
    back = decode(data, wanted())
    assert back.pixels.shape == photo.pixels.shape
    assert psnr(back.pixels, photo.pixels, white=255) > 18


REGIONS = ["0,0,1,1", "100,100,300,20", "0,0,500,140", "499,139,1,1", "120,0,30,140"]


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_has_the_pixels_of_the_whole(make_photo, asked, wanted, small_tiles: None, region: str) -> None:
    photo = make_photo(140, 500)
    data = encode(photo, asked())
    assert len(container.read_bytes(data, "x").tiles) == 12
    whole = decode(data, wanted()).pixels
    x, y, width, height = map(int, region.split(","))
    part = decode(data, wanted(region=region)).pixels
    assert np.array_equal(part, whole[y : y + height, x : x + width])


def test_a_region_needs_its_own_tiles_alone(make_photo, asked, wanted, small_tiles: None) -> None:
    photo = make_photo(64, 700)
    data = encode(photo, asked())
    file = container.read_bytes(data, "x")
    told: list[TileDone] = []
    Decoder(wanted(region="10,10,50,50")).decode(file, "x", listener=told.append)  # type: ignore[arg-type]
    assert len(file.tiles) == 6 and len(told) == 1
    # A tile that is far away may be damaged without harm to the region.
    broken = dataclasses.replace(file, tiles=(*file.tiles[:-1], dataclasses.replace(file.tiles[-1], symbols_crc=1)))
    part = Decoder(wanted(region="10,10,50,50")).decode(broken, "x").image
    assert np.array_equal(part.pixels, decode(data, wanted()).pixels[10:60, 10:60])
    with pytest.raises(DamagedLatent, match="x: corrupt: the checksum of the symbols does not match"):
        Decoder(wanted()).decode(broken, "x")


def test_a_region_beyond_the_picture_is_refused(make_photo, asked, wanted) -> None:
    data = encode(make_photo(140, 150), asked())
    with pytest.raises(UnreadableImage, match="the region 149,0,2,1 reaches beyond its 150 x 140 pixels"):
        decode(data, wanted(region="149,0,2,1"))


def test_no_seam_shows_where_tiles_meet(make_photo, asked, wanted, small_tiles: None) -> None:
    """The tiny codec errs most where its squares of 16 meet; where tiles meet it errs no more."""
    photo = make_photo(192, 640)
    data = encode(photo, asked(quality=80))
    assert len(container.read_bytes(data, "x").tiles) == 15
    error = np.abs(decode(data, wanted()).pixels.astype(float) - photo.pixels).mean(axis=(0, 2))
    at = {place: error[place - 1 : place + 1].mean() for place in range(16, 640, 16)}
    tiles, squares = ([e for place, e in at.items() if (place % 128 == 0) == border] for border in (True, False))
    assert np.mean(tiles) < 1.1 * np.mean(squares)


def test_profile_metadata_and_alpha_come_back(make_photo, asked, wanted) -> None:
    photo = make_photo(130, 140)
    alpha = np.random.default_rng(1).integers(0, 256, (130, 140), np.uint8)
    metadata = Metadata(xmp=b"<x/>", comment="mine")
    photo = dataclasses.replace(photo, alpha=alpha, profile=b"p" * 40, metadata=metadata)
    for options in (asked(), asked(lossless=True)):
        back = decode(encode(photo, options), wanted())
        assert back.alpha is not None and np.array_equal(back.alpha, alpha)
        assert (back.profile, back.metadata) == (photo.profile, metadata)


def test_the_alpha_of_a_float_picture_comes_back_in_sixteen_bits(make_photo, asked, wanted) -> None:
    photo = make_photo(130, 140, bits=32)
    alpha = np.random.default_rng(1).random((130, 140), np.float32)
    back = decode(encode(dataclasses.replace(photo, alpha=alpha), asked()), wanted())
    assert back.alpha is not None and np.allclose(back.alpha, alpha, atol=1 / 65535)


@pytest.mark.parametrize("lossless", [False, True])
def test_another_depth_can_be_asked_for(make_photo, asked, wanted, lossless: bool) -> None:
    photo = make_photo(130, 140)
    data = encode(photo, asked(lossless=lossless))
    usual, deep = decode(data, wanted()), decode(data, wanted(depth=16))
    assert deep.bits == 16 and deep.pixels.dtype == np.uint16
    assert np.abs(deep.pixels / 257 - usual.pixels).max() <= (0 if lossless else 0.51)


def test_grain_is_that_of_the_noise_and_the_same_in_a_region(make_photo, asked, wanted) -> None:
    photo = make_photo(256, 320, noise=16)
    data = encode(photo, asked(denoise=16.0))
    plain, grainy = decode(data, wanted()), decode(data, wanted(grain=1.0))
    added = grainy.pixels.astype(float) - plain.pixels
    assert 5 < added.mean(axis=2).std() < 20
    part = decode(data, wanted(grain=1.0, region="40,50,100,90"))
    assert np.array_equal(part.pixels, grainy.pixels[50:140, 40:140])
    half = decode(data, wanted(grain=0.5)).pixels.astype(float) - plain.pixels
    assert half.std() == pytest.approx(added.std() / 2, rel=0.1)


def test_without_noise_there_is_no_grain_and_it_is_said(make_photo, asked, wanted) -> None:
    file = container.read_bytes(encode(make_photo(130, 140), asked()), "x")
    made = Decoder(wanted(grain=1.0)).decode(file, "x")
    assert made.notes == made.image.notes == ("no grain is added: the file has no noise model",)


def test_weights_that_are_not_here_are_named(make_photo, asked) -> None:
    file = container.read_bytes(encode(make_photo(130, 140), asked()), "a.dlf")
    with pytest.raises(UnknownWeights, match=f"a.dlf needs the codec weights {file.weights}"):
        Decoder(DecodeOptions()).decode(file, "a.dlf")


def test_a_decoder_keeps_what_it_has_loaded_and_serves_many_files(make_photo, asked, wanted) -> None:
    decoder = Decoder(wanted())
    for side in (130, 140):
        file = container.read_bytes(encode(make_photo(side, side), asked()), "x")
        made = decoder.decode(file, "x", times_ns=(1, 2))
        assert made.image.height == side and made.device == "cpu" and made.precision == "fp32"
        assert made.image.origin is not None and made.image.origin.times_ns == (1, 2)


def test_it_stops_within_a_tile(make_photo, asked, wanted, small_tiles: None) -> None:
    file = container.read_bytes(encode(make_photo(64, 700), asked()), "x")
    cancel, told = CancelToken(), []
    with pytest.raises(Cancelled):
        Decoder(wanted()).decode(
            file, "x", listener=lambda event: (told.append(event), cancel.cancel()), cancel=cancel
        )  # type: ignore[func-returns-value]
    assert len(told) == 1


def test_bytes_that_are_no_file_are_refused() -> None:
    for data in (b"", b"\x89PNG\r\n\x1a\n", b"\x89DLF\r\n\x1a\n"):
        with pytest.raises(UnreadableImage, match="the latent file"):
            decode(data)


def test_the_decoder_is_given_images_that_are_complete(make_photo, asked, wanted) -> None:
    back = decode(encode(make_photo(130, 140), asked()), wanted())
    assert isinstance(back, Image) and not back.pixels.flags.writeable
    assert Region(0, 0, back.height, back.width) == Region(0, 0, 130, 140)


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("region", ["", "0,0,150,100", "3,70,131,90"])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_scale_gives_the_means_of_the_full_size(
    make_photo, asked, wanted, small_tiles, bits: int, region: str, alpha: bool
) -> None:
    photo = make_photo(203, 301, bits=bits)
    if alpha:
        photo = dataclasses.replace(photo, alpha=make_photo(203, 301, bits=bits).pixels[:, :, 0])
    for options in (asked(), EncodeOptions(lossless=True)):
        data = encode(photo, options)
        full = decode(data, wanted(region=region))
        small = decode(data, wanted(region=region, scale="1/4"))
        assert small.pixels.shape == (-(-full.height // 4), -(-full.width // 4), 3) and small.bits == bits
        assert (small.alpha is None) == (not alpha)
        means = reduced(full.pixels, 4)
        assert np.abs(small.pixels - means).max() <= 1.01
        if alpha:
            assert np.abs(small.alpha - reduced(full.alpha, 4)).max() <= 0.51


def test_a_scale_and_grain_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="only one of grain and scale"):
        DecodeOptions(scale="1/8", grain=1.0)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_stored_thumbnail_is_decoded_without_the_weights(make_photo, asked, monkeypatch, bits: int) -> None:
    photo = dataclasses.replace(make_photo(203, 401, bits=bits), profile=b"profile")
    data = encode(photo, asked(thumbnail=True))
    monkeypatch.setattr(Decoder, "_codec", None)
    small = decode(data, DecodeOptions(scale="thumbnail"))
    assert small.pixels.shape == (81, 160, 3) and small.bits == 8 and small.profile == b"profile"
    assert abs(float(small.pixels.mean()) / small.white - float(photo.pixels.mean()) / photo.white) < 0.01
    assert decode(data, DecodeOptions(scale="thumbnail", depth=16)).bits == 16


def test_without_a_stored_thumbnail_an_eighth_is_decoded(make_photo, asked, wanted) -> None:
    data = encode(make_photo(203, 301), asked())
    small, eighth = (decode(data, wanted(scale=scale)) for scale in ("thumbnail", "1/8"))
    assert np.array_equal(small.pixels, eighth.pixels)
    with pytest.raises(UsageError, match="whole image"):
        DecodeOptions(scale="thumbnail", region="0,0,8,8")
