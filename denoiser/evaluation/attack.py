"""Invisible changes to a noisy image: random and adversarial.

Projected gradient ascent on the squared error of the network's result (Madry et al., "Towards deep learning models
resistant to adversarial attacks", ICLR 2018): each step moves every value by the sign of its gradient, within
the budget. It needs the gradients of the network (white box).
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from denoiser.errors import UnusableData
from denoiser.evaluation.methods import white_condition
from denoiser.evaluation.samples import Sample, Values, seed_of
from denoiser.image import from_numpy
from denoiser.models import LoadedModel

BUDGET = 2 / 255  # of each value: invisible even side by side
STEPS = 5
_STRIDE = BUDGET / 2  # the whole budget can be used, and taken back once


def random_nearby(sample: Sample) -> Sample:
    """*sample* with every value moved by the budget, up or down at random."""
    random = np.random.default_rng(seed_of(sample.name, "nearby"))
    signs = random.integers(0, 2, sample.noisy.shape).astype(np.float32) * 2 - 1
    return _moved(sample, np.float32(BUDGET) * signs)


def worst_nearby(model: LoadedModel, sample: Sample) -> Sample:
    """*sample* moved within the budget to maximise the error of *model*, which is given the noise level."""
    if sample.level is None:
        raise UnusableData(f"{sample.name}: its noise level is unknown.")
    grey = sample.truth.shape[2] == 1
    multiple = model.spec.size_multiple
    height, width = (side // multiple * multiple for side in sample.truth.shape[:2])
    if not height or not width:
        raise UnusableData(f"{sample.name}: too small to be attacked.")
    noisy, truth = (
        torch.from_numpy(np.ascontiguousarray(values[:height, :width])).permute(2, 0, 1).unsqueeze(0)
        for values in (sample.noisy, sample.truth.astype(np.float32) / 255)
    )
    planes = white_condition(sample.level, grey=grey).planes().reshape(1, -1, 1, 1)
    change = torch.zeros_like(noisy)
    for _ in range(STEPS):
        change.requires_grad_(True)
        result = model.network((noisy + change).expand(-1, 3, -1, -1), planes)
        if grey:
            result = result.mean(dim=1, keepdim=True)
        error = (result - truth).square().mean()
        (gradient,) = torch.autograd.grad(error, change)
        change = (change.detach() + _STRIDE * gradient.sign()).clamp(-BUDGET, BUDGET)
    moves = np.zeros_like(sample.noisy)
    moves[:height, :width] = change[0].permute(1, 2, 0).numpy()
    return _moved(sample, moves)


def _moved(sample: Sample, moves: Values) -> Sample:
    noisy = sample.noisy + moves
    return dataclasses.replace(sample, noisy=noisy, source=from_numpy(noisy))
