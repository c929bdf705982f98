import pytest
import torch

from denoiser.noise.dice import Dice


def _dice(seed: int = 0) -> Dice:
    return Dice(torch.Generator().manual_seed(seed))


def test_each_row_is_given_to_one_share():
    parts = _dice().split((0.2, 0.5, 0.3), 5000)
    assert sorted(torch.cat(parts).tolist()) == list(range(5000))
    assert [len(part) / 5000 for part in parts] == pytest.approx([0.2, 0.5, 0.3], abs=0.03)


def test_a_share_of_nothing_and_of_all():
    assert len(_dice().rows(0.0, 100)) == 0
    assert _dice().rows(1.0, 100).tolist() == list(range(100))
    assert [len(part) for part in _dice().split((0.0, 1.0, 0.0), 50)] == [0, 50, 0]


def test_numbers_stay_in_their_range():
    dice = _dice()
    even = dice.uniform(2, 3, 1000)
    by_logarithm = dice.log_uniform(0.01, 100, 4000)
    assert float(even.min()) >= 2
    assert float(even.max()) <= 3
    assert float(by_logarithm.log().mean()) == pytest.approx(0, abs=0.15)
    assert all(5 <= dice.number(5, 6) < 6 for _ in range(20))


def test_the_seed_decides_and_a_generator_goes_on():
    generator = torch.Generator().manual_seed(3)
    first, second = Dice(generator).normal(8), Dice(generator).normal(8)
    assert not torch.equal(first, second)
    assert torch.equal(first, _dice(3).normal(8))
