"""Held-out crops before and after, on one sheet."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from denoiser.image import Image, from_numpy
from denoiser.imageio.sheet import Row, contact_sheet
from denoiser.training.validation import Judging


def before_and_after(judge: Judging, network: nn.Module, device: torch.device) -> Image | None:
    """A row for each of the examples of *judge*; None where there are none."""
    rows = [
        Row(
            title=example.title,
            noisy=_picture(example.before),
            clean=_picture(example.after),
            reference=_picture(example.truth),
            noisy_score=example.score_before,
            clean_score=example.score_after,
            labels=example.labels,
        )
        for example in judge.examples(network, device)
    ]
    return contact_sheet(rows) if rows else None


def _picture(values: Tensor) -> Image:
    eight_bit = values.clamp(0, 1).mul(255).round().to(torch.uint8)
    return from_numpy(np.ascontiguousarray(eight_bit.permute(1, 2, 0).numpy()))
