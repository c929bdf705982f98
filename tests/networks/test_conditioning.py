import numpy as np
import pytest
import torch

from denoiser.networks.condition import Condition
from denoiser.networks.conditioning import luma_and_chroma_sigma, planes_of, planes_of_batch


def test_planes_as_a_tensor():
    condition = Condition(30, 12, 1.0)
    assert planes_of(condition).shape == (1, 4, 1, 1)
    assert np.array_equal(planes_of(condition).flatten().numpy(), condition.planes())


def test_a_batch_says_the_same_as_one_picture():
    known, unknown = torch.tensor([True]), torch.tensor([False])
    level = torch.tensor([30.0]), torch.tensor([12.0])
    for kind in (0.0, 1.0):
        row = planes_of_batch(*level, torch.tensor([kind]), known, known)[0]
        assert np.allclose(row.numpy(), Condition(30, 12, kind).planes())
    assert planes_of_batch(*level, torch.tensor([1.0]), unknown, unknown)[0].tolist() == [0, 0, 0, 0]


def test_white_noise_reads_its_sigma_in_luma_and_chroma():
    noise = 25 / 255 * torch.randn(2, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    luma, chroma = luma_and_chroma_sigma(noise)
    assert luma.tolist() == pytest.approx([25, 25], rel=0.02)
    assert chroma.tolist() == pytest.approx([25, 25], rel=0.02)


def test_grey_noise_is_all_luma():
    noise = torch.randn(1, 1, 128, 128, generator=torch.Generator().manual_seed(0)).expand(1, 3, -1, -1) * 10 / 255
    luma, chroma = luma_and_chroma_sigma(noise)
    assert float(luma) == pytest.approx(10 * 3**0.5, rel=0.03)
    assert float(chroma) == pytest.approx(0, abs=1e-3)
