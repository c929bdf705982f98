"""The training loop: steps, and between them progress events, logging, checkpoints and validation.

It also measures the training speed as a share of the peak of the device.
"""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from torch.nn import functional

from denoiser.errors import TrainingFailed
from denoiser.events import CancelToken, Listener, TrainingProgress
from denoiser.training.processes import LoopState
from denoiser.training.run import Run
from denoiser.training.run_folder import RunFolder
from denoiser.training.validation import ValidationResult, Validator

# The reference convolution for the peak: dense, 3x3, in the cache of a CPU.
_WIDTH, _SIDE = 256, 128
_IMAGES = {"cuda": 32}  # at once, to fill the device
_TRIES = 3
_PASSES = 3  # forward, gradient of the input, gradient of the kernel: the same number of operations each


def speed_note(run: Run, megapixels_per_second: float) -> str:
    """One line: the speed, and the share of what this device's own convolutions reach."""
    peak = peak_flops(run.device, bf16=run.autocast) * run.processes.size
    kmac = run.network.spec(run.recipe.halo).kmac_per_pixel
    share = training_flops(megapixels_per_second, kmac) / peak
    number = "bf16" if run.autocast else "fp32"
    reach = f"the {peak / 1e12:.3g} TFLOP/s that {run.device.type} reaches in {number}"
    return f"{megapixels_per_second:.3g} MP/s, {share:.0%} of {reach}"


def training_flops(megapixels_per_second: float, kmac_per_pixel: float) -> float:
    """Floating-point operations per second of a training at that speed: two for each multiplication and pass."""
    return megapixels_per_second * 1e6 * kmac_per_pixel * 1e3 * 2 * _PASSES


@torch.inference_mode()
def peak_flops(device: torch.device, *, bf16: bool) -> float:
    """Floating-point operations per second of a dense convolution on *device*: the best of three."""
    dtype = torch.bfloat16 if bf16 else torch.float32
    images = _IMAGES.get(device.type, 1)
    shapes = (images, _WIDTH, _SIDE, _SIDE), (_WIDTH, _WIDTH, 3, 3)
    drawn = (torch.randn(shape, device=device, dtype=dtype) for shape in shapes)
    x, kernel = (values.contiguous(memory_format=torch.channels_last) for values in drawn)
    times = []
    for _ in range(_TRIES + 1):
        began = time.perf_counter()
        functional.conv2d(x, kernel, padding=1)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        elif device.type == "mps":
            torch.mps.synchronize()
        times.append(time.perf_counter() - began)
    return 2 * 9 * _WIDTH**2 * _SIDE**2 * images / min(times[1:])  # the first one warms up


# Intervals in seconds of training.
_REPORT_EVERY = 5.0
_LOG_EVERY = 30.0
_LOG_SHORT_EVERY = 1.0  # of trainings of a fixed number of steps
_SAVE_EVERY = 120.0  # what a killed run may lose
_VALIDATE_EVERY = 600.0
_SPEED_AFTER = 20.0  # when the speed is reported once, as a share of the device's peak
# Clock, losses and cancel are checked after a group of steps, so that a GPU does not wait at each step.
_GROUP_SECONDS = 0.5
_MOST_STEPS = 100  # in a group
_LONGEST_GROUP = 20.0  # seconds; a longer one means that the machine slept or the process was paused


def train(run: Run, logbook: Logbook | None, cancel: CancelToken) -> None:
    """Train until the end or until *cancel* is set; the state is saved either way.

    Raises TrainingFailed if the loss is not finite, and OutputFull if the disk is full; the last checkpoint is
    kept in both cases. Only rank 0 has a *logbook*.
    """
    state = run.processes.agree(LoopState(run.progress.seconds, 1, cancel.cancelled, failed=False))
    while not state.stop and run.fraction < 1:
        began = time.monotonic()
        losses = torch.stack([run.step() for _ in range(state.steps)]).tolist()
        took = min(time.monotonic() - began, _LONGEST_GROUP)
        failed = not all(map(math.isfinite, losses))
        left = run.recipe.steps - run.progress.step if run.recipe.steps else _MOST_STEPS
        steps = max(1, min(left, _MOST_STEPS, round(_GROUP_SECONDS * len(losses) / max(took, 1e-6))))
        state = run.processes.agree(LoopState(run.progress.seconds + took, steps, cancel.cancelled, failed))
        run.progress.seconds = state.seconds
        if state.failed:
            raise TrainingFailed(
                f"The loss became {losses[-1]} at step {run.progress.step}.",
                hint="Lower the rates in the recipe; the last checkpoint is from before.",
            )
        if logbook:
            logbook.write(losses, took)
    run.processes.check_equal(run.average.parameters())
    if logbook:
        logbook.save()


class Logbook:
    """Reports, logs, saves and validates when due; intervals are in seconds of training."""

    def __init__(self, run: Run, folder: RunFolder, validator: Validator, listener: Listener) -> None:
        self._run, self._folder, self._validator, self._listener = run, folder, validator, listener
        self._began = run.progress.seconds
        self._megapixels_before, self._fraction_before = run.progress.megapixels, run.fraction
        self._last: dict[str, float] = {}
        self._unreported: list[float] = []
        self._unlogged: list[float] = []
        self._speed_is_reported = run.recipe.steps > 0  # such a run is short, and its network has no cost per pixel

    def write(self, losses: list[float], took: float) -> None:
        """Record the *losses* of a group of steps that took *took* seconds, and do what is due."""
        self._unreported += losses
        self._unlogged += losses
        if self._due("report", _REPORT_EVERY) or took >= _REPORT_EVERY:
            self.report()
        if not self._speed_is_reported and self._run.progress.seconds - self._began >= _SPEED_AFTER:
            self._speed_is_reported = True
            self.report(note=speed_note(self._run, self.megapixels_per_second))
        if self._due("validate", _VALIDATE_EVERY):
            self.validate(self._run.average)
        elif self._due("log", _LOG_SHORT_EVERY if self._run.recipe.steps else _LOG_EVERY):
            self._log(None)
        if self._due("save", _SAVE_EVERY):
            self.save()

    def validate(self, network: Any, note: str = "") -> ValidationResult:
        """Validate *network*; report, log and draw the result."""
        result = self._validator.validate(network, self._run.device)
        self._log(result)
        self._folder.draw(self._run, network, self._validator)
        self.report(result.scores, note)
        return result

    def save(self) -> None:
        """Save the checkpoint, and the averaged weights as a usable model."""
        self._folder.save(self._run)

    @property
    def megapixels_per_second(self) -> float:
        """Speed since this call began."""
        progress = self._run.progress
        return (progress.megapixels - self._megapixels_before) / max(progress.seconds - self._began, 1e-6)

    def report(self, scores: dict[str, float] | None = None, note: str = "") -> None:
        """Send progress, and validation *scores* or a *note*, to the listener."""
        run = self._run
        self._listener(
            TrainingProgress(
                step=run.progress.step,
                loss=_mean(self._unreported),
                fraction=run.fraction,
                seconds_left=self._seconds_left(),
                megapixels_per_second=self.megapixels_per_second,
                validation_psnr=scores,
                note=note,
                unit=self._validator.unit,
            )
        )
        self._unreported.clear()

    def _seconds_left(self) -> float:
        run = self._run
        if not run.recipe.steps:
            return max(0.0, run.seconds - run.progress.seconds)
        done = max(run.fraction - self._fraction_before, 1e-6)
        return (run.progress.seconds - self._began) / done * (1 - run.fraction)

    def _due(self, what: str, interval: float) -> bool:
        now = self._run.progress.seconds
        if now - self._last.setdefault(what, self._began) < interval:
            return False
        self._last[what] = now
        return True

    def _log(self, result: ValidationResult | None) -> None:
        self._last["log"] = self._run.progress.seconds
        self._folder.log(self._run, _mean(self._unlogged), self.megapixels_per_second, result)
        self._unlogged.clear()


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan
