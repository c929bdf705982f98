"""A training run: network, optimisers, progress; one step, and checkpoints.

torch.compile is used where it works on this machine.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from denoiser.networks.conditioning import PLANES, NetworkSpec
from denoiser.training import checkpoint
from denoiser.training.degrade import Sample
from denoiser.training.objective import Objective, against_truth
from denoiser.training.optimiser import Muon, paces, split
from denoiser.training.recipe import Recipe
from denoiser.training.samples import SampleSource
from denoiser.training.team import Alone, Team

_CLIP = 1.0  # norm of the gradient of what Adam trains; Muon's steps have their size by design


@dataclass(slots=True)
class Run:
    """Complete when built; ``step`` moves everything by one step, in the order that keeps a state resumable."""

    recipe: Recipe
    network: nn.Module
    average: nn.Module
    source: SampleSource
    seconds: float  # total training time, including earlier calls
    device: torch.device
    autocast: bool
    generator: torch.Generator
    teacher: nn.Module | None = None
    objective: Objective = against_truth
    team: Team = field(default_factory=Alone)
    forward: Callable[..., Any] = field(init=False)
    progress: checkpoint.Progress = field(init=False)
    optimisers: list[torch.optim.Optimizer] = field(init=False)

    def __post_init__(self) -> None:
        kernels, rest = split(self.network)
        self.optimisers = [
            Muon(kernels, lr=self.recipe.muon_rate),
            torch.optim.Adam(paces(self.network, rest), lr=self.recipe.adam_rate, betas=(0.9, 0.99)),
        ]
        self.progress = checkpoint.Progress(self.recipe.name)
        self.forward = self.team.join(self.network)

    @property
    def spec(self) -> NetworkSpec:
        """Size and cost of the network."""
        spec: NetworkSpec = self.network.spec(self.recipe.halo)  # type: ignore[operator]
        return spec

    @property
    def fraction(self) -> float:
        """Fraction of the training time used, 0..1."""
        return min(1.0, self.progress.seconds / self.seconds)

    def load(self, path: Path) -> None:
        """Resume from the checkpoint *path*."""
        seed = self.generator.initial_seed()
        self.progress = checkpoint.load_state(path, self._networks(), self.optimisers, self.generator)
        if self.team.number:  # the state is the first's; each process draws samples of its own
            self.generator.manual_seed(seed + self.progress.step)

    def save(self, path: Path) -> None:
        """Write a checkpoint for ``load``."""
        checkpoint.save_state(path, self.progress, self._networks(), self.optimisers, self.generator)

    def step(self) -> Tensor:
        """Draw a batch and take one step on it. The loss stays on the device, so that the step does not wait."""
        stage = self.recipe.stage_at(self.fraction)
        sample = self.source.draw(stage.batch, stage.patch, self.generator)
        loss = self.objective(self, sample, stage)
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        self.team.backward(loss)
        self._descend()
        self.progress.step += 1
        self.progress.megapixels += self.team.size * stage.batch * stage.patch**2 / 1e6
        return loss.detach()

    def _networks(self) -> dict[str, nn.Module]:
        return {"network": self.network, "average": self.average}

    @contextlib.contextmanager
    def in_precision(self) -> Iterator[None]:
        """Context in which layers compute in the precision of the run."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.autocast):
            yield

    def _descend(self) -> None:
        factor = learning_rate_factor(self.fraction, self.progress.step, self.recipe.warm_up_steps)
        rates = (self.recipe.muon_rate, self.recipe.adam_rate)
        for optimiser, rate in zip(self.optimisers, rates, strict=True):
            for group in optimiser.param_groups:
                group["lr"] = rate * factor * group.get("pace", 1.0)
        clipped = [one for group in self.optimisers[1].param_groups for one in group["params"]]
        torch.nn.utils.clip_grad_norm_(clipped, _CLIP)
        for optimiser in self.optimisers:
            optimiser.step()
        # A new average follows quickly, so that the initial weights lose influence.
        decay = min(self.recipe.ema, (1 + self.progress.step) / (10 + self.progress.step))
        follow = torch.optim.swa_utils.get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        follow(list(self.average.parameters()), list(self.network.parameters()), None)


def learning_rate_factor(fraction: float, step: int, warm_up_steps: int) -> float:
    """Learning rate factor: a linear warm-up, then a cosine decay to zero at the end of the time."""
    return min(1.0, (step + 1) / warm_up_steps) * 0.5 * (1 + math.cos(math.pi * fraction))


def compile_if_it_works(run: Run) -> str:
    """Lets *run* go through a compiled network; the line says what came of it.

    Compilers fail in many ways, most of them only when the first batch comes: so one is tried, forward and back.
    """
    plain = run.forward
    assert isinstance(plain, nn.Module), "a run starts with a module"
    state = run.generator.get_state()
    try:
        _try(torch.compile(plain), run)
    except (RuntimeError, ImportError, OSError) as error:  # all that torch.compile raises comes from these
        run.forward = plain
        run.network.zero_grad(set_to_none=True)
        reason = str(error).strip().partition("\n")[0]
        return f"The network is not compiled: {type(error).__name__}: {reason[:150]}"
    finally:
        run.generator.set_state(state)  # a trial leaves no trace in what is drawn
    return "The network is compiled."


def _try(compiled: Callable[..., Any], run: Run) -> None:
    stage = run.recipe.stage_at(run.fraction)
    nothing: Tensor = torch.zeros(stage.batch, 3, stage.patch, stage.patch, device=run.device)
    planes = torch.zeros(stage.batch, PLANES, 1, 1, device=run.device)
    run.forward = compiled
    run.team.backward(run.objective(run, Sample(nothing, nothing, planes), stage))
    run.network.zero_grad(set_to_none=True)
