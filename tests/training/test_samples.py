import pytest
import torch

from denoiser.training import recipe
from denoiser.training.codec import CleanCrops
from denoiser.training.data import DevicePool, PhotoPool
from denoiser.training.degrade import Batch
from denoiser.training.samples import DrawnAhead, DrawnNoise, Mixed, RealNoise, drawn_ahead, neighbour_correlation


class _Marked:
    def __init__(self, mark: float) -> None:
        self.mark = mark

    def draw(self, count, patch, generator):
        picture = torch.full((count, 3, patch, patch), self.mark)
        return Batch(picture, picture, torch.full((count, 4, 1, 1), self.mark))


def test_a_mixture_holds_to_its_share():
    generator = torch.Generator().manual_seed(0)
    source = Mixed(_Marked(1.0), _Marked(0.0), 0.3)
    counts = []
    for _ in range(400):
        sample = source.draw(4, 8, generator)
        assert sample.input.shape == (4, 3, 8, 8)
        assert torch.equal(sample.planes.flatten(1)[:, 0], sample.input[:, 0, 0, 0])
        counts.append(int(sample.input[:, 0, 0, 0].sum()))
    assert set(counts) == {1, 2}
    assert abs(sum(counts) / 1600 - 0.3) < 0.02


def test_a_share_of_all_or_nothing_asks_only_one():
    generator = torch.Generator().manual_seed(0)
    for share in (0.0, 1.0):
        assert (Mixed(_Marked(1.0), _Marked(0.0), share).draw(3, 8, generator).input == share).all()


def test_smooth_noise_is_correlated_between_neighbours_and_white_noise_is_not():
    white = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    smooth = (white + white.roll(1, 2) + white.roll(1, 3)) / 3
    assert float(neighbour_correlation(white).abs().max()) < 0.03
    assert float(neighbour_correlation(smooth).min()) > 0.25
    assert torch.isfinite(neighbour_correlation(torch.zeros(1, 3, 8, 8))).all()


class _Numbered:
    """Samples that carry their number, so that none can be dealt twice unseen; the first half is marked."""

    def __init__(self) -> None:
        self.asked = []

    def draw(self, count, patch, generator):
        begin = sum(self.asked)
        self.asked.append(count)
        numbers = torch.arange(begin, begin + count, dtype=torch.float32).reshape(-1, 1, 1, 1)
        picture = numbers.expand(-1, 3, patch, patch)
        half = (torch.arange(count) < count // 2).float().reshape(-1, 1, 1, 1)
        return Batch(picture, -picture, half.expand(-1, 4, 1, 1))


def _numbers(sample):
    return sample.input[:, 0, 0, 0].tolist()


def test_every_sample_is_dealt_once_and_stays_whole():
    source = _Numbered()
    ahead = DrawnAhead(source, pixels=5 * 4 * 8**2)
    batches = [ahead.draw(4, 8, torch.Generator()) for _ in range(10)]
    assert source.asked == [20, 20]
    assert sorted(number for batch in batches for number in _numbers(batch)) == list(range(40))
    assert all(torch.equal(batch.input, -batch.target) for batch in batches)


def test_what_a_mixture_draws_in_turn_is_in_every_batch():
    ahead = DrawnAhead(_Numbered(), pixels=5 * 4 * 8**2)
    for _ in range(5):
        assert float(ahead.draw(4, 8, torch.Generator()).planes[:, 0].sum()) == 2


def test_another_size_is_drawn_anew():
    source = _Numbered()
    ahead = DrawnAhead(source, pixels=2 * 4 * 8**2)
    ahead.draw(4, 8, torch.Generator())
    assert ahead.draw(2, 16, torch.Generator()).input.shape == (2, 3, 16, 16)
    assert source.asked == [8, 2]  # never less than one batch


def test_a_cpu_draws_for_one_step_at_a_time():
    source = _Numbered()
    assert drawn_ahead(source, torch.device("cpu")) is source


class _MetaGenerator(torch.Generator):
    """A generator of a device without numbers: like a GPU not the host, but any machine has it."""

    @property
    def device(self):
        return torch.device("meta")


@pytest.mark.parametrize("name", ["fast-gpu", "best", "codec-gpu", "pairs"])
def test_drawing_on_a_device_does_not_make_the_host_wait(name, never_waiting):
    plan = recipe.load("fast-gpu" if name == "pairs" else name)
    photo = torch.zeros(3, 400, 400, dtype=torch.uint8)
    photos, pairs = (
        DevicePool(PhotoPool((image,), torch.ones(1), (), ()), torch.device("meta"))
        for image in (photo, torch.cat([photo, photo]))
    )
    noise = DrawnNoise(photos, plan.noise)
    source = {"codec-gpu": Mixed(noise, CleanCrops(photos), 0.3), "pairs": Mixed(RealNoise(pairs), noise, 0.5)}
    ahead = DrawnAhead(source.get(name, noise), pixels=1e7)
    generator = _MetaGenerator()
    ahead.draw(256, 32, generator)  # constants are copied once
    ahead._ready.clear()
    with never_waiting("meta"):
        batch = ahead.draw(256, 32, generator)
    assert batch.input.device.type == "meta" and batch.input.shape == (256, 3, 32, 32)
    assert len(ahead._ready) > 20
