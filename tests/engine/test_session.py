import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import denoiser
from denoiser import metrics
from denoiser.engine.runner import NetworkRunner
from denoiser.engine.session import Session
from denoiser.errors import Cancelled, MissingModel, UsageError
from denoiser.estimation.estimator import estimate_noise
from denoiser.events import CancelToken, TileDone
from denoiser.image import Image, from_numpy
from denoiser.options import DenoiseOptions


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    from skimage import data

    return data.astronaut()[:256, 100:420]


@pytest.fixture(scope="module")
def session() -> Session:
    return Session(DenoiseOptions(model="fast", device="cpu", precision="fp32"))


def _with_noise(clean: np.ndarray, sigma: float, white: int = 255) -> np.ndarray:
    noise = np.random.default_rng(1).standard_normal(clean.shape) * sigma / 255 * white
    noisy = np.clip(np.rint(clean / 255 * white + noise), 0, white)
    return noisy.astype(np.uint8 if white == 255 else np.uint16)


@pytest.mark.parametrize("level", [None, 25.0])
def test_a_noisy_photo_comes_out_several_decibels_better(clean, level):
    noisy = _with_noise(clean, 25)
    result = denoiser.denoise(from_numpy(noisy), DenoiseOptions(noise_level=level, precision="fp32"))
    assert metrics.psnr(result.pixels, clean, white=255) > metrics.psnr(noisy, clean, white=255) + 6


def test_sixteen_bits_are_cleaned_in_sixteen_bits(clean):
    noisy = _with_noise(clean, 25, 65535)
    result = denoiser.denoise(from_numpy(noisy), DenoiseOptions(noise_level=25, precision="fp32"))
    assert result.pixels.dtype == np.uint16
    assert len(np.unique(result.pixels & 0xFF)) > 200  # the low byte lives
    wanted = clean.astype(np.uint16) * 257
    assert metrics.psnr(result.pixels, wanted, white=65535) > metrics.psnr(noisy, wanted, white=65535) + 6


def test_grey_stays_grey_and_gets_clean(clean):
    grey = clean[:, :, 1]
    noisy = _with_noise(grey, 25)
    result = denoiser.denoise(from_numpy(noisy), DenoiseOptions(noise_level=25, precision="fp32"))
    assert result.channels == 1
    gained = metrics.psnr(result.pixels[:, :, 0], grey, white=255) - metrics.psnr(noisy, grey, white=255)
    assert gained > 5


def test_alpha_and_what_came_with_the_picture_stay(clean):
    with_alpha = np.dstack([clean, np.arange(clean[:, :, 0].size).reshape(clean.shape[:2]) % 251]).astype(np.uint8)
    image = from_numpy(with_alpha, profile=b"a profile")
    result = denoiser.denoise(image)
    assert np.array_equal(result.alpha, with_alpha[:, :, 3])
    assert result.profile == b"a profile"
    assert np.array_equal(image.pixels, with_alpha[:, :, :3])


@pytest.mark.parametrize("options", [DenoiseOptions(strength=0), DenoiseOptions(noise_level=0)])
def test_nothing_asked_is_nothing_changed(clean, options):
    noisy = _with_noise(clean, 25)
    assert np.array_equal(denoiser.denoise(from_numpy(noisy), options).pixels, noisy)


@pytest.mark.parametrize("value", [0, 255])
@pytest.mark.parametrize("channels", [1, 3])
def test_black_and_white_stay_what_they_are_when_the_level_is_automatic(value, channels):
    image = from_numpy(np.full((90, 100, channels), value, np.uint8))
    cleaned = Session(DenoiseOptions(device="cpu")).clean(image)
    assert np.array_equal(cleaned.image.pixels, image.pixels)
    assert cleaned.estimate is not None and cleaned.estimate.luma == 0


def test_the_automatic_level_is_the_estimate_of_the_picture(clean):
    noisy = from_numpy(_with_noise(clean, 25))
    cleaned = Session(DenoiseOptions(device="cpu", precision="fp32")).clean(noisy)
    assert cleaned.estimate is not None
    assert 18 < cleaned.estimate.luma < 32
    told = DenoiseOptions(noise_level=25, device="cpu", precision="fp32")
    assert Session(told).clean(noisy).estimate is None


def test_a_brighter_float_picture_is_told_the_same_noise(clean):
    """Values up to 2: noise of 25 steps is 12.5 steps of what the network is shown."""
    bright = clean.astype(np.float32) / 255 * 2
    noise = np.random.default_rng(1).standard_normal(clean.shape).astype(np.float32) * 25 / 255
    result = denoiser.denoise(from_numpy(bright + noise), DenoiseOptions(noise_level=25, precision="fp32")).pixels
    assert np.sqrt(np.square(result - bright).mean()) < 0.45 * 25 / 255


def test_a_session_says_what_it_runs_and_how_far_it_is(clean, tiny_weights):
    session = Session(DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32"))
    assert (session.model_name, session.device, session.precision) == ("denoiser-tiny", "cpu", "fp32")
    assert len(session.model_digest) == 64
    heard: list[TileDone] = []
    session.clean(from_numpy(clean), listener=heard.append)
    assert (heard[-1].done, heard[-1].total) == (1, 1)


def test_an_unknown_model_is_named():
    with pytest.raises(MissingModel, match="denoiser-nowhere"):
        Session(DenoiseOptions(model="denoiser-nowhere"))


def test_every_rotation_and_flip_is_cleaned_alike():
    from skimage import data

    wanted = data.astronaut()  # a whole photo: on a small crop chance alone moves the figure by as much
    noisy = _with_noise(wanted, 25)
    session = Session(DenoiseOptions(noise_level=25, device="cpu", precision="fp32"))
    reached = []
    for turns in range(4):
        for turned in (np.rot90(noisy, turns), np.rot90(noisy, turns)[:, ::-1]):
            result = session.clean(from_numpy(np.ascontiguousarray(turned))).image.pixels
            back = np.rot90(result if len(reached) % 2 == 0 else result[:, ::-1], -turns)
            reached.append(metrics.psnr(np.ascontiguousarray(back), wanted, white=255))
    assert max(reached) - min(reached) < 0.05


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size_from_one_pixel_on(tiny_weights, dtype, channels):
    session = Session(DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32", tile=104))
    chance = np.random.default_rng(0)
    for height, width in ((1, 1), (1, 401), (307, 1), (2, 3), (97, 101), (64, 8)):
        image = from_numpy(chance.integers(0, 256, (height, width, channels)).astype(dtype))
        cleaned = session.clean(image)
        assert cleaned.image.pixels.shape == (height, width, channels)
        assert cleaned.image.pixels.dtype == dtype


def test_the_result_says_what_led_to_it(clean, tiny_weights):
    options = DenoiseOptions(
        model=str(tiny_weights), device="cpu", precision="fp32", tile=256, batch_size=2, memory=1
    )
    session = Session(options)
    assert (session.tile, session.batch_size) == (256, 2)
    assert session.device_reason == session.precision_reason == "as requested"
    cleaned = session.clean(from_numpy(clean))
    assert (cleaned.device, cleaned.precision, cleaned.tile) == ("cpu", "fp32", 256)
    assert cleaned.seconds > 0
    assert cleaned.notes == ()


def test_threads_may_share_a_session(clean, tiny_weights):
    session = Session(DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32", tile=128))
    pictures = [from_numpy(np.roll(clean, 31 * n, axis=1)) for n in range(4)]
    alone = [session.clean(picture).image.pixels for picture in pictures]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda picture: session.clean(picture).image.pixels, pictures))
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one, other)


def test_one_threads_cancel_is_not_anothers(clean, tiny_weights):
    session = Session(DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32", tile=128))
    token = CancelToken()
    with pytest.raises(Cancelled):
        session.clean(from_numpy(clean), listener=lambda _event: token.cancel(), cancel=token)
    assert session.clean(from_numpy(clean)).image.pixels.shape == clean.shape


def test_a_given_estimate_replaces_that_of_the_image(clean, tiny_weights):
    image, others = from_numpy(clean), []
    given = dataclasses.replace(estimate_noise(image), luma=20.0, chroma=20.0)
    for level in (None, 3.0):
        options = DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32", noise_level=level)
        session = Session(options)
        own, other = session.clean(image), session.clean(image, estimate=given)
        others.append(other.estimate)
        assert not np.array_equal(own.image.pixels, other.image.pixels)
    assert others == [given, None]


def _noisy_photo(clean):
    noise = np.random.default_rng(5).normal(size=clean.shape) * 12
    return from_numpy(np.clip(clean + noise, 0, 255).astype(np.uint8))


def test_more_passes_average_rotated_and_mirrored_copies(clean):
    image = _noisy_photo(clean)
    errors = []
    for passes in (1, 2, 8):
        options = DenoiseOptions(device="cpu", precision="fp32", noise_level=12, passes=passes)
        pixels = Session(options).clean(image).image.pixels
        errors.append(float(np.square(pixels.astype(float) - clean).mean()))
    assert errors[2] < errors[1] < errors[0]
    with pytest.raises(UsageError, match="passes must be one of 1, 2, 4, 8, not 3"):
        DenoiseOptions(passes=3)


def test_passes_of_a_turned_image_are_the_turned_result(clean):
    image = _noisy_photo(clean[:192, :192])
    turned = from_numpy(np.ascontiguousarray(np.rot90(image.pixels)))
    session = Session(DenoiseOptions(device="cpu", precision="fp32", noise_level=12, passes=8))
    one, other = session.clean(image).image.pixels, np.rot90(session.clean(turned).image.pixels, -1)
    assert np.abs(one.astype(int) - other).max() <= 1


@pytest.mark.parametrize("level", [None, 8])
def test_hot_pixels_go_unless_that_is_off(clean, level):
    pixels = clean.copy()
    places = [(40, 50), (200, 100), (130, 300)]
    for row, column in places:
        pixels[row, column] = 255 - pixels[row, column] // 128 * 255
    image = from_numpy(pixels)
    for wish in ("auto", "off"):
        session = Session(DenoiseOptions(device="cpu", noise_level=level, hot_pixels=wish))
        cleaned = session.clean(image)
        gone = [int(abs(cleaned.image.pixels[place].astype(int) - pixels[place]).max()) for place in places]
        said = any("dead or hot pixel" in note for note in cleaned.notes)
        assert said == (wish == "auto")
        assert (min(gone) > 100) == (wish == "auto"), gone
    assert np.array_equal(image.pixels, pixels)


@pytest.mark.parametrize("model", ["fast", pytest.param("best", marks=pytest.mark.long)])
@pytest.mark.parametrize("level", [2, 8, 23, 50, 75])
def test_no_level_moves_the_mean_colour_of_flat_patches(level, model):
    """Dark and saturated colours, with noise of another level than the one that is set."""
    colours = [(55, 49, 41), (20, 28, 74), (128, 128, 128), (200, 30, 30), (240, 240, 235), (8, 8, 8)]
    patch = np.concatenate([np.full((128, 128, 3), colour, np.float64) for colour in colours], axis=1)
    session = Session(DenoiseOptions(device="cpu", model=model, noise_level=level))
    for sigma in (0, 3, 10):
        noisy = np.clip(np.rint(patch + np.random.default_rng(1).normal(size=patch.shape) * sigma), 0, 255)
        cleaned = session.clean(from_numpy(noisy.astype(np.uint8))).image.pixels
        for number in range(len(colours)):
            part = slice(32, 96), slice(128 * number + 32, 128 * number + 96)
            moved = cleaned[part].mean(axis=(0, 1)) - noisy[part].mean(axis=(0, 1))
            # Noise that was clipped at black or white explains up to 0.4 of its sigma.
            clipped = min(colours[number]) < sigma or max(colours[number]) > 255 - 2 * sigma
            assert np.abs(moved).max() < 1 + 0.1 * sigma + 0.4 * sigma * clipped, (sigma, number, moved)


def _images(count: int) -> list[Image]:
    dice = np.random.default_rng(8)
    return [from_numpy(dice.integers(0, 256, (60 + 40 * (n % 3), 250, 3)).astype(np.uint8)) for n in range(count)]


def test_tiles_of_a_stack_share_batches_and_every_bit_is_the_same(tiny_weights, monkeypatch):
    options = DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32", tile=128, batch_size=4)
    session, images, batches = Session(options), _images(6), []
    start = NetworkRunner.start
    monkeypatch.setattr(
        NetworkRunner, "start", lambda self, pieces, cancel: batches.append(pieces) or start(self, pieces, cancel)
    )
    stack = session.clean_stack(images)
    assert any(len({id(canvas) for canvas, _tile in pieces}) > 1 for pieces in batches)
    for image, cleaned in zip(images, stack, strict=True):
        assert np.array_equal(cleaned.image.pixels, session.clean(image).image.pixels)


def test_a_stack_reports_progress_and_stops_within_a_tile(tiny_weights):
    session = Session(DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32", tile=128))
    events: list[TileDone] = []
    session.clean_stack(_images(2), listener=events.append)
    assert [(event.done, event.total) for event in events][-1] == (events[-1].total, events[-1].total)
    cancel, count = CancelToken(), len(events)
    events.clear()
    with pytest.raises(Cancelled):
        session.clean_stack(
            _images(2), listener=lambda event: events.append(event) or cancel.cancel(), cancel=cancel
        )
    assert len(events) == 1 < count


def test_images_of_a_stack_that_need_no_network_are_returned_unchanged(tiny_weights):
    session = Session(DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32", strength=0))
    [image] = _images(1)
    assert [cleaned.image for cleaned in session.clean_stack([image])] == [image]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_black_mask_leaves_pixels_as_they_are_even_hot_ones(session, channels):
    pixels = np.random.default_rng(4).integers(90, 110, (128, 160, channels), np.uint8)
    pixels[40, 40] = pixels[40, 120] = 255
    mask = np.zeros((128, 160), np.uint16)
    mask[:, 80:] = 65535
    image, options = from_numpy(pixels), DenoiseOptions(noise_level=10)
    whole = session.clean(image, options=options).image.pixels
    result = session.clean(image, options=options, mask=mask).image.pixels
    assert np.array_equal(result[:, :80], pixels[:, :80])
    assert np.array_equal(result[:, 80:], whole[:, 80:])
    assert result[40, 120].max() < 200  # the hot pixel was replaced there


_TILES = ((512, 1), (128, 1), (128, 3))


def test_a_mask_gives_the_same_result_with_any_tiles():
    image = from_numpy(np.random.default_rng(5).integers(60, 140, (300, 340, 3), np.uint8))
    mask = np.random.default_rng(6).integers(0, 65536, (300, 340)).astype(np.uint16)
    look = {"noise_level": 20, "detail": 0.5, "grain": 0.5, "device": "cpu", "precision": "fp32", "model": "fast"}
    results = [
        Session(DenoiseOptions(tile=tile, batch_size=batch, **look))
        .clean(image, mask=mask)
        .image.pixels.astype(int)
        for tile, batch in ((512, 1), (128, 1), (128, 3))
    ]
    assert np.array_equal(results[1], results[2])
    assert np.abs(results[0] - results[1]).max() <= 1


def test_a_mask_of_another_size_is_refused(session):
    image = from_numpy(np.zeros((32, 48, 3), np.uint8))
    with pytest.raises(UsageError, match="The mask has 32 x 48 pixels, the image 48 x 32"):
        session.clean(image, mask=np.zeros((48, 32), np.uint16))


def test_options_of_an_image_replace_those_of_the_session(session):
    image = from_numpy(np.random.default_rng(7).integers(0, 255, (64, 64, 3), np.uint8))
    for options in (DenoiseOptions(noise_level=30, strength=0.4, passes=2), DenoiseOptions(strength=0.0)):
        own = dataclasses.replace(options, model=session._options.model, device="cpu", precision="fp32")
        expected = Session(own).clean(image).image.pixels
        assert np.array_equal(session.clean(image, options=options).image.pixels, expected)


def test_another_model_stays_open(session, tiny_weights):
    other = session.for_model(str(tiny_weights))
    assert other.model_name == "denoiser-tiny" and other.device == "cpu"
    assert session.for_model(str(tiny_weights)) is other
    assert session.for_model("auto") is session and session.for_model(session._options.model) is session
