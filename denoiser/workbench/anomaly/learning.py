"""Trains the networks of two scorers with the common loop, in a temporary run folder."""

from __future__ import annotations

import dataclasses
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from denoiser.errors import Cancelled
from denoiser.options import TrainOptions
from denoiser.training import recipe
from denoiser.training.data import Loading
from denoiser.training.denoiser import train_on
from denoiser.training.material import Material
from denoiser.training.run import TrainingTask
from denoiser.training.samples import SampleSource
from denoiser.training.validation import ValidationResult
from denoiser.workbench.anomaly.scorer import Fitting


def trained(task: TrainingTask, source: SampleSource, fitting: Fitting) -> dict[str, Tensor]:
    """The tensors of a network of *task* after training on *source*; raise Cancelled if it was stopped."""

    def gather(_plan: recipe.Recipe, _device: torch.device, _seed: int, _loading: Loading) -> Material:
        return Material(source, _Unvalidated(), {})

    plan = recipe.load(task.recipe)
    with tempfile.TemporaryDirectory(prefix="denoise-anomaly-") as folder:
        report = train_on(
            gather,
            Path(folder) / "run",
            TrainOptions(seed=fitting.seed, device="cpu", devices=1),
            listener=fitting.listener,
            loading=Loading(cancel=fitting.cancel),
            task=task,
            plan=dataclasses.replace(plan, steps=fitting.steps or plan.steps),
        )
        if not report.finished:
            raise Cancelled("Stopped; no model was written.", hint="")
        return load_file(report.weights)


@dataclass(frozen=True, slots=True)
class _Unvalidated:
    """Nothing is held out here: the detector compares whole scorers."""

    columns: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    unit: str = ""

    def validate(self, _network: Any, _device: torch.device) -> ValidationResult:
        return ValidationResult({}, math.nan)

    def examples(self, _network: Any, _device: torch.device) -> None:
        return None
