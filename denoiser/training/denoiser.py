"""Training from a folder of photos to weights with their card."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from denoiser.engine.device import choose_device
from denoiser.engine.torch_network import fast_bf16
from denoiser.errors import UnreadableImage, UsageError
from denoiser.events import CancelToken, Listener, ignore
from denoiser.options import TrainOptions
from denoiser.training import recipe
from denoiser.training.checkpoint import TrainingState
from denoiser.training.data import Loading
from denoiser.training.export import training_facts, write_weights
from denoiser.training.loop import Logbook, train
from denoiser.training.material import Folders, Gather, Material
from denoiser.training.pairs import holds_pairs
from denoiser.training.processes import Processes, launched, process_count, run_as_launched, run_in_processes
from denoiser.training.run import DENOISING, Run, TrainingTask, compile_if_it_works
from denoiser.training.run_folder import RunFolder
from denoiser.training.start import Start, find_start, with_network
from denoiser.training.validation import ValidationResult

# Far apart, so that similar seeds of two runs do not give two processes the same samples.
_SEED_STRIDE = 1_000_003


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """The result of a training; ``kept_start`` means that it did not improve the weights it started from."""

    weights: Path
    progress: TrainingState
    finished: bool
    unreadable: tuple[UnreadableImage, ...]
    before: ValidationResult | None = None  # of the initial weights, on held-out images
    after: ValidationResult | None = None
    kept_start: bool = False
    rank: int = 0  # of the process that returns this; only rank 0 has written and reported anything


def train_denoiser(
    data: Path | None,
    out: Path,
    options: TrainOptions | None = None,
    *,
    pairs: Path | None = None,
    listener: Listener = ignore,
    loading: Callable[[int, int], None] | None = None,
    cancel: CancelToken | None = None,
) -> TrainingReport:
    """Train on the photos below *data* and the real pairs below *pairs*; all files go to the folder *out*.

    If *data* contains pairs, they are used as pairs. Stops within a step of *cancel* with a checkpoint, which
    ``resume`` continues.
    """
    if data and not pairs and holds_pairs(data):
        data, pairs = None, data
    options = options or TrainOptions()
    validation = Path(options.validate_pairs) if options.validate_pairs else None
    load = Loading(loading, cancel or CancelToken())
    return train_on(Folders(data, pairs, validation), out, options, listener=listener, loading=load)


def train_on(
    gather: Gather,
    out: Path,
    options: TrainOptions,
    *,
    listener: Listener,
    loading: Loading,
    task: TrainingTask = DENOISING,
    plan: recipe.Recipe | None = None,
) -> TrainingReport:
    """Train on the material that *gather* returns, in as many processes as *options* ask for.

    *plan* replaces the recipe that *options* name.
    """
    start = find_start(options.start) if options.start else None
    name = options.recipe
    if name == "auto":
        name = "fine-tune" if start else task.recipe
    plan = with_network(plan or recipe.load(name), start)
    teacher = find_start(options.teacher) if options.teacher else None
    training = _Training(gather, out, options, task, plan, start, teacher)
    training.open_folder()  # fails before any photo is read
    device = choose_device(options.device)
    if processes := launched():
        if options.devices is not None:
            raise UsageError("--devices has no effect under torchrun.", hint="Use its --nproc-per-node.")
        return run_as_launched(training, processes, device, listener, loading)
    count = process_count(options.devices, device)
    if count > 1:
        return run_in_processes(training, count, device, listener, loading)
    return training(Processes(), torch.device(device), listener, loading)


@dataclass(frozen=True, slots=True)
class _Training:
    """A training that can be sent to other processes."""

    gather: Gather
    out: Path
    options: TrainOptions
    task: TrainingTask
    plan: recipe.Recipe
    start: Start | None
    teacher: Start | None

    def open_folder(self) -> RunFolder:
        """The run folder; raise UsageError if ``resume`` does not fit its content."""
        return RunFolder(self.out, self.task, resume=self.options.resume)

    def __call__(
        self, processes: Processes, device: torch.device, listener: Listener, loading: Loading
    ) -> TrainingReport:
        """Train as one of *processes*; only rank 0 writes and reports."""
        folder = self.open_folder()
        material = self.gather(self.plan, device, self.options.seed, loading)
        run = self._run(material, processes, device)
        if self.options.resume and folder.state.exists():
            run.load(folder.state)
        logbook = None
        before: ValidationResult | None = None
        if processes.rank == 0:
            folder.open(self.plan.text, material.validator)
            logbook = Logbook(run, folder, material.validator, listener)
            before = logbook.validate(self.start.on(device), "before") if self.start else None
        if self.plan.compile:
            note = compile_if_it_works(run)
            if logbook:
                logbook.report(note=note)
        train(run, logbook, loading.cancel)
        finished = run.fraction >= 1
        after = logbook.validate(run.average) if logbook and (finished or self.start) else None
        report = TrainingReport(
            weights=self.out / f"{weights_name(self.task, self.plan)}.safetensors",
            progress=run.progress,
            finished=finished,
            unreadable=material.unreadable,
            before=before,
            after=after,
            kept_start=bool(before and after and after.overall < before.overall),
            rank=processes.rank,
        )
        if logbook:
            self._export(run, report, material)
            folder.close(finished=finished and self.plan.steps > 0)
        return report

    def _run(self, material: Material, processes: Processes, device: torch.device) -> Run:
        seed = self.options.seed
        if device.type == "cuda":
            torch.backends.cudnn.benchmark = True  # few shapes, many steps
        torch.manual_seed(seed)
        # Noise is drawn on the device of the network, but the state of a Mac GPU's generator cannot be saved.
        generator = torch.Generator(device if device.type == "cuda" else "cpu").manual_seed(seed)
        network: nn.Module = self.task.build(self.plan, material.source, generator).to(device)
        network = network.to(memory_format=torch.channels_last)
        if self.start:
            network.load_state_dict(self.start.network.state_dict())
        run = Run(
            task=self.task,
            recipe=self.plan,
            network=network,
            average=copy.deepcopy(network),
            source=material.source,
            seconds=self.options.minutes * 60,
            device=device,
            autocast=self.task.bf16 and (device.type == "cuda" or (device.type == "cpu" and fast_bf16())),
            generator=generator.manual_seed(seed + processes.rank * _SEED_STRIDE),
            teacher=self.teacher.on(device) if self.teacher else None,
            processes=processes,
        )
        run.progress.seconds = material.seconds
        if self.task.prepare:
            self.task.prepare(run)
        return run

    def _export(self, run: Run, report: TrainingReport, material: Material) -> None:
        if self.task.finish:
            self.task.finish(run)
        network, summary = run.average, f"A {self.task.name} trained with the recipe {run.recipe.name!r}."
        result = report.after
        training = training_facts(run) | dict(material.on_card)
        if self.start:
            training |= {"started_from": self.start.name, "started_from_sha256": self.start.card.sha256}
            if report.kept_start:
                network, result = self.start.network, report.before
                summary = f"{self.start.name} unchanged: this training did not improve it on held-out images."
        scores = result.scores if result else {}
        metrics = {f"held_out_{name.replace(',', '').replace(' ', '_')}": round(v, 2) for name, v in scores.items()}
        write_weights(
            report.weights, network, self.task, self.plan, summary=summary, training=training, metrics=metrics
        )


def weights_name(task: TrainingTask, plan: recipe.Recipe) -> str:
    """Name of the weights: "denoiser-fast"; the recipe alone if it begins with the name of the task."""
    return plan.name if plan.name.startswith(task.name) else f"{task.name}-{plan.name}"
