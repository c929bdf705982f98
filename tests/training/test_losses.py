import pytest
import torch

from denoiser.training.objective import LOSSES


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_nearer_is_less(name):
    target = torch.rand(2, 3, 8, 8)
    near, far = target + 0.01, target + 0.1
    assert LOSSES[name](near, target) < LOSSES[name](far, target)


def test_the_logarithm_counts_decibels_alike_at_every_level():
    target = torch.zeros(1, 3, 8, 8)
    gain = [LOSSES["log-mse"](target + e, target) - LOSSES["log-mse"](target + e / 2, target) for e in (0.05, 0.5)]
    assert float(gain[0]) == pytest.approx(float(gain[1]), rel=0.01)


def test_the_root_counts_each_picture_by_its_own_noise():
    target = torch.zeros(2, 3, 8, 8)
    weak_and_strong = torch.tensor([0.02, 0.2]).reshape(-1, 1, 1, 1).expand_as(target)
    assert float(LOSSES["rms"](weak_and_strong, target)) == pytest.approx(0.11, rel=0.01)
