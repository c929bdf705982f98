"""The training of a denoiser: draw, degrade, step, average, validate, save; stops when its minutes are used up."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from denoiser.errors import TrainingFailed
from denoiser.events import CancelToken, Listener, TrainingProgress
from denoiser.training import checkpoint
from denoiser.training.data import PhotoPool
from denoiser.training.degrade import Sample, degrade
from denoiser.training.losses import LOSSES
from denoiser.training.optimiser import Muon, split
from denoiser.training.recipe import Recipe
from denoiser.training.validation import validate

_SAVE_EVERY = 120.0  # seconds: what a killed run may lose
_VALIDATE_EVERY = 600.0
_TELL_EVERY = 5.0
_LONGEST_STEP = 20.0  # seconds: a longer one is a machine that slept or a process that was halted, not work
_CLIP = 1.0  # norm of the gradient of what Adam trains; Muon's steps have their size by design


@dataclass(slots=True)
class Run:
    """A network under training and everything that moves with it."""

    recipe: Recipe
    network: nn.Module
    average: nn.Module
    pool: PhotoPool
    folder: Path
    seconds: float  # the time it is given in all, earlier sittings counted in
    device: torch.device
    autocast: bool
    generator: torch.Generator
    progress: checkpoint.Progress = field(init=False)
    optimisers: list[torch.optim.Optimizer] = field(init=False)

    def __post_init__(self) -> None:
        kernels, rest = split(self.network)
        self.optimisers = [
            Muon(kernels, lr=self.recipe.muon_rate),
            torch.optim.Adam(rest, lr=self.recipe.adam_rate, betas=(0.9, 0.99)),
        ]
        self.progress = checkpoint.Progress(self.recipe.name)

    @property
    def state_file(self) -> Path:
        return self.folder / "state.safetensors"

    @property
    def fraction(self) -> float:
        return min(1.0, self.progress.seconds / self.seconds)

    def resume(self) -> None:
        """Goes on from the state in the run's folder."""
        networks = {"network": self.network, "average": self.average}
        self.progress = checkpoint.load_state(self.state_file, networks, self.optimisers, self.generator)

    def save(self) -> None:
        """Writes the state from which ``resume`` goes on."""
        networks = {"network": self.network, "average": self.average}
        checkpoint.save_state(self.state_file, self.progress, networks, self.optimisers, self.generator)


def train(run: Run, listener: Listener, cancel: CancelToken) -> None:
    """Trains until the time is used up or *cancel* is set; the state is saved either way."""
    clock = _Clock(run)
    losses: list[float] = []
    try:
        while run.fraction < 1 and not cancel.cancelled:
            losses.append(_step(run))
            clock.tick()
            if clock.due("tell", _TELL_EVERY):
                listener(_told(run, losses, clock.megapixels_per_second))
                losses.clear()
            if clock.due("save", _SAVE_EVERY):
                run.save()
            if clock.due("validate", _VALIDATE_EVERY):
                _validate_and_log(run, listener, clock.megapixels_per_second)
                clock.forget_this_stretch()
    finally:
        run.save()
    if run.fraction >= 1:
        _validate_and_log(run, listener, clock.megapixels_per_second)


class _Clock:
    """Counts working seconds into the progress and tells when something is due."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._at = self._began = time.monotonic()
        self._pixels_before = run.progress.megapixels
        self._last: dict[str, float] = {}

    def tick(self) -> None:
        now = time.monotonic()
        self._run.progress.seconds += min(now - self._at, _LONGEST_STEP)
        self._at = now

    def forget_this_stretch(self) -> None:
        """Leaves what just happened (a validation) out of the counted time."""
        self._at = time.monotonic()

    def due(self, what: str, interval: float) -> bool:
        last = self._last.setdefault(what, self._began)
        if self._at - last < interval:
            return False
        self._last[what] = self._at
        return True

    @property
    def megapixels_per_second(self) -> float:
        return (self._run.progress.megapixels - self._pixels_before) / max(self._at - self._began, 1e-6)


def learning_rate_factor(fraction: float, step: int, warm_up_steps: int) -> float:
    """A short climb over the first steps, then a cosine down to zero at the end of the time."""
    return min(1.0, (step + 1) / warm_up_steps) * 0.5 * (1 + math.cos(math.pi * fraction))


def _step(run: Run) -> float:
    stage = run.recipe.stage_at(run.fraction)
    clean = run.pool.draw(stage.batch, stage.patch, run.generator)
    sample = degrade(clean, run.recipe.noise, run.generator)
    loss = _loss(run, sample, LOSSES[stage.loss])
    for optimiser in run.optimisers:
        optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    value = float(loss.detach())
    if not math.isfinite(value):
        raise TrainingFailed(
            f"The loss became {value} at step {run.progress.step}.",
            hint="Lower the rates in the recipe; the last saved state is from before.",
        )
    _descend(run)
    run.progress.step += 1
    run.progress.megapixels += clean.shape[0] * clean.shape[2] * clean.shape[3] / 1e6
    return value


def _loss(run: Run, sample: Sample, loss: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    noisy = sample.noisy.to(run.device, memory_format=torch.channels_last)
    with torch.autocast(run.device.type, dtype=torch.bfloat16, enabled=run.autocast):
        output = run.network(noisy, sample.planes.to(run.device))
    return loss(output.float(), sample.target.to(run.device))


def _descend(run: Run) -> None:
    factor = learning_rate_factor(run.fraction, run.progress.step, run.recipe.warm_up_steps)
    rates = (run.recipe.muon_rate, run.recipe.adam_rate)
    for optimiser, rate in zip(run.optimisers, rates, strict=True):
        for group in optimiser.param_groups:
            group["lr"] = rate * factor
    torch.nn.utils.clip_grad_norm_(run.optimisers[1].param_groups[0]["params"], _CLIP)
    for optimiser in run.optimisers:
        optimiser.step()
    # A young average follows quickly, so that its start is forgotten.
    decay = min(run.recipe.ema, (1 + run.progress.step) / (10 + run.progress.step))
    with torch.no_grad():
        for mean, now in zip(run.average.parameters(), run.network.parameters(), strict=True):
            mean.lerp_(now, 1 - decay)


def _told(run: Run, losses: list[float], speed: float, psnr: dict[str, float] | None = None) -> TrainingProgress:
    return TrainingProgress(
        step=run.progress.step,
        loss=sum(losses) / len(losses) if losses else math.nan,
        fraction=run.fraction,
        seconds_left=run.seconds - run.progress.seconds,
        megapixels_per_second=speed,
        validation_psnr=psnr,
    )


def _validate_and_log(run: Run, listener: Listener, speed: float) -> None:
    psnr = validate(run.average, run.pool.held_out, run.device)
    progress = run.progress
    row = {"step": progress.step, "seconds": round(progress.seconds), "megapixels": round(progress.megapixels, 1)}
    row |= {name: round(value, 3) for name, value in psnr.items()}
    log = run.folder / "log.csv"
    new = not log.exists()
    with log.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)
    listener(_told(run, [], speed, psnr))
