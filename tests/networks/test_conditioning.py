import dataclasses

import pytest
import torch

from denoiser.networks.conditioning import Condition, NetworkSpec, luma_and_chroma_sigma, planes_of_batch


def test_unknown_is_all_zeros():
    assert Condition().planes().tolist() == [0, 0, 0, 0]


def test_known_level_and_kind():
    planes = Condition(luma=37.5, chroma=15, kind=0.0).planes()
    assert planes.tolist() == pytest.approx([0.5, 0.2, 1, -1])
    assert Condition(luma=0, chroma=0, kind=1.0).planes().tolist() == [0, 0, 1, 1]


def test_a_batch_says_the_same_as_one_picture():
    known, unknown = torch.tensor([True]), torch.tensor([False])
    level = torch.tensor([30.0]), torch.tensor([12.0])
    for kind in (0.0, 1.0):
        row = planes_of_batch(*level, torch.tensor([kind]), known, known)[0]
        assert torch.allclose(row, Condition(30, 12, kind).planes())
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


def test_a_spec_is_a_fixed_value():
    spec = NetworkSpec(size_multiple=8, halo=32, formula_radius=60, kmac_per_pixel=57.6, parameters=1)
    assert spec == dataclasses.replace(spec)
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.halo = 16
