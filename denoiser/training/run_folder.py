"""The run folder: checkpoint, log, loss plot, before-after sheet, a copy of the recipe, and the weights."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from denoiser import imageio
from denoiser.atomicfile import append_line_durably, whole_file
from denoiser.errors import UsageError
from denoiser.evaluation.chart import Chart, draw
from denoiser.training.export import training_facts, write_weights
from denoiser.training.run import Run, TrainingTask
from denoiser.training.validation import ValidationResult, Validator

_COLUMNS = ("step", "seconds", "megapixels", "loss", "megapixels_per_second")


class RunFolder:
    """All files of a run of *task* are in *path*; each is written atomically."""

    def __init__(self, path: Path, task: TrainingTask, *, resume: bool) -> None:
        self.path = path
        self.state = path / "state.safetensors"
        self._log_file = path / "log.csv"
        self._latest = path / "latest.safetensors"
        self._columns: list[str] = []
        used = any((path / name).exists() for name in task.run_files)
        if used and not resume:
            raise UsageError(
                f"{path} already contains a run.", hint="Add --resume to continue it, or choose another --out."
            )
        if resume and not used:
            raise UsageError(f"{path} contains no run to continue.", hint="Leave out --resume to start one.")

    def open(self, text: str, validator: Validator) -> None:
        """Write the *text* of the recipe, and start the log with the columns of *validator*."""
        with whole_file(self.path / "recipe.toml") as file:
            file.write(text.encode())
        earlier = self._rows()
        known = [name for row in earlier[:1] for name in row]
        self._columns = list(dict.fromkeys([*_COLUMNS, *validator.columns, *validator.details, *known]))
        table = io.StringIO()
        writer = csv.DictWriter(table, self._columns, restval="")
        writer.writeheader()
        writer.writerows(earlier)
        with whole_file(self._log_file) as file:
            file.write(table.getvalue().encode())

    def log(self, run: Run, loss: float, speed: float, result: ValidationResult | None) -> None:
        """Append a line to the log, with the scores of *result* if there is one."""
        values: dict[str, Any] = {
            "step": run.progress.step,
            "seconds": f"{run.progress.seconds:.1f}",
            "megapixels": f"{run.progress.megapixels:.2f}",
            "loss": "" if loss != loss else f"{loss:.6f}",
            "megapixels_per_second": f"{speed:.3f}",
        }
        if result:
            values |= {name: f"{value:.3f}" for name, value in (result.scores | result.details).items()}
        line = io.StringIO()
        csv.DictWriter(line, self._columns, restval="").writerow(values)
        append_line_durably(self._log_file, line.getvalue().strip())

    def draw(self, run: Run, network: Any, validator: Validator) -> None:
        """Draw the curves so far, and examples of *network* on validation samples."""
        with whole_file(self.path / "loss.svg") as file:
            file.write(training_curves(self._rows(), validator.columns, validator.unit).encode())
        examples = validator.examples(network, run.device)
        if examples:
            imageio.write(examples, self.path / "before-after.png")

    def save(self, run: Run) -> None:
        """Write the checkpoint, and the averaged weights as a usable model."""
        run.save(self.state)
        summary = f"In the middle of a training with the recipe {run.recipe.name!r}."
        facts = training_facts(run)
        write_weights(self._latest, run.average, run.task, run.recipe, summary=summary, training=facts)

    def close(self, *, finished: bool) -> None:
        """Remove the weights of the last checkpoint, as there are final ones.

        *finished* removes the checkpoint too: the number of steps is reached, and resuming starts again.
        """
        for suffix in (".safetensors", ".toml"):
            self._latest.with_suffix(suffix).unlink(missing_ok=True)
        if finished:
            self.state.unlink(missing_ok=True)

    def _rows(self) -> list[dict[str, str]]:
        if not self._log_file.exists():
            return []
        with self._log_file.open(newline="", encoding="utf-8") as file:
            return [{name: value or "" for name, value in row.items() if name} for row in csv.DictReader(file)]


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
