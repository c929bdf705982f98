"""A training run: task, network, optimisers and progress; one step, the loss, and checkpoints.

torch.compile is used where it works on this machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from denoiser.networks import registry
from denoiser.networks.condition import PLANES
from denoiser.networks.conditioning import Denoiser
from denoiser.training import checkpoint
from denoiser.training.degrade import Batch
from denoiser.training.optimiser import Muon, parameter_groups, split
from denoiser.training.processes import Processes
from denoiser.training.recipe import Recipe, Stage
from denoiser.training.samples import SampleSource

_MAX_NORM = 1.0  # of the gradients of what Adam trains; Muon's steps have a fixed size


@dataclass(frozen=True, slots=True)
class TrainingTask:
    """What differs between the kinds of networks. Its functions are module-level, so it can be pickled."""

    name: str  # the task on the card, and the prefix of the name of the weights file
    recipe: str  # the default recipe
    loss: Callable[[Run, Batch, Stage], Tensor]
    build: Callable[[Recipe, SampleSource, torch.Generator], nn.Module]  # a new network, initialised from samples
    tensors: Callable[[nn.Module], Mapping[str, Tensor]]  # of the weights file
    limits: tuple[str, ...]  # on the card
    bf16: bool = True  # training may use bf16
    run_files: tuple[str, ...] = ("state.safetensors",)  # each of them can be resumed from
    prepare: Callable[[Run], None] | None = None  # completes a new run before it starts or resumes
    finish: Callable[[Run], None] | None = None  # completes the averaged network before it is exported


@dataclass(slots=True)
class Run:
    """Complete when built; ``step`` updates all of it in the order that keeps checkpoints resumable."""

    task: TrainingTask
    recipe: Recipe
    network: Any  # an nn.Module; tasks use methods of their networks
    average: Any
    source: SampleSource
    seconds: float  # total training time, including earlier calls; the recipe may limit steps instead
    device: torch.device
    autocast: bool
    generator: torch.Generator
    teacher: nn.Module | None = None
    processes: Processes = field(default_factory=Processes)
    forward: Callable[..., Any] = field(init=False)
    progress: checkpoint.TrainingState = field(init=False)
    optimisers: list[torch.optim.Optimizer] = field(init=False)

    def __post_init__(self) -> None:
        kernels, rest = split(self.network)
        self.optimisers = [
            Muon(kernels, lr=self.recipe.muon_rate),
            torch.optim.Adam(
                parameter_groups(self.network, rest), lr=self.recipe.adam_rate, betas=(0.9, 0.99), fused=True
            ),
        ]
        self.progress = checkpoint.TrainingState(self.recipe.name)
        self.forward = self.processes.wrap(self.network)

    @property
    def fraction(self) -> float:
        """Fraction of the training that is done, 0..1."""
        if self.recipe.steps:
            return min(1.0, self.progress.step / self.recipe.steps)
        return min(1.0, self.progress.seconds / self.seconds)

    def load(self, path: Path) -> None:
        """Resume from the checkpoint *path*."""
        seed = self.generator.initial_seed()
        self.progress = checkpoint.load_state(path, self._networks(), self.optimisers, self.generator)
        if self.processes.rank:  # the state is that of rank 0; each process draws its own samples
            self.generator.manual_seed(seed + self.progress.step)

    def save(self, path: Path) -> None:
        """Write a checkpoint for ``load``."""
        checkpoint.save_state(path, self.progress, self._networks(), self.optimisers, self.generator)

    def step(self) -> Tensor:
        """Draw a batch and take one step on it. The loss stays on the device, so that the step does not wait."""
        stage = self.recipe.stage_at(self.fraction)
        batch = self.source.draw(stage.batch, stage.patch, self.generator)
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss = self.task.loss(self, batch, stage)
        loss.backward()  # type: ignore[no-untyped-call]
        self._update()
        self.progress.step += 1
        self.progress.megapixels += self.processes.size * stage.batch * stage.patch**2 / 1e6
        return loss.detach()

    def _networks(self) -> dict[str, nn.Module]:
        return {"network": self.network, "average": self.average}

    def in_precision(self) -> torch.autocast:
        """Context in which layers compute in the precision of the run."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.autocast)

    def _update(self) -> None:
        factor = learning_rate_factor(self.fraction, self.progress.step, self.recipe.warm_up_steps)
        rates = (self.recipe.muon_rate, self.recipe.adam_rate)
        for optimiser, rate in zip(self.optimisers, rates, strict=True):
            for group in optimiser.param_groups:
                group["lr"] = rate * factor * group.get("pace", 1.0)
        clipped = [one for group in self.optimisers[1].param_groups for one in group["params"]]
        torch.nn.utils.clip_grad_norm_(clipped, _MAX_NORM)
        for optimiser in self.optimisers:
            optimiser.step()
        # A new average follows quickly, so that the initial weights lose influence.
        decay = min(self.recipe.ema, (1 + self.progress.step) / (10 + self.progress.step))
        follow = torch.optim.swa_utils.get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        follow(list(self.average.parameters()), list(self.network.parameters()), None)


def learning_rate_factor(fraction: float, step: int, warm_up_steps: int) -> float:
    """Learning rate factor: a linear warm-up, then a cosine decay to zero at the end."""
    return min(1.0, (step + 1) / warm_up_steps) * 0.5 * (1 + math.cos(math.pi * fraction))


def compile_if_it_works(run: Run) -> str:
    """Compile the network of *run*; return one line with the result.

    Many compiler errors appear only with the first batch, so one is tried, forwards and backwards. CUDA graphs are
    recorded in the second pass and run in the third.
    """
    plain = run.forward
    assert isinstance(plain, nn.Module), "a run starts with a module"
    state = run.generator.get_state()
    stage = run.recipe.stage_at(run.fraction)
    pixels = torch.zeros(stage.batch, 3, stage.patch, stage.patch, device=run.device)
    planes = torch.zeros(stage.batch, PLANES, 1, 1, device=run.device)
    try:
        how = run.recipe.compile
        words: dict[str, Any] = {"backend": how, "dynamic": False} if isinstance(how, str) else {}
        run.forward = torch.compile(plain, **words)
        for _ in range(3):
            run.task.loss(run, Batch(pixels, pixels, planes), stage).backward()  # type: ignore[no-untyped-call]
            run.network.zero_grad(set_to_none=True)
    except (RuntimeError, ImportError, OSError) as error:  # the base classes of what torch.compile raises
        run.forward = plain
        run.network.zero_grad(set_to_none=True)
        reason = str(error).strip().partition("\n")[0]
        return f"The network is not compiled: {type(error).__name__}: {reason[:150]}"
    finally:
        run.generator.set_state(state)  # the trial does not change the samples that are drawn
    return "The network is compiled."


_CHARBONNIER_EPSILON = 1e-3  # a quarter of an 8-bit step: below it the loss is quadratic
_LOG_FLOOR = 1e-6  # 60 dB, beyond which quality does not count
_TEACHER_SHARE = 0.5  # share of the loss against the output of the teacher; the rest is against the target


def charbonnier(output: Tensor, target: Tensor) -> Tensor:
    """A smooth L1 loss: robust while the network is still rough."""
    return torch.sqrt((output - target).square() + _CHARBONNIER_EPSILON**2).mean()


def log_mse(output: Tensor, target: Tensor) -> Tensor:
    """Mean over images of the logarithm of the squared error: a decibel counts the same at every level."""
    return torch.log10((output - target).square().mean(dim=(1, 2, 3)) + _LOG_FLOOR).mean()


def rms(output: Tensor, target: Tensor) -> Tensor:
    """Mean over images of the root of the mean squared error, which weak noise influences too."""
    squared = (output - target).square().mean(dim=(1, 2, 3))
    return torch.sqrt(squared + _CHARBONNIER_EPSILON**2).mean()


LOSSES = {"charbonnier": charbonnier, "log-mse": log_mse, "rms": rms}


def denoising_loss(run: Run, batch: Batch, stage: Stage) -> Tensor:
    """Loss of a denoiser against the target and, if there is one, against the output of its teacher."""
    loss = LOSSES[stage.loss]
    # The target has the memory layout of the output.
    noisy, target = (one.to(run.device, memory_format=torch.channels_last) for one in (batch.input, batch.target))
    planes = batch.planes.to(run.device)
    with run.in_precision():
        output = run.forward(noisy, planes)
    to_target = loss(output.float(), target)
    if run.teacher is None:
        return to_target
    with torch.no_grad(), run.in_precision():
        taught = run.teacher(noisy, planes)
    return torch.lerp(to_target, loss(output.float(), taught.float()), _TEACHER_SHARE)


def _new_denoiser(plan: Recipe, _source: SampleSource, _generator: torch.Generator) -> nn.Module:
    return registry.build(Denoiser, plan.architecture, plan.settings)


def _half_precision(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.half() for name, value in network.state_dict().items()}


DENOISING = TrainingTask(
    name="denoiser",
    recipe="fast",
    loss=denoising_loss,
    build=_new_denoiser,
    tensors=_half_precision,
    limits=("Trained on 8-bit photos; noise above sigma 75 is beyond what it has seen.",),
)
