import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from denoiser.engine import guard, open_session
from denoiser.errors import SpoiltResult
from denoiser.image import Pixels, from_numpy
from denoiser.networks.conditioning import Condition
from denoiser.options import DenoiseOptions

_PHOTOS = ("astronaut", "chelsea", "coffee", "cat")


def _photo(name: str, side: int = 192) -> Pixels:
    from skimage import data

    return np.asarray(getattr(data, name)()[40 : 40 + side, 60 : 60 + side])


def _noisy(clean: Pixels, sigma: float) -> Pixels:
    noise = np.random.default_rng(2).normal(size=clean.shape) * sigma
    return np.clip(np.rint(clean + noise), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def session():
    return open_session(DenoiseOptions(precision="fp32", device="cpu"))


def _cleaned(session, noisy: Pixels, told: float | None) -> Pixels:
    condition = Condition() if told is None else Condition(told, told)
    return np.clip(np.rint(session.clean_values(noisy.astype(np.float32) / 255, condition) * 255), 0, 255).astype(
        np.uint8
    )


@pytest.mark.parametrize(("sigma", "told"), [(0, None), (25, 25), (75, None)])
def test_what_the_network_gives_is_believed(session, sigma, told):
    noisy = _noisy(_photo("astronaut", 128), sigma)
    assert guard.check(noisy, _cleaned(session, noisy, told), told, 255.0) is None


@pytest.mark.long
@pytest.mark.parametrize("photo", _PHOTOS)
@pytest.mark.parametrize("told", [None, 0, 10, 50, 75])
def test_no_sound_result_is_refused_at_any_level_told_rightly_or_wrongly(session, photo, told):
    for sigma in (0, 2, 5, 15, 25, 50, 75):
        noisy = _noisy(_photo(photo), sigma)
        assert guard.check(noisy, _cleaned(session, noisy, told), told, 255.0) is None, sigma


@pytest.mark.parametrize("size", [8, 10, 16])
def test_writing_in_a_pure_colour_is_no_fault(session, size):
    """Red is white all over, and the network lets it follow the others a little."""
    page = Image.new("RGB", (192, 128), "white")
    font = ImageFont.load_default(size)
    for row in range(0, 128, size + 3):
        ImageDraw.Draw(page).text((3, row), "quick brown foxes jump 0123456789"[row // 8 :], (255, 0, 0), font)
    assert guard.check(np.asarray(page), _cleaned(session, np.asarray(page), 10), 10, 255.0) is None


@pytest.mark.parametrize("cell", [2, 3, 4])
def test_dots_in_a_pure_colour_are_refused_only_where_they_are_smeared(session, cell):
    dots = np.random.default_rng(0).random((128 // cell + 1, 192 // cell + 1)) < 0.5
    ink = np.kron(dots, np.ones((cell, cell), bool))[:128, :192, np.newaxis]
    page = np.where(ink, np.array([255, 0, 0], np.uint8), np.array([255, 255, 255], np.uint8))
    cleaned = _cleaned(session, page, 10)
    off = np.sqrt(np.square(cleaned.astype(float) - page).mean())
    assert (guard.check(page, cleaned, 10, 255.0) is None) == (off < 32)


def _darker(tile: Pixels) -> Pixels:
    return (tile * 0.7).astype(tile.dtype)


def _black(tile: Pixels) -> Pixels:
    return np.zeros_like(tile)


def _swapped(tile: Pixels) -> Pixels:
    return np.ascontiguousarray(tile[:, :, ::-1])


def _shifted(tile: Pixels) -> Pixels:
    return np.roll(tile, 3, axis=1)


def _upside_down(tile: Pixels) -> Pixels:
    return tile[::-1].copy()


@pytest.mark.parametrize("fault", [_darker, _black, _swapped, _shifted, _upside_down])
@pytest.mark.parametrize("told", [None, 25.0])
@pytest.mark.parametrize("photo", _PHOTOS)
def test_a_spoilt_tile_is_found_and_named(fault, told, photo):
    truth = _photo(photo)
    noisy, clean = _noisy(truth, 25), truth.copy()
    assert guard.check(noisy, clean, told, 255.0) is None
    clean[64:, 64:] = fault(clean[64:, 64:])
    found = guard.check(noisy, clean, told, 255.0)
    assert found is not None
    assert found.top >= 64
    assert found.left >= 64
    assert f"around row {found.top + 16}, column {found.left + 16}" in str(found)


def test_a_colour_that_moved_by_little_is_found_where_there_is_little_noise():
    truth = _photo("coffee")
    clean = np.clip(truth + np.array([9, 0, -9]), 0, 255).astype(np.uint8)
    assert guard.check(_noisy(truth, 3), clean, 3.0, 255.0) is not None
    assert guard.check(_noisy(truth, 3), truth, 3.0, 255.0) is None


@pytest.mark.parametrize("spoilt", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_found_unless_they_were_there_before(spoilt):
    source = np.full((100, 100, 3), 0.5, np.float32)
    clean = source.copy()
    clean[70, 40, 1] = spoilt
    found = guard.check(source, clean, None, 1.0)
    assert found == guard.Fault("there are values that are no numbers", 64, 32)
    source[70, 40, 1] = np.nan
    assert guard.check(source, clean, None, 1.0) is None


@pytest.mark.parametrize("level", [0, 255])
def test_noise_that_was_clipped_may_move_the_mean(level):
    truth = np.full((128, 128, 3), level, np.uint8)
    assert guard.check(_noisy(truth, 60), truth, None, 255.0) is None
    # In the middle as much would be a fault.
    grey = np.full((128, 128, 3), 128, np.uint8)
    assert guard.check(grey + np.uint8(30), grey, None, 255.0) is not None


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (33, 31), (7, 7), (65, 40)])
def test_pictures_of_any_size_are_looked_at(shape):
    truth = np.full((*shape, 1), 100, np.uint8)
    assert guard.check(_noisy(truth, 10), truth, 10.0, 255.0) is None


def test_ten_bits_and_sixteen_are_judged_alike():
    truth = _photo("cat")
    noisy = _noisy(truth, 10)
    for dtype, times in ((np.uint16, 4), (np.uint16, 257)):
        source, clean = (pixels.astype(dtype) * times for pixels in (noisy, truth))
        assert guard.check(source, clean, 10.0 * times, 255.0 * times) is None
        assert guard.check(source, clean // 2, 10.0 * times, 255.0 * times) is not None


class _Spoiling:
    """The runner of a session that darkens a corner in some precisions, as broken kernels do."""

    def __init__(self, session, precisions: set[str]) -> None:
        self._runner, self._precisions = session._cleaner.runner, precisions
        self._finish = self._runner.finish
        self._runner.finish = self.finish

    def finish(self, started):
        for canvas in self._finish(started):
            if self._runner.precision in self._precisions:
                canvas.result[:64, :64] //= 2
            yield canvas


def _noisy_image():
    return from_numpy(_noisy(_photo("astronaut", 128), 15))


def test_a_session_tries_again_in_fp32_and_says_so():
    session = open_session(DenoiseOptions(device="cpu", noise_level=15.0))
    _Spoiling(session, {"bf16"})
    session.precision = session._cleaner.runner.precision = "bf16"
    result = session.clean(_noisy_image())
    assert result.precision == session.precision == "fp32"
    assert result.notes[-1].startswith("in bf16 brightness or colour moved around row")
    assert np.array_equal(result.image.pixels, session.clean(_noisy_image()).image.pixels)
    assert session.clean(_noisy_image()).notes == ()


def test_a_session_hands_out_no_spoilt_picture():
    session = open_session(DenoiseOptions(device="cpu", precision="fp32", noise_level=15.0))
    _Spoiling(session, {"fp32"})
    with pytest.raises(SpoiltResult, match="brightness or colour moved around row"):
        session.clean(_noisy_image())
    [(name, error)] = session.clean_many([("one", _noisy_image())])
    assert name == "one"
    assert isinstance(error, SpoiltResult)
