"""The run folder: checkpoint, log, loss plot, before-after sheet, a copy of the recipe, and the weights."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from denoiser import imageio
from denoiser.atomicfile import append_line_durably, whole_file
from denoiser.errors import UsageError
from denoiser.training.checkpoint import Progress
from denoiser.training.export import Exported, write_weights
from denoiser.training.plot import before_and_after, curves_as_svg
from denoiser.training.recipe import Recipe
from denoiser.training.run import Run
from denoiser.training.validation import Judging, ValidationResult

_ALWAYS = ("step", "seconds", "megapixels", "loss", "megapixels_per_second")
_LATEST = "latest.safetensors"

Writer = Callable[[Exported, Path], Path]  # weights and their card


class RunFolder:
    """All files of a run are in *path*; each is written atomically."""

    def __init__(self, path: Path, *, resume: bool, write: Writer = write_weights) -> None:
        self.path, self._write = path, write
        self.state = path / "state.safetensors"
        if self.state.exists() and not resume:
            raise UsageError(
                f"{path} holds a run already.", hint="Add --resume to go on with it, or choose another --out."
            )
        if resume and not self.state.exists():
            raise UsageError(f"{path} holds no run to go on with.", hint="Leave out --resume to start one.")
        self._columns: list[str] = []

    def open(self, recipe: Recipe, judge: Judging) -> None:
        """Copy the recipe and start the log with the columns of *judge*."""
        with whole_file(self.path / "recipe.toml") as file:
            file.write(recipe.text.encode())
        earlier = self._rows()
        known = [name for row in earlier[:1] for name in row]
        self._columns = list(dict.fromkeys([*_ALWAYS, *judge.columns, *judge.details, *known]))
        text = io.StringIO()
        writer = csv.DictWriter(text, self._columns, restval="")
        writer.writeheader()
        writer.writerows(earlier)
        with whole_file(self._log_file) as file:
            file.write(text.getvalue().encode())

    def log(self, progress: Progress, loss: float, speed: float, verdict: ValidationResult | None) -> None:
        """A line of the log; one with a *verdict* carries its scores."""
        values = {
            "step": str(progress.step),
            "seconds": f"{progress.seconds:.1f}",
            "megapixels": f"{progress.megapixels:.2f}",
            "loss": "" if loss != loss else f"{loss:.6f}",
            "megapixels_per_second": f"{speed:.3f}",
        }
        values |= {name: f"{value:.3f}" for name, value in _said_by(verdict).items()}
        text = io.StringIO()
        csv.DictWriter(text, self._columns, restval="").writerow(values)
        append_line_durably(self._log_file, text.getvalue().strip())

    def draw(self, judge: Judging, network: nn.Module, device: torch.device) -> None:
        """Draw the curves so far, and examples of *network* on validation samples."""
        with whole_file(self.path / "loss.svg") as file:
            file.write(curves_as_svg(self._rows(), judge.columns, judge.unit).encode())
        sheet = before_and_after(judge, network, device)
        if sheet:
            imageio.write(sheet, self.path / "before-after.png")

    def save_latest(self, run: Run) -> None:
        """Write the averaged weights as a usable model during training."""
        summary = f"In the middle of a training with the recipe {run.recipe.name!r}."
        self._write(Exported.of(run, summary=summary), self.path / _LATEST)

    def drop_latest(self) -> None:
        """Remove those again at the end, when the run has its final weights."""
        for suffix in (".safetensors", ".toml"):
            (self.path / _LATEST).with_suffix(suffix).unlink(missing_ok=True)

    @property
    def _log_file(self) -> Path:
        return self.path / "log.csv"

    def _rows(self) -> list[dict[str, str]]:
        if not self._log_file.exists():
            return []
        with self._log_file.open(newline="", encoding="utf-8") as file:
            return [{name: value or "" for name, value in row.items() if name} for row in csv.DictReader(file)]


def _said_by(verdict: ValidationResult | None) -> dict[str, float]:
    return {**verdict.scores, **verdict.details} if verdict else {}
