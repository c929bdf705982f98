"""One call from a folder of photos to weights with their card."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from denoiser.engine.device import choose_device, fast_bf16
from denoiser.errors import UnreadableImage
from denoiser.events import CancelToken, Listener, ignore
from denoiser.options import TrainOptions
from denoiser.training import recipe
from denoiser.training.checkpoint import Progress
from denoiser.training.data import Reading
from denoiser.training.export import Exported
from denoiser.training.loop import Logbook, train
from denoiser.training.material import Folders, Gather, Material
from denoiser.training.pairs import holds_pairs
from denoiser.training.run import Run, compile_if_it_works
from denoiser.training.run_folder import RunFolder
from denoiser.training.start import Start, find_start, suited
from denoiser.training.task import DENOISING, TrainingTask
from denoiser.training.team import Alone, Team, how_many, train_together
from denoiser.training.validation import ValidationResult


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What a training left behind. Where it did not gain on what it started from, ``kept_start`` says so."""

    weights: Path
    progress: Progress
    finished: bool
    unreadable: tuple[UnreadableImage, ...]
    before: ValidationResult | None = None  # of the weights it started from, on held-out pictures
    after: ValidationResult | None = None
    kept_start: bool = False


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
    """Trains on the photos below *data* and the real pairs below *pairs*; all it makes goes to the folder *out*.

    A folder *data* that is laid out as pairs is taken as pairs. Stops within a step of *cancel*, with everything
    saved; a resumed run goes on where it stood.
    """
    if data and not pairs and holds_pairs(data):
        data, pairs = None, data
    reading = Reading(loading, cancel or CancelToken())
    options = options or TrainOptions()
    judged = Path(options.validate_pairs) if options.validate_pairs else None
    return train_on(Folders(data, pairs, judged), out, options, listener=listener, reading=reading)


def train_on(
    gather: Gather,
    out: Path,
    options: TrainOptions,
    *,
    listener: Listener,
    reading: Reading,
    task: TrainingTask = DENOISING,
) -> TrainingReport:
    """Trains on what *gather* makes; in several processes where several devices are asked for."""
    work = _Training(gather, out, options, task)
    work.check()
    device = choose_device(options.device)
    count = how_many(options.devices, device)
    if count > 1:
        return train_together(work, count, device, listener, reading)
    return work(Alone(), torch.device(device), listener, reading)


@dataclass(frozen=True, slots=True)
class _Training:
    """A training as a value that can be sent to other processes."""

    gather: Gather
    out: Path
    options: TrainOptions
    task: TrainingTask

    def check(self) -> None:
        """Raises what can be known before anything is read."""
        RunFolder(self.out, resume=self.options.resume)
        self._plan(self._start())
        if self.options.teacher:
            find_start(self.options.teacher)

    def __call__(self, team: Team, device: torch.device, listener: Listener, reading: Reading) -> TrainingReport:
        """Trains as one of *team*; only the first writes and tells."""
        start = self._start()
        plan = self._plan(start)
        material = self.gather(plan, device, self.options.seed, reading)
        run = self._run(plan, start, material, team, device)
        folder = RunFolder(self.out, resume=self.options.resume, write=self.task.write)
        if self.options.resume:
            run.load(folder.state)
        logbook = None
        before: ValidationResult | None = None
        if team.number == 0:
            folder.open(plan, material.judge)
            logbook = Logbook(run, folder, material.judge, listener)
            before = logbook.validate(start.on(device), "before") if start else None
        if plan.compile:
            note = compile_if_it_works(run)
            if logbook:
                logbook.say(note)
        train(run, logbook, reading.cancel)
        after = logbook.validate(run.average) if logbook and (run.fraction >= 1 or start) else None
        report = TrainingReport(
            weights=self.out / f"{weights_name(self.task, plan)}.safetensors",
            progress=run.progress,
            finished=run.fraction >= 1,
            unreadable=material.unreadable,
            before=before,
            after=after,
            kept_start=bool(before and after and after.overall < before.overall),
        )
        if logbook:
            _export(run, report, material, start, self.task)
            folder.drop_latest()
        return report

    def _start(self) -> Start | None:
        return find_start(self.options.start) if self.options.start else None

    def _plan(self, start: Start | None) -> recipe.Recipe:
        name = self.options.recipe
        if name == "auto":
            name = "fine-tune" if start else self.task.recipe
        return suited(recipe.load(name), start)

    def _run(
        self, plan: recipe.Recipe, start: Start | None, material: Material, team: Team, device: torch.device
    ) -> Run:
        if device.type == "cuda":
            torch.backends.cudnn.benchmark = True  # few shapes, many steps
        torch.manual_seed(self.options.seed)
        # Noise is drawn where the network is, but a Mac's GPU has no generator that can be saved.
        generator = torch.Generator(device if device.type == "cuda" else "cpu").manual_seed(self.options.seed)
        network = _ready(self.task.build(plan, material.source, generator), device)
        if start:
            network.load_state_dict(start.network.state_dict())
        teacher = find_start(self.options.teacher) if self.options.teacher else None
        return Run(
            recipe=plan,
            network=network,
            average=copy.deepcopy(network),
            source=material.source,
            seconds=self.options.minutes * 60,
            device=device,
            autocast=device.type == "cuda" or (device.type == "cpu" and fast_bf16()),
            generator=generator.manual_seed(self.options.seed + team.number * _SEED_STRIDE),
            teacher=teacher.on(device) if teacher else None,
            objective=self.task.objective,
            team=team,
        )


_SEED_STRIDE = (
    1_000_003  # far apart, so that neighbouring seeds of a person are not those of a neighbouring process
)


def weights_name(task: TrainingTask, plan: recipe.Recipe) -> str:
    """Name of the weights: "denoiser-fast"; the recipe alone if it begins with the name of the task."""
    return plan.name if plan.name.startswith(task.name) else f"{task.name}-{plan.name}"


def _ready(network: nn.Module, device: torch.device) -> nn.Module:
    placed: nn.Module = network.to(device).to(memory_format=torch.channels_last)
    return placed


def _export(run: Run, report: TrainingReport, material: Material, start: Start | None, task: TrainingTask) -> None:
    scores = report.before.scores if report.kept_start and report.before else {}
    scores = scores or (report.after.scores if report.after else {})
    metrics = {f"held_out_{_word(name)}": round(value, 2) for name, value in scores.items()}
    told = dict(material.told_on_card)
    if start:
        told |= {"started_from": start.name, "started_from_sha256": start.digest}
    exported = Exported.of(
        run, summary=f"A {task.name} trained with the recipe {run.recipe.name!r}.", metrics=metrics, **told
    )
    if report.kept_start and start:
        summary = f"{start.name} as it was: this training did not make it better on held-out pictures."
        exported = replace(exported, network=start.network, summary=summary)
    task.write(exported, report.weights)


def _word(name: str) -> str:
    return name.replace(",", "").replace(" ", "_")
