"""Held-out crops before and after, on one sheet."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from denoiser.image import Image, from_numpy
from denoiser.imageio.sheet import Row, contact_sheet
from denoiser.training.validation import Judge, Trial, cleaned, psnr


def before_and_after(judge: Judge, network: nn.Module, device: torch.device) -> Image | None:
    """A row for each column of *judge*, each with another picture where there are several; None without trials."""
    rows = []
    for number, column in enumerate(judge.columns):
        trials = [trial for trial in judge.trials if trial.column == column]
        rows.append(_row(trials[number % len(trials)], network, device))
    return contact_sheet(rows) if rows else None


def _row(trial: Trial, network: nn.Module, device: torch.device) -> Row:
    output = cleaned(network, trial, device)
    return Row(
        title=trial.column,
        noisy=_picture(trial.noisy),
        clean=_picture(output),
        reference=_picture(trial.target),
        noisy_score=f"{psnr(trial.noisy, trial.target):.2f} dB",
        clean_score=f"{psnr(output, trial.target):.2f} dB",
    )


def _picture(values: Tensor) -> Image:
    eight_bit = values.clamp(0, 1).mul(255).round().to(torch.uint8)
    return from_numpy(np.ascontiguousarray(eight_bit.permute(1, 2, 0).numpy()))
