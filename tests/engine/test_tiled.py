"""Tiles against the whole picture, with the weights that are shipped."""

import numpy as np
import pytest
import torch
from reference_denoiser import clean_whole

from denoiser.engine.canvas import Canvas, Scale
from denoiser.engine.memory import Budget
from denoiser.engine.runner import NetworkRunner
from denoiser.engine.tiled import TiledCleaner
from denoiser.engine.torch_network import TorchNetwork
from denoiser.errors import Cancelled, DenoiserError
from denoiser.events import CancelToken
from denoiser.models import catalog, loading
from denoiser.networks.condition import Condition

HALF_A_STEP = 0.5 / 255


@pytest.fixture(scope="module")
def fast() -> loading.LoadedModel:
    return loading.load(catalog.find("denoiser-fast", "cpu"))


def _noisy(height: int, width: int, sigma: float) -> np.ndarray:
    chance = np.random.default_rng(height * width)
    slope = np.linspace(0.1, 0.9, width, dtype=np.float32)[None, :, None]
    waves = 0.2 * np.sin(np.arange(height, dtype=np.float32) / 9)[:, None, None]
    noise = chance.standard_normal((height, width, 3), dtype=np.float32) * np.float32(sigma / 255)
    return slope + waves + noise


def _cleaner(model: loading.LoadedModel, tile: int = 256, batch: int = 1) -> TiledCleaner:
    budget = Budget("cpu", tile, batch, memory=1 << 30, bytes_per_pixel=300)
    return TiledCleaner(NetworkRunner(TorchNetwork(model.network, "cpu", "fp32")), model.spec, budget)


def _tiled(
    model: loading.LoadedModel, noisy: np.ndarray, condition: Condition, tile: int = 144, batch: int = 1
) -> np.ndarray:
    canvas = Canvas(noisy, Scale(1.0, None), condition)
    _cleaner(model, tile, batch).clean([canvas], on_tile=lambda _canvas: None, cancel=CancelToken())
    assert canvas.is_done
    return canvas.result


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (67, 3), (64, 64), (151, 157), (97, 509)])
@pytest.mark.parametrize("sigma", [5, 25, 50])
def test_tiles_give_the_whole_picture_within_half_a_step(fast, size, sigma):
    noisy, condition = _noisy(*size, sigma), Condition(sigma, sigma, 0.0)
    difference = np.abs(_tiled(fast, noisy, condition) - clean_whole(fast.network, noisy, condition))
    assert difference.shape == (*size, 3)
    assert difference.max() < HALF_A_STEP


@pytest.mark.parametrize("sigma", [5, 50])
def test_sixteen_bits_differ_by_32_of_65535_at_most_almost_everywhere(fast, sigma):
    noisy, condition = _noisy(160, 300, sigma), Condition(sigma, sigma, 0.0)
    difference = np.abs(_tiled(fast, noisy, condition) - clean_whole(fast.network, noisy, condition)) * 65535
    assert (difference > 32).mean() < 1e-3
    assert difference.max() < HALF_A_STEP * 65535


def test_no_energy_at_the_period_of_the_tiles(fast):
    """What tiling changes must not draw a grid: along the columns of a wide picture, in its spectrum."""
    noisy, condition = _noisy(64, 1600, 25), Condition(25, 25, 0.0)
    cleaner = _cleaner(fast, 112)
    plan = cleaner.budget.plan(64, 1600, fast.spec)
    period = plan.tiles[1].columns.core_stop - plan.tiles[1].columns.core_start
    assert len(plan.tiles) > 10
    whole = clean_whole(fast.network, noisy, condition)
    error = np.abs(_tiled(fast, noisy, condition, 112) - whole).mean(axis=(0, 2))
    spectrum = np.abs(np.fft.rfft(error)) / len(error) * 2
    at_period = round(len(error) / period)
    assert spectrum[[at_period, 2 * at_period]].max() < 0.1 / 255


def _all_cleaned(fast, batch: int, threads: int) -> list[np.ndarray]:
    images = [_noisy(80, 150, 25), _noisy(64, 64, 25), _noisy(80, 150, 50), _noisy(1, 5, 9)]
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        canvases = [Canvas(noisy, Scale(1.0, None), Condition()) for noisy in images]
        _cleaner(fast, 112, batch).clean(canvases, on_tile=lambda _c: None, cancel=CancelToken())
    finally:
        torch.set_num_threads(before)
    assert all(canvas.is_done for canvas in canvases)
    return [canvas.result for canvas in canvases]


@pytest.mark.parametrize("threads", [1, 2])
def test_results_are_bit_identical_for_any_batch_size(fast, threads):
    for alone, batched in zip(_all_cleaned(fast, 1, threads), _all_cleaned(fast, 3, threads), strict=True):
        assert np.array_equal(alone, batched)


def test_the_number_of_threads_changes_at_most_the_last_bits(fast):
    """Some processors use other kernels with more threads: 3.4e-7 was measured on Intel with AMX."""
    for one, two in zip(_all_cleaned(fast, 1, 1), _all_cleaned(fast, 1, 2), strict=True):
        assert np.abs(one - two).max() < 1e-6


def test_the_source_is_left_alone(fast):
    noisy = _noisy(80, 90, 25)
    before = noisy.copy()
    _tiled(fast, noisy, Condition())
    assert np.array_equal(noisy, before)


def test_cancel_is_heard_within_one_tile(fast):
    cancel, heard = CancelToken(), []

    def on_tile(canvas: Canvas) -> None:
        heard.append(canvas.tiles_left)
        cancel.cancel()

    canvas = Canvas(_noisy(100, 600, 10), Scale(1.0, None), Condition())
    with pytest.raises(Cancelled):
        _cleaner(fast, 112).clean([canvas], on_tile=on_tile, cancel=cancel)
    assert len(heard) == 1


class _Scarce(NetworkRunner):
    """Has memory for so many pixels at once; the rest is the real runner."""

    room = 0

    def start(self, pieces, cancel):
        if sum(tile.shape[0] * tile.shape[1] for _, tile in pieces) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")
        return super().start(pieces, cancel)


def _scarce(model, room, **budget) -> TiledCleaner:
    runner = _Scarce(TorchNetwork(model.network, "cpu", "fp32"))
    runner.room = room
    return TiledCleaner(runner, model.spec, Budget("cpu", memory=1 << 30, bytes_per_pixel=300, **budget))


def test_when_memory_runs_out_it_steps_down_and_says_so(fast):
    pictures = [_noisy(64, 64, 10), _noisy(200, 400, 10), _noisy(64, 64, 20)]
    canvases = [Canvas(noisy, Scale(1.0, None), Condition()) for noisy in pictures]
    cleaner = _scarce(fast, 256 * 256, tile=512, batch=4)
    cleaner.clean(canvases, on_tile=lambda _c: None, cancel=CancelToken())
    assert all(canvas.is_done for canvas in canvases)
    assert (cleaner.budget.tile, cleaner.budget.batch) == (256, 1)
    assert any("tiles of 256" in note for note in canvases[1].notes)
    for canvas, noisy in zip(canvases, pictures, strict=True):
        assert np.abs(canvas.result - clean_whole(fast.network, noisy, Condition())).max() < HALF_A_STEP


def test_what_was_asked_for_is_kept_and_the_error_says_what_to_do(fast):
    canvas = Canvas(_noisy(300, 300, 10), Scale(1.0, None), Condition())
    cleaner = _scarce(fast, 256 * 256, tile=320, batch=1, fixed_tile=True, fixed_batch=True)
    with pytest.raises(DenoiserError, match="not enough memory") as caught:
        cleaner.clean([canvas], on_tile=lambda _c: None, cancel=CancelToken())
    assert "--tile" in caught.value.hint


def test_other_errors_are_no_shortage(fast):
    class Broken(NetworkRunner):
        def start(self, pieces, cancel):
            raise RuntimeError("a kernel is broken")

    budget = Budget("cpu", 256, 1, memory=1 << 30, bytes_per_pixel=300)
    cleaner = TiledCleaner(Broken(TorchNetwork(fast.network, "cpu", "fp32")), fast.spec, budget)
    canvas = Canvas(_noisy(64, 64, 10), Scale(1.0, None), Condition())
    with pytest.raises(RuntimeError, match="broken"):
        cleaner.clean([canvas], on_tile=lambda _c: None, cancel=CancelToken())


def test_images_with_other_numbers_of_passes_are_not_in_one_batch(fast, monkeypatch):
    cleaner, batches = _cleaner(fast, batch=4), []
    start = cleaner.runner.start

    def record(pieces, cancel):
        batches.append([canvas.passes for canvas, _ in pieces])
        return start(pieces, cancel)

    monkeypatch.setattr(cleaner.runner, "start", record)
    noisy, condition = _noisy(128, 128, 25), Condition(25, 25, 0.0)
    canvases = [Canvas(noisy, Scale(1.0, None), condition, passes=passes) for passes in (1, 2, 1)]
    cleaner.clean(canvases, on_tile=lambda _canvas: None, cancel=CancelToken())
    assert sorted(batches) == [[1, 1], [2]]
    assert np.array_equal(canvases[0].result, canvases[2].result)
    assert not np.array_equal(canvases[0].result, canvases[1].result)
