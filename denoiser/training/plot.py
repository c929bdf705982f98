"""The curves of a run as SVG, and a sheet of validation crops before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from denoiser.evaluation.chart import Chart, draw
from denoiser.image import Image
from denoiser.imageio.sheet import contact_sheet
from denoiser.training.validation import Validator


def training_curves(rows: Sequence[Mapping[str, str]], columns: Sequence[str], unit: str = "dB") -> str:
    """The loss and the validation *columns* in the *rows* of the log, over minutes of training, as SVG."""
    title = "PSNR on validation images, dB" if unit == "dB" else f"Validation images, {unit}"
    return draw([_chart("loss", rows, ["loss"]), _chart(title, rows, columns)])


def _chart(title: str, rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> Chart:
    curves = {}
    for column in columns:
        filled = [row for row in rows if row.get("seconds") and row.get(column)]
        points = [(float(row["seconds"]) / 60, float(row[column])) for row in filled]
        if points:
            curves[f"{column} {points[-1][1]:.4g}"] = points
    return Chart(title, curves, "minutes of training")


def before_and_after(validator: Validator, network: Any, device: torch.device) -> Image | None:
    """A sheet of the examples of *validator*; None if there are none."""
    rows = validator.examples(network, device)
    return contact_sheet(rows) if rows else None
