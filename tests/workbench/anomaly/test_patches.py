"""Distances to the patches of good images."""

from __future__ import annotations

import torch

from denoiser.workbench.anomaly.patches import Memory, coreset
from denoiser.workbench.anomaly.pixels import torch_seed


def test_a_coreset_takes_something_of_every_cluster() -> None:
    centres = torch.eye(5) * 100
    rows = torch.cat([centres.repeat(200, 1), centres[:1].repeat(5000, 1)]) + torch.randn(6000, 5)
    chosen = coreset(rows, 5, torch_seed(0))
    nearest = torch.cdist(rows[chosen], centres).argmin(dim=1)
    assert sorted(nearest.tolist()) == [0, 1, 2, 3, 4]


def test_a_small_set_is_taken_whole_and_once() -> None:
    chosen = coreset(torch.randn(7, 3), 100, torch_seed(0))
    assert sorted(chosen.tolist()) == list(range(7))


def test_a_memory_weighs_directions_by_how_much_good_patches_vary() -> None:
    rows = torch.randn(4000, 2, generator=torch_seed(1)) * torch.tensor([10.0, 0.1])
    memory = Memory.of(rows, torch_seed(0))
    known, along, across = memory.distances(torch.tensor([[0.0, 0.0], [12.0, 0.0], [0.0, 1.0]]))
    assert known < 0.3 and along < 1 and across > 5
