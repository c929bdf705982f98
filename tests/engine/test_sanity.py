import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont
from scipy.ndimage import minimum_filter

from denoiser.engine.arrays import Array
from denoiser.engine.sanity import REACH, repair, without_non_finite
from denoiser.engine.session import Session
from denoiser.errors import FaultyResult
from denoiser.events import CancelToken
from denoiser.image import Pixels, from_numpy
from denoiser.options import DenoiseOptions

_PHOTOS = ("astronaut", "chelsea", "coffee", "cat")


def _photo(name: str, side: int = 192) -> Pixels:
    from skimage import data

    return np.asarray(getattr(data, name)()[40 : 40 + side, 60 : 60 + side])


def _noisy(clean: Pixels, sigma: float) -> Pixels:
    noise = np.random.default_rng(2).normal(size=clean.shape) * sigma
    return np.clip(np.rint(clean + noise), 0, 255).astype(np.uint8)


def _values(pixels: Pixels) -> NDArray[np.float32]:
    return pixels[np.newaxis] / np.float32(255)


def _repair(source: Array, result: Array, sigma: float) -> tuple[Array, Array]:
    limit = np.array([sigma / 255], np.float32)
    result, bad = without_non_finite(source, result)
    return repair(source, result, limit if isinstance(source, np.ndarray) else torch.from_numpy(limit), bad)


def _shifted(tile: Pixels) -> Pixels:
    return np.roll(tile, 3, axis=1)


def _upside_down(tile: Pixels) -> Pixels:
    return tile[::-1].copy()


def _other_place(tile: Pixels) -> Pixels:
    return np.roll(tile, (37, 41), axis=(0, 1))


@pytest.mark.parametrize("fault", [_shifted, _upside_down, _other_place])
@pytest.mark.parametrize("photo", _PHOTOS)
def test_structure_that_is_not_in_the_source_is_replaced_there_and_only_there(fault, photo):
    truth = _photo(photo)
    noisy, result = _values(_noisy(truth, 10)), truth.copy()
    untouched, kept = _repair(noisy, _values(truth), 10)
    assert np.array_equal(untouched, _values(truth)) and not kept.any()
    result[96:, 96:] = fault(result[96:, 96:])
    repaired, kept = _repair(noisy, _values(result), 10)
    assert kept[0, 12:, 12:].mean() > 0.2
    assert not kept[0, : 12 - REACH // 8].any()
    replaced = kept[0, :, :, 0].repeat(8, axis=0).repeat(8, axis=1) > 0.999
    inner = minimum_filter(replaced, 17)
    assert np.allclose(repaired[0, inner], noisy[0, inner], atol=1e-6)
    by_torch = _repair(torch.from_numpy(noisy), torch.from_numpy(_values(result)), 10)  # as on a graphics card
    assert np.allclose(by_torch[0], repaired, atol=1e-6) and np.allclose(by_torch[1], kept, atol=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_replaced_with_a_soft_edge(value):
    source = np.full((1, 128, 128, 3), 0.5, np.float32)
    result = np.full((1, 128, 128, 3), 0.52, np.float32)
    result[0, 70, 40, 1] = value
    repaired, kept = _repair(source, result, 5)
    assert np.isfinite(repaired).all()
    assert repaired[0, 70, 40, 1] == pytest.approx(0.5)
    assert repaired[0, 10, 100, 1] == pytest.approx(0.52)
    assert 0 < kept.mean() < 0.25
    assert np.abs(np.diff(repaired[0], axis=1)).max() < 0.01


@pytest.fixture(scope="module")
def session():
    return Session(DenoiseOptions(precision="fp32", device="cpu", noise_level=10))


@pytest.mark.parametrize("size", [8, 10, 16])
def test_writing_in_a_pure_colour_is_sound(session, size):
    """Red is white all over, and the network lets it follow the others a little."""
    page = Pillow.new("RGB", (192, 128), "white")
    font = ImageFont.load_default(size)
    for row in range(0, 128, size + 3):
        ImageDraw.Draw(page).text((3, row), "quick brown foxes jump 0123456789"[row // 8 :], (255, 0, 0), font)
    assert session.clean(from_numpy(np.asarray(page))).notes == ()


@pytest.mark.long
@pytest.mark.parametrize("photo", _PHOTOS)
@pytest.mark.parametrize("level", [2, 12, 30, 75])
@pytest.mark.parametrize(("model", "most"), [("fast", 0.001), ("best", 0.05)])  # best: not trained on wrong levels
def test_photos_pass_at_any_level_right_or_wrong(photo, level, model, most):
    session = Session(DenoiseOptions(device="cpu", model=model, noise_level=level))
    for sigma in (0, 2, 5, 15, 25, 50):
        gradual = session.gradual(from_numpy(_noisy(_photo(photo), sigma)), level)
        while gradual.clean_next(None, CancelToken()):
            pass
        assert gradual.work.canvas.kept_share <= most, sigma


class _Wrong:
    """Lets the network of a session return a shifted image in some precisions, as broken kernels do."""

    def __init__(self, session, precisions: set[str], rows: slice = slice(None)) -> None:
        runner = session._cleaner.runner
        right = runner._mean_of_passes

        def wrong(noisy, planes, passes, cancel):
            result = right(noisy, planes, passes, cancel)
            if runner.network.precision in precisions:
                result[:, rows] = np.roll(noisy, (23, 31), axis=(1, 2))[:, rows]
            return result

        runner._mean_of_passes = wrong


def _noisy_image():
    return from_numpy(_noisy(_photo("astronaut", 128), 5))


def test_a_result_that_is_wrong_nearly_everywhere_is_repeated_in_fp32():
    session = Session(DenoiseOptions(device="cpu", noise_level=5.0))
    _Wrong(session, {"bf16"})
    session.precision = session._cleaner.runner.network.precision = "bf16"
    result = session.clean(_noisy_image())
    assert result.precision == session.precision == "fp32"
    assert result.notes == ("the result in bf16 failed the sanity check; repeated in fp32",)


def test_a_fault_in_one_place_is_repaired_and_reported_and_changes_no_precision():
    session = Session(DenoiseOptions(device="cpu", noise_level=5.0))
    _Wrong(session, {"bf16", "fp32"}, slice(88, None))
    session.precision = session._cleaner.runner.network.precision = "bf16"
    result = session.clean(_noisy_image())
    assert session.precision == "bf16"
    [note] = result.notes
    assert note.endswith(" % of the image kept unchanged (failed the sanity check)")


def test_a_result_that_is_wrong_everywhere_is_an_error():
    session = Session(DenoiseOptions(device="cpu", precision="fp32", noise_level=5.0))
    _Wrong(session, {"fp32"})
    with pytest.raises(FaultyResult, match="failed the sanity check in"):
        session.clean(_noisy_image())
