"""The training of the latent codec: its loss, its samples, and how it begins.

Two thirds of the samples are clean; a third is noisy, with the level given and the clean image as the target. The
encoder learns to leave the noise out of the file, and the decoder needs no information about it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from denoiser.errors import UsageError
from denoiser.events import CancelToken, Listener, ignore
from denoiser.networks import registry
from denoiser.networks.codec import LatentCodec
from denoiser.networks.codec.latent_codec import SIZE_MULTIPLE
from denoiser.networks.codec.levels import LEVELS
from denoiser.networks.conditioning import Condition
from denoiser.options import TrainOptions
from denoiser.training.codec_judge import CodecJudge, write_codec
from denoiser.training.data import CropSource, Reading, load_photos, resident
from denoiser.training.degrade import Sample
from denoiser.training.denoiser import TrainingReport, train_on
from denoiser.training.material import Material
from denoiser.training.objective import Trainee
from denoiser.training.recipe import Recipe, Stage
from denoiser.training.samples import DrawnNoise, Mixed, SampleSource, drawn_ahead
from denoiser.training.task import TrainingTask

RATE_DISTORTION = "rate-distortion"  # what a recipe calls the loss of a codec
ROUNDED_FROM = 0.6  # of the time: from here on the index path computes as its integers will
_FIRST_CROPS, _FIRST_PATCH = 512, 128  # whose principal components the codec begins as
_WHITE_LEVEL = 255.0
_COST_OF_LITTLE = 0.5  # bits per pixel; samples that cost much less say less


def train_codec(
    data: Path,
    out: Path,
    options: TrainOptions | None = None,
    *,
    listener: Listener = ignore,
    loading: Callable[[int, int], None] | None = None,
    cancel: CancelToken | None = None,
) -> TrainingReport:
    """Trains a codec on the photos below *data*; all it makes goes to the folder *out*.

    Stops within a step of *cancel*, with everything saved; a resumed run goes on where it stood.
    """
    options = options or TrainOptions()
    if options.start or options.teacher:
        raise UsageError(
            "A codec starts from nothing and has no teacher.",
            hint="Leave out --from and --teacher; --resume goes on.",
        )
    reading = Reading(loading, cancel or CancelToken())
    return train_on(CodecPhotos(data), out, options, listener=listener, reading=reading, task=CODING)


@dataclass(frozen=True, slots=True)
class CleanCrops:
    """Clean crops as they are, labelled clean."""

    crops: CropSource

    def draw(self, count: int, patch: int, generator: torch.Generator) -> Sample:
        """Input and target are the same."""
        clean = self.crops.draw(count, patch, generator)
        planes = Condition(0.0, 0.0).planes().to(clean.device).reshape(1, -1, 1, 1)
        return Sample(clean, clean, planes.expand(count, -1, -1, -1))


@dataclass(frozen=True, slots=True)
class CodecPhotos:
    """The material from a folder of clean photos, as a value that another process can be given."""

    folder: Path

    def __call__(self, plan: Recipe, device: torch.device, seed: int, reading: Reading) -> Material:
        """Clean and noisy crops of the photos; the held-out ones judge."""
        photos = load_photos(
            self.folder, seed=seed, smallest=max(stage.patch for stage in plan.stages), reading=reading
        )
        crops = resident(photos, device)
        source: SampleSource = Mixed(DrawnNoise(crops, plan.noise), CleanCrops(crops), plan.noisy_share)
        judge = CodecJudge.of(photos.held_out)
        told = {"data": self.folder.name or str(self.folder)}
        return Material(drawn_ahead(source, device), judge, told, photos.unreadable)


def rate_and_distortion(run: Trainee, sample: Sample, stage: Stage) -> Tensor:
    """Bits per pixel plus the squared error at the price of a quality step, which is drawn for each sample."""
    if stage.loss != RATE_DISTORTION:
        raise UsageError(f"A codec has the loss {RATE_DISTORTION!r}, not {stage.loss!r}.")
    round_when_due(run)
    pixels = sample.noisy.to(run.device, memory_format=torch.channels_last)
    planes, target = sample.planes.to(run.device), sample.target.to(run.device)
    level = torch.randint(LEVELS, (len(pixels),), generator=run.generator, device=run.generator.device)
    with run.in_precision():
        estimate = run.forward(pixels, planes, level.to(run.device), _noise(run, pixels))
    area = pixels.shape[2] * pixels.shape[3]
    error = (estimate.pixels.float() - target).square().mean(dim=(1, 2, 3)) * _WHITE_LEVEL**2
    price = run.network.prices[level.to(run.device)]
    bits = (estimate.latent_bits + estimate.hyper_bits) / area
    # The logarithm lets all samples speak about alike: squared errors of noisy ones at a high price would drown the
    # others. What bits and errors are to each other in a sample is left as it is.
    loss: Tensor = (bits + price * error + _COST_OF_LITTLE).log().mean()
    return loss


def round_when_due(run: Trainee) -> None:
    """Turns the index path to whole numbers when its time has come."""
    due = run.fraction >= ROUNDED_FROM
    for network in (run.network, run.average):
        if network.index_path_is_rounded != due:
            network.round_index_path(due)


def _noise(run: Trainee, pixels: Tensor) -> tuple[Tensor, Tensor]:
    count, _, height, width = pixels.shape
    network: LatentCodec = run.network

    def even(channels: int, scale: int) -> Tensor:
        shape = (count, channels, height // scale, width // scale)
        drawn = torch.rand(shape, generator=run.generator, device=run.generator.device)
        return drawn.to(run.device).sub_(0.5)

    return even(network.latents, 16), even(network.hyper, 64)


def _new_codec(plan: Recipe, source: SampleSource, generator: Any) -> nn.Module:
    network = registry.build_codec(plan.architecture, plan.settings)
    patches = [stage.patch for stage in plan.stages]
    if any(patch % SIZE_MULTIPLE for patch in patches):
        raise UsageError(f"A codec's patches are multiples of {SIZE_MULTIPLE} pixels, not {patches}.")
    clean = source.draw(_FIRST_CROPS, min(_FIRST_PATCH, *patches), generator).target
    network.begin_with(clean.cpu())
    return network


CODING = TrainingTask("codec", "codec", rate_and_distortion, write_codec, _new_codec)
