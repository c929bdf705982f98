import math

import pytest
import torch

from denoiser.networks.codec.levels import LEVELS
from denoiser.networks.codec.likelihood import (
    LEAST_SCALE,
    MOST_SCALE,
    SCALES,
    LogisticPrior,
    normal_bits,
    scale_of,
)


def test_bits_are_those_of_the_bell_curve():
    symbols = torch.arange(-40, 41).float()
    for scale in (0.5, 2.0, 7.0):
        likely = 2 ** -normal_bits(symbols, torch.tensor(scale))
        assert likely.sum().item() == pytest.approx(1, abs=2e-3)
        zero = math.erf(0.5 / scale / math.sqrt(2))
        assert likely[40].item() == pytest.approx(zero, rel=1e-4)


def test_the_prior_of_hyper_latents_is_a_distribution_and_its_table_the_same():
    torch.manual_seed(0)
    prior = LogisticPrior(3)
    with torch.no_grad():
        prior.middle.weights.normal_()
        prior.log_width.weights.normal_(std=0.3)
    table = prior.table(torch.arange(-127, 128))
    assert table.shape == (LEVELS, 3, 255)
    assert torch.allclose(table.sum(dim=2), torch.ones(LEVELS, 3, dtype=torch.float64), atol=1e-6)
    z = torch.tensor([-2.0, 0.0, 5.0]).reshape(1, 3, 1, 1)
    bits = prior.bits(z, torch.tensor([30])).flatten()
    expected = -torch.stack([table[30, 0, 125], table[30, 1, 127], table[30, 2, 132]]).log2()
    assert torch.allclose(bits.double(), expected.clamp_max(17), atol=1e-3)


def test_each_index_has_its_scale():
    index = torch.arange(SCALES).float()
    steps = scale_of(index).log().diff()
    torch.testing.assert_close(steps, steps.mean().expand_as(steps), atol=1e-5, rtol=0)
    assert scale_of(index)[0].item() == pytest.approx(LEAST_SCALE)
    assert scale_of(index)[-1].item() == pytest.approx(MOST_SCALE)
