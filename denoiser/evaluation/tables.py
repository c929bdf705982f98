"""Scores as text for people and as plain values for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from denoiser.evaluation.denoising import Score


def as_text(scores: Sequence[Score]) -> str:
    """A small aligned table, one line for each score."""
    lines = [f"{'noise':<18}{'pictures':>9}{'noisy dB':>10}{'PSNR dB':>9}{'SSIM':>8}"]
    lines += [
        f"{score.what:<18}{len(score.pictures):>9}{score.noisy_psnr:>10.2f}{score.psnr:>9.2f}{score.ssim:>8.4f}"
        for score in scores
    ]
    return "\n".join(lines)


def as_values(score: Score) -> dict[str, Any]:
    """What ``--json`` prints for a score."""
    keys = ("name", "noisy_psnr", "psnr", "ssim")
    return {
        "noise": score.what,
        "noisy_psnr": score.noisy_psnr,
        "psnr": score.psnr,
        "ssim": score.ssim,
        "pictures": [dict(zip(keys, row, strict=True)) for row in score.pictures],
    }
