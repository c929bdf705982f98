import pytest
import torch

from denoiser.networks.codec.levels import LEVELS, Curves, Gains, lambdas, step_sizes


def test_lambdas_are_log_spaced_over_the_range():
    assert lambdas()[0].item() == pytest.approx(0.0016)
    assert lambdas()[-1].item() == pytest.approx(0.18)
    assert torch.allclose(lambdas()[1:] / lambdas()[:-1], lambdas()[1] / lambdas()[0])


def test_curves_are_flat_when_new_and_bend_when_taught():
    curves = Curves(2)
    assert curves.table().abs().max() == 0
    with torch.no_grad():
        curves.weights[1, 0] = 1.0
    assert curves.table()[:, 0].tolist() == pytest.approx(torch.linspace(-1, 1, LEVELS).tolist(), abs=1e-6)
    assert curves(torch.tensor([0, 63]))[:, 0].flatten().tolist() == pytest.approx([-1, 1])


def test_new_gains_count_latents_in_steps_and_back():
    gains = Gains(3)
    y = torch.ones(2, 3, 1, 1)
    level = torch.tensor([0, 63])
    scaled = gains.scale(y, level)
    assert scaled[:, 0].flatten().tolist() == pytest.approx((1 / step_sizes()[level]).tolist(), rel=1e-5)
    torch.testing.assert_close(gains.restore(scaled, level), y)
