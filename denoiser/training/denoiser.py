"""One call from a folder of clean photos to weights with their card."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from denoiser.engine.device import choose_device, fast_bf16
from denoiser.errors import UnreadableImage, UsageError
from denoiser.events import CancelToken, Listener, ignore
from denoiser.networks import registry
from denoiser.options import TrainOptions
from denoiser.training import loop, recipe
from denoiser.training.checkpoint import Progress
from denoiser.training.data import load_photos
from denoiser.training.export import export_denoiser
from denoiser.training.reading import Reading
from denoiser.training.start import find_start, suited


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What a training left behind."""

    weights: Path
    progress: Progress
    finished: bool
    unreadable: tuple[UnreadableImage, ...]


def train_denoiser(
    data: Path,
    out: Path,
    options: TrainOptions | None = None,
    *,
    listener: Listener = ignore,
    loading: Callable[[int, int], None] | None = None,
    cancel: CancelToken | None = None,
) -> TrainingReport:
    """Trains on the photos below *data*; state, log and weights go to the folder *out*.

    Stops within one step of *cancel*, with everything saved; a resumed run goes on where it stood.
    """
    options = options or TrainOptions()
    cancel = cancel or CancelToken()
    start = find_start(options.start) if options.start else None
    plan = suited(recipe.load(_recipe_name(options)), start)
    state = out / "state.safetensors"
    if state.exists() and not options.resume:
        raise UsageError(
            f"{out} holds a run already.", hint="Add --resume to go on with it, or choose another --out."
        )
    if options.resume and not state.exists():
        raise UsageError(f"{out} holds no run to go on with.", hint="Leave out --resume to start one.")
    device = torch.device(choose_device(options.device))
    torch.manual_seed(options.seed)
    network = registry.build(plan.architecture, plan.settings)
    if start:
        network.load_state_dict(start.network.state_dict())
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    pool = load_photos(data, seed=options.seed, reading=Reading(loading, cancel))
    out.mkdir(parents=True, exist_ok=True)
    run = loop.Run(
        recipe=plan,
        network=network,
        average=copy.deepcopy(network),
        pool=pool,
        folder=out,
        seconds=options.minutes * 60,
        device=device,
        autocast=device.type == "cuda" or (device.type == "cpu" and fast_bf16()),
        generator=torch.Generator().manual_seed(options.seed),
    )
    if options.resume:
        run.resume()
    loop.train(run, listener, cancel)
    weights = export_denoiser(run, out / f"denoiser-{plan.name}.safetensors", data, start)
    return TrainingReport(weights, run.progress, run.fraction >= 1, pool.unreadable)


def _recipe_name(options: TrainOptions) -> str:
    if options.recipe != "auto":
        return options.recipe
    return "fine-tune" if options.start else "fast"
