"""A picture becomes a file that keeps its aim; exact where that is smaller; never anything half done."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from denoiser import EncodeOptions, decode, denoise, encode
from denoiser.codec import container
from denoiser.codec.analysed import Analysed
from denoiser.codec.context import Coder
from denoiser.codec.encode import Encoder, quality_of, step_of
from denoiser.codec.search import EFFORTS
from denoiser.errors import Cancelled, FaultyResult, MissingModel, UnwritableImage
from denoiser.events import CancelToken, Event, TileDone
from denoiser.image import Image, Metadata, Origin
from denoiser.metrics import ms_ssim, psnr


@pytest.mark.parametrize(("quality", "step"), [(0, 0), (100, 63), (60, 38), (None, 38), (0.79, 0), (0.8, 1)])
def test_a_quality_is_a_step(quality: float | None, step: int) -> None:
    assert step_of(quality) == step
    assert step_of(quality_of(step)) == step


def opened(data: bytes) -> container.LatentFile:
    return container.read_bytes(data, "made here")


def test_the_quality_is_the_step_and_costs_bytes(make_photo, asked) -> None:
    photo = make_photo(192, 256)
    encoder = [Encoder(asked(quality=quality)) for quality in (0, 50, 100)]
    made = [one.encode(photo) for one in encoder]
    assert [opened(one.data).step for one in made] == [0, 32, 63]
    assert len(made[0].data) < len(made[1].data) < len(made[2].data)
    assert [one.quality for one in made] == [0.0, 50.8, 100.0]
    assert made[1].bits_per_pixel == pytest.approx(len(made[1].data) * 8 / (192 * 256))
    assert encode(photo, asked(quality=50)) == made[1].data


def test_the_same_picture_gives_the_same_bytes_on_any_number_of_threads(make_photo, asked) -> None:
    photo = make_photo(300, 520)
    before = torch.get_num_threads()
    try:
        made = set()
        for threads in (1, 2):
            torch.set_num_threads(threads)
            made.add(encode(photo, asked()))
    finally:
        torch.set_num_threads(before)
    assert len(made) == 1


def test_a_size_is_kept_and_the_next_step_would_be_too_large(make_photo, asked) -> None:
    photo = make_photo(192, 256)
    data = encode(photo, asked(target_size=2500))
    step = opened(data).step
    assert len(data) <= 2500 and 0 < step < 63
    above = encode(photo, asked(quality=(step + 1) * 100 / 63))
    assert opened(above).step == step + 1 and len(above) > 2500
    by_bits = encode(photo, asked(bpp=2500 * 8 / (192 * 256)))
    assert by_bits == data


@pytest.mark.parametrize("effort", [2, 5])
def test_effort_makes_other_bytes_that_decode_and_repeat(
    make_photo, asked, wanted, small_tiles, effort: int
) -> None:
    photo = make_photo(100, 200)
    events: list[Event] = []
    made = Encoder(asked(effort=effort, verify=True)).encode(photo, listener=events.append)
    assert made.data == encode(photo, asked(effort=effort)) != encode(photo, asked())
    assert decode(made.data, wanted()).pixels.shape == photo.pixels.shape
    done = [event.done for event in events if isinstance(event, TileDone)]
    assert done == list(range(1, 4 * (EFFORTS[effort - 1].steps + 1) + 1))
    assert events[-1].done == events[-1].total


def test_a_quality_has_a_lower_step_at_a_higher_effort(make_photo, asked) -> None:
    photo = make_photo(64, 64)
    for quality, step in ((60, 38 - EFFORTS[2].worth), (0, 0)):
        made = Encoder(asked(effort=3, quality=quality)).encode(photo)
        assert opened(made.data).step == step and made.quality == quality_of(step)


def test_a_size_is_kept_at_every_effort(make_photo, asked) -> None:
    photo = make_photo(128, 192)
    limit = 1500
    data = encode(photo, asked(target_size=limit, effort=2))
    assert 0.8 * limit < len(data) <= limit
    least = len(encode(photo, asked(quality=0)))
    assert len(encode(photo, asked(target_size=least, effort=2))) <= least


def test_a_psnr_is_reached_at_every_effort(make_photo, asked, wanted) -> None:
    photo = make_photo(100, 130)
    aim = psnr(photo.pixels, decode(encode(photo, asked(quality=50)), wanted()).pixels, white=255)
    data = encode(photo, asked(min_psnr=aim, effort=2))
    assert psnr(photo.pixels, decode(data, wanted()).pixels, white=255) >= aim


def test_a_psnr_takes_two_or_three_decodings(make_photo, asked, monkeypatch) -> None:
    looked: list[int] = []
    psnr_at = Analysed.psnr
    monkeypatch.setattr(Analysed, "psnr", lambda self, step: looked.append(step) or psnr_at(self, step))
    encode(make_photo(100, 130), asked(min_psnr=30.0))
    assert len(looked) <= 4


def test_refinement_stops_within_a_step(make_photo, asked) -> None:
    cancel = CancelToken()
    steps: list[Event] = []

    def listener(event: Event) -> None:
        steps.append(event)
        if len(steps) == 2:
            cancel.cancel()

    with pytest.raises(Cancelled):
        Encoder(asked(effort=9)).encode(make_photo(64, 64), listener=listener, cancel=cancel)
    assert len(steps) == 2


def test_a_size_out_of_reach_says_what_it_takes(make_photo, asked) -> None:
    photo = make_photo(192, 256)
    least = len(encode(photo, asked(quality=0)))
    with pytest.raises(UnwritableImage, match=f"cannot be encoded in 100 bytes: it takes at least {least:,}"):
        encode(photo, asked(target_size=100))


def test_a_psnr_is_reached_and_the_step_below_does_not(make_photo, asked, wanted) -> None:
    photo = make_photo(100, 130)

    def score(step: int) -> float:
        data = encode(photo, asked(quality=step * 100 / 63))
        return psnr(photo.pixels, decode(data, wanted()).pixels, white=255)

    aim = (score(30) + score(31)) / 2
    assert opened(encode(photo, asked(min_psnr=aim))).step == 31


def test_an_ms_ssim_is_reached_and_the_step_below_does_not(make_photo, asked, wanted) -> None:
    photo = make_photo(180, 190)

    def score(step: int) -> float:
        data = encode(photo, asked(quality=step * 100 / 63))
        return ms_ssim(photo.pixels, decode(data, wanted()).pixels, white=255)

    aim = (score(30) + score(31)) / 2
    step = opened(encode(photo, asked(min_msssim=aim))).step
    assert score(step) >= aim and abs(step - 31) <= 1


def test_an_ms_ssim_needs_a_large_enough_picture_and_may_be_out_of_reach(make_photo, asked) -> None:
    with pytest.raises(UnwritableImage, match="less than 176 pixels"):
        encode(make_photo(100, 200), asked(min_msssim=0.9))
    made = Encoder(asked(min_msssim=0.9999)).encode(make_photo(180, 190))
    assert made.notes == ("no quality reaches an MS-SSIM of 0.9999: stored losslessly",)


def test_a_psnr_that_no_latents_reach_is_kept_exact_and_said(make_photo, asked) -> None:
    photo = make_photo(100, 130)
    made = Encoder(asked(min_psnr=90.0)).encode(photo)
    assert opened(made.data).is_exact and made.quality is None
    assert made.notes == ("no quality reaches 90 dB: stored losslessly",)
    with pytest.raises(UnwritableImage, match="no quality reaches 90 dB"):
        encode(make_photo(100, 130, bits=32), asked(min_psnr=90.0))


@pytest.mark.parametrize("pixels", [np.zeros((1, 1, 3), np.uint8), np.full((400, 300, 3), 9, np.uint8)])
def test_what_is_smaller_bit_for_bit_is_kept_so(asked, pixels: np.ndarray) -> None:
    file = opened(encode(Image(pixels), asked()))
    assert file.is_exact and not file.weights


def test_within_a_size_exact_pixels_are_the_best(make_photo, asked) -> None:
    photo = make_photo(60, 70)
    assert opened(encode(photo, asked(target_size=50_000))).is_exact
    assert not opened(encode(photo, asked(target_size=1_500))).is_exact


def test_lossless_needs_no_weights_and_refuses_float(make_photo) -> None:
    options = EncodeOptions(lossless=True, model="nowhere.safetensors", verify=True)
    for bits in (8, 10, 16):
        assert opened(encode(make_photo(40, 50, bits=bits), options)).is_exact
    with pytest.raises(UnwritableImage, match="float"):
        encode(make_photo(40, 50, bits=32), options)
    with pytest.raises(MissingModel, match=r"nowhere\.safetensors"):
        encode(make_photo(40, 50), dataclasses.replace(options, lossless=False))


def test_what_came_with_the_picture_is_in_the_file(make_photo, asked) -> None:
    kept = Metadata(exif=b"II*\0\x08\0\0\0\0\0\0\0\0\0", xmp=b"<x/>", comment="mine", resolution=(300.0, 300.0))
    photo = dataclasses.replace(
        make_photo(130, 130),
        profile=b"icc" * 50,
        metadata=kept,
        origin=Origin("jpeg", "rgb", lossless=False, notes=("said",)),
    )
    made = Encoder(asked(thumbnail=True)).encode(photo)
    file = opened(made.data)
    assert (file.metadata, file.profile) == (kept, photo.profile)
    assert file.source is not None and (file.source.format, file.source.lossless) == ("jpeg", False)
    assert file.thumbnail is not None and file.thumbnail.startswith(b"\xff\xd8") and made.notes == ("said",)
    bare = opened(encode(photo, asked(strip=True)))
    assert (bare.metadata, bare.source, bare.profile) == (Metadata(), None, photo.profile)


def test_progress_and_a_stop_within_a_tile(make_photo, asked, small_tiles: None) -> None:
    photo, told, cancel = make_photo(64, 500), [], CancelToken()
    for options, total in ((asked(), 4), (asked(bpp=2.0), 4), (asked(denoise=9.0), 8)):
        told.clear()
        Encoder(options).encode(photo, listener=told.append)
        assert told == [TileDone(n, total, photo.megapixels) for n in range(1, total + 1)]
        told.clear()

    def hear(event: Event) -> None:
        told.append(event)
        if len(told) == 2:
            cancel.cancel()

    with pytest.raises(Cancelled):
        Encoder(asked()).encode(photo, listener=hear, cancel=cancel)
    assert len(told) == 2


def test_noise_that_is_taken_out_is_described_and_what_it_costs_is_known(make_photo, asked) -> None:
    photo = make_photo(192, 256, noise=20)
    made = Encoder(asked(denoise=20.0, verify=True)).encode(photo)
    file = opened(made.data)
    assert file.cleaned and file.noise is not None and made.noise is not None
    assert (made.noise.luma, made.noise.chroma) == (20.0, 20.0)
    assert made.noisy_bytes == len(encode(photo, asked())), "at the same setting, with the noise"


def test_the_estimate_decides_for_auto(make_photo, asked) -> None:
    noisy, clean = make_photo(256, 256, noise=20), Image(np.full((256, 256, 3), 128, np.uint8))
    made = Encoder(asked(denoise=None)).encode(noisy)
    assert made.noise is not None and 14 < made.noise.luma < 26
    assert Encoder(asked(denoise=None)).encode(clean).noise is None, "where there is none, nothing is taken out"
    grey = Encoder(asked(denoise=10.0)).encode(make_photo(256, 256, channels=1, noise=10))
    assert grey.noise is not None and (grey.noise.luma, grey.noise.chroma) == (10.0, 0.0)


def test_what_is_encoded_is_the_denoised_image(make_photo, asked) -> None:
    photo = make_photo(192, 256, noise=20)
    denoised = denoise(photo, noise_level=20.0, device="cpu", precision="fp32")
    made = Encoder(asked(denoise=20.0)).encode(photo)
    assert [tile.stream for tile in opened(made.data).tiles] == [
        tile.stream for tile in opened(encode(denoised, asked())).tiles
    ]


def test_a_tile_that_does_not_decode_is_never_kept(make_photo, asked, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = make_photo(130, 130)
    assert encode(photo, asked(verify=True)) == encode(photo, asked())
    real = Coder.symbols

    def wrong(*words: Any) -> Any:
        z, symbols = real(*words)
        symbols[0, 0, 0] += 1
        return z, symbols

    monkeypatch.setattr(Coder, "symbols", wrong)
    with pytest.raises(FaultyResult, match="tile 1 does not decode to its input"):
        encode(photo, asked(verify=True))


def test_the_picture_itself_is_never_changed(make_photo, asked) -> None:
    photo = make_photo(130, 130, bits=32)
    before = photo.pixels.copy()
    encode(photo, asked())
    assert np.array_equal(photo.pixels, before)
