"""Progress of a training, as lines for readers or as JSON."""

from __future__ import annotations

import dataclasses
import json
import time

import click

from denoiser.events import Event, TrainingProgress
from denoiser_cli.lines import to_stderr

_REPORT_EVERY = 15.0  # seconds between progress lines


class ProgressPrinter:
    """Prints progress lines, rate limited; validation results and notes always."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._last = 0.0
        self._validation = ""

    def __call__(self, event: Event) -> None:
        if self._quiet or not isinstance(event, TrainingProgress):
            return
        if event.validation_psnr and event.unit:  # the accuracy of estimators is printed at the end
            unit = event.unit
            scores = ", ".join(f"{name} {value:.2f} {unit}" for name, value in event.validation_psnr.items())
            to_stderr(f"step {event.step}: validation{f' {event.note}' if event.note else ''}: {scores}")
            mean = sum(event.validation_psnr.values()) / len(event.validation_psnr)
            self._validation = f"  validation {mean:.2f} {unit}"
        elif event.note:
            to_stderr(event.note)
        elif time.monotonic() - self._last >= _REPORT_EVERY:
            self._last = time.monotonic()
            speed = f"{event.megapixels_per_second:.2f} MP/s  " if event.megapixels_per_second else ""
            to_stderr(
                f"step {event.step}  {event.fraction:.0%}  loss {event.loss:.4f}{self._validation}  "
                f"{speed}{event.seconds_left / 60:.0f} min left"
            )


def print_json(event: Event) -> None:
    """Print a progress event as a line of JSON."""
    if isinstance(event, TrainingProgress):
        words = {"event": "training", **dataclasses.asdict(event)}
        click.echo(json.dumps({key: None if value != value else value for key, value in words.items()}))  # no NaN


def print_loading(done: int, total: int) -> None:
    """Print every hundredth image that is read."""
    if done % 100 == 0:
        to_stderr(f"Reading photos: {done} of {total}")
