"""Grain is seeded, within its range, and coarser than white noise."""

import torch

from denoiser.networks.conditioning import luma_and_chroma_sigma
from denoiser.training.graininess import LUMA_RANGE, add_grain


def grain(seed: int = 0, count: int = 24) -> torch.Tensor:
    clean = torch.full((count, 3, 64, 64), 0.5)
    return add_grain(clean, torch.Generator().manual_seed(seed)) - clean


def test_seeded():
    assert torch.equal(grain(1), grain(1)) and not torch.equal(grain(1), grain(2))


def test_levels_lie_in_the_range():
    luma, chroma = luma_and_chroma_sigma(grain())
    assert luma.min() > 0.95 * LUMA_RANGE[0] and luma.max() < 1.05 * LUMA_RANGE[1]
    assert (chroma < 1.4 * luma).all() and luma.max() > 4 * luma.min()


def test_neighbours_are_alike_in_luma_and_more_so_in_colour():
    noise = grain()
    luma = noise.mean(dim=1, keepdim=True)

    def likeness(planes: torch.Tensor) -> torch.Tensor:
        return (planes[..., 1:] * planes[..., :-1]).sum(dim=(1, 2, 3)) / planes.square().sum(dim=(1, 2, 3))

    assert likeness(luma).median() > 0.4
    assert likeness(noise - luma).median() > likeness(luma).median()


def test_strength_follows_the_light_either_way():
    ramp = torch.linspace(0, 1, 64).expand(40, 3, 64, 64)
    noise = add_grain(ramp, torch.Generator().manual_seed(0)) - ramp
    ratio = noise[..., :16].std(dim=(1, 2, 3)) / noise[..., -16:].std(dim=(1, 2, 3))
    assert ratio.min() < 0.6 and ratio.max() > 1.6
