"""The network of the noise estimator, for the training and as it is computed without torch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from denoiser.estimation.estimator import Estimator
from denoiser.networks.estimator import NoiseEstimator, along_axes, level_of, sigma_of
from denoiser.networks.window_statistics import FEATURES


def test_axes_keep_white_noise_as_it_is() -> None:
    noise = torch.randn(1, 3, 200, 200, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(along_axes(noise).std(dim=(2, 3)), torch.ones(1, 3), atol=0.02)
    grey = torch.ones(1, 3, 2, 2)
    assert torch.allclose(along_axes(grey)[0, :, 0, 0], torch.tensor([math.sqrt(3), 0, 0]), atol=1e-6)


def test_levels_and_sigmas_are_inverse() -> None:
    sigma = torch.tensor([0.0, 0.1, 1.0, 75.0])
    assert torch.allclose(sigma_of(level_of(sigma)), sigma, atol=1e-3)


@pytest.fixture
def network() -> NoiseEstimator:
    torch.manual_seed(0)
    network = NoiseEstimator().requires_grad_(False)
    network.get_buffer("mean").normal_()
    network.get_buffer("spread").uniform_(0.1, 3)
    return network


def test_values_beyond_all_training_images_are_limited(network: NoiseEstimator) -> None:
    far, farther = (network(torch.full((1, FEATURES), value)) for value in (1e6, 1e9))
    assert torch.equal(far.luma, farther.luma)
    assert -4 <= float(far.luma_doubt) <= 2


def test_without_torch_it_computes_the_same(network: NoiseEstimator) -> None:
    estimator = Estimator({name: value.numpy() for name, value in network.state_dict().items()})
    features = torch.randn(7, FEATURES) * 4
    output = network(features)
    expected = [getattr(output, name) for name in output.__slots__]
    assert np.allclose(estimator(features.numpy()), torch.stack(expected, dim=1).numpy(), atol=1e-5)


def test_other_tensors_are_refused(network: NoiseEstimator) -> None:
    tensors = {name: value.numpy() for name, value in network.state_dict().items()}
    with pytest.raises(KeyError):
        Estimator({name: value for name, value in tensors.items() if name != "spread"})
    for name in ("mean", "layers.2.weight", "layers.4.bias"):
        with pytest.raises(ValueError, match=r"shape|number|mismatch"):
            Estimator(tensors | {name: tensors[name][..., :-1]})
