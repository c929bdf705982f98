"""The training loop: steps, and between them progress events, logging, checkpoints and validation.

It also measures the training speed as a share of the peak of the device.
"""

from __future__ import annotations

import math
import time

import torch
from torch.nn import functional

from denoiser.errors import TrainingFailed
from denoiser.events import CancelToken, Listener, TrainingProgress
from denoiser.training.run import Run
from denoiser.training.run_folder import RunFolder
from denoiser.training.team import Word
from denoiser.training.validation import Judging, ValidationResult

_WIDTH, _SIDE = 256, 128  # of the reference convolution: dense, 3x3, in the cache of a CPU
_PICTURES = {"cuda": 32}  # at once, to fill the device
_TRIES = 3
_PASSES = 3  # forward, gradient of the input, gradient of the kernel: each the same work


def speed_note(run: Run, megapixels_per_second: float) -> str:
    """One line: the speed, and the share of what this device's own convolutions reach."""
    peak = peak_flops(run.device, bf16=run.autocast) * run.team.size
    kmac = run.spec.kmac_per_pixel
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
    pictures = _PICTURES.get(device.type, 1)
    x = torch.randn(pictures, _WIDTH, _SIDE, _SIDE, device=device, dtype=dtype)
    x = x.contiguous(memory_format=torch.channels_last)
    kernel = torch.randn(_WIDTH, _WIDTH, 3, 3, device=device, dtype=dtype).contiguous(
        memory_format=torch.channels_last
    )
    times = []
    for _ in range(_TRIES + 1):
        began = time.perf_counter()
        functional.conv2d(x, kernel, padding=1)
        _wait(device)
        times.append(time.perf_counter() - began)
    return 2 * 9 * _WIDTH**2 * _SIDE**2 * pictures / min(times[1:])  # the first one warms up


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


# Intervals in seconds of training.
_TELL_EVERY = 5.0
_LOG_EVERY = 30.0
_SAVE_EVERY = 120.0  # what a killed run may lose
_VALIDATE_EVERY = 600.0
_SPEED_AFTER = 20.0  # when the speed is reported once, as a share of the device's peak
_BEAT = (
    0.5  # seconds of steps between two checks of clock, losses and cancel, so that a GPU does not wait at each step
)
_MOST_STEPS = 100  # in a beat
_LONGEST_BEAT = 20.0  # seconds; a longer beat means that the machine slept or the process was paused


def train(run: Run, logbook: Logbook | None, cancel: CancelToken) -> None:
    """Train until the time is used up or *cancel* is set; the state is saved either way.

    Raises TrainingFailed if the loss is not finite, and OutputFull if the disk is full; the last checkpoint is
    kept in both cases. Only the first of several processes has a *logbook*.
    """
    word = run.team.agree(Word(run.progress.seconds, 1, cancel.cancelled, failed=False))
    while not word.stop and run.fraction < 1:
        began = time.monotonic()
        losses = torch.stack([run.step() for _ in range(word.steps)]).tolist()
        took = min(time.monotonic() - began, _LONGEST_BEAT)
        failed = not all(map(math.isfinite, losses))
        steps = _steps_in_a_beat(took / len(losses))
        word = run.team.agree(Word(run.progress.seconds + took, steps, cancel.cancelled, failed))
        run.progress.seconds = word.seconds
        if word.failed:
            raise TrainingFailed(
                f"The loss became {losses[-1]} at step {run.progress.step}.",
                hint="Lower the rates in the recipe; the last saved state is from before.",
            )
        if logbook:
            logbook.write(losses, took)
    run.team.check_alike(run.average.parameters())
    if logbook:
        logbook.save()


def _steps_in_a_beat(seconds_for_one: float) -> int:
    return max(1, min(_MOST_STEPS, round(_BEAT / max(seconds_for_one, 1e-6))))


class Logbook:
    """Reports, logs, saves and validates when due; intervals are in seconds of training."""

    def __init__(self, run: Run, folder: RunFolder, judge: Judging, listener: Listener) -> None:
        self._run, self._folder, self._judge, self._listener = run, folder, judge, listener
        self._began = run.progress.seconds
        self._megapixels_before = run.progress.megapixels
        self._last: dict[str, float] = {}
        self._unreported: list[float] = []
        self._unlogged: list[float] = []
        self._speed_is_reported = False

    def write(self, losses: list[float], took: float) -> None:
        """Record the *losses* of a beat of *took* seconds, and do what is due."""
        self._unreported += losses
        self._unlogged += losses
        if self._due("tell", _TELL_EVERY) or took >= _TELL_EVERY:
            self._tell()
        if not self._speed_is_reported and self._run.progress.seconds - self._began >= _SPEED_AFTER:
            self._speed_is_reported = True
            self._tell(note=speed_note(self._run, self.megapixels_per_second))
        if self._due("validate", _VALIDATE_EVERY):
            self.validate(self._run.average)
        elif self._due("log", _LOG_EVERY):
            self._log(None)
        if self._due("save", _SAVE_EVERY):
            self.save()

    def validate(self, network: torch.nn.Module, note: str = "") -> ValidationResult:
        """Validate *network*; report, log and draw the result."""
        verdict = self._judge.verdict(network, self._run.device)
        self._log(verdict)
        self._folder.draw(self._judge, network, self._run.device)
        self._tell(verdict.scores, note)
        return verdict

    def save(self) -> None:
        """Save the checkpoint, and the averaged weights as a usable model."""
        self._run.save(self._folder.state)
        self._folder.save_latest(self._run)

    def say(self, note: str) -> None:
        """Send *note* to the listener."""
        self._tell(note=note)

    @property
    def megapixels_per_second(self) -> float:
        """Speed since this call began."""
        progress = self._run.progress
        return (progress.megapixels - self._megapixels_before) / max(progress.seconds - self._began, 1e-6)

    def _due(self, what: str, interval: float) -> bool:
        now = self._run.progress.seconds
        if now - self._last.setdefault(what, self._began) < interval:
            return False
        self._last[what] = now
        return True

    def _log(self, verdict: ValidationResult | None) -> None:
        self._last["log"] = self._run.progress.seconds
        self._folder.log(self._run.progress, _mean(self._unlogged), self.megapixels_per_second, verdict)
        self._unlogged.clear()

    def _tell(self, scores: dict[str, float] | None = None, note: str = "") -> None:
        run = self._run
        self._listener(
            TrainingProgress(
                step=run.progress.step,
                loss=_mean(self._unreported),
                fraction=run.fraction,
                seconds_left=max(0.0, run.seconds - run.progress.seconds),
                megapixels_per_second=self.megapixels_per_second,
                validation_psnr=scores,
                note=note,
                unit=self._judge.unit,
            )
        )
        self._unreported.clear()


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan
