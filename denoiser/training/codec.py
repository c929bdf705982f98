"""The training of the latent codec: its loss, its samples, its initialisation, and the tensors of its weights file.

Two thirds of the samples are clean; a third is noisy, with the level given and the clean image as the target. The
encoder learns to leave the noise out of the file, and the decoder needs no information about it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from denoiser.codec.entropy.index import HIGHEST_INDEX, IntegerIndexModel
from denoiser.codec.entropy.integer import IntegerLayer, IntegerNetwork
from denoiser.codec.entropy.symbols import HYPER_HIGHEST
from denoiser.codec.entropy.tables import CodingTables, hyper_tables, scale_tables
from denoiser.codec.model import INDEX, NETWORK, TABLES, TASK
from denoiser.errors import UsageError
from denoiser.events import CancelToken, Listener, ignore
from denoiser.networks import registry
from denoiser.networks.codec.context_model import IndexPass
from denoiser.networks.codec.latent_codec import EXACT_PARTS, SIZE_MULTIPLE, LatentCodec
from denoiser.networks.codec.levels import LEVELS
from denoiser.networks.codec.quantised import QuantisedLayer
from denoiser.networks.condition import Condition
from denoiser.networks.conditioning import planes_of
from denoiser.noise.dice import on_device
from denoiser.options import TrainOptions
from denoiser.training.codec_validation import CodecValidator
from denoiser.training.data import CropSource, Loading, load_photos, resident
from denoiser.training.degrade import Batch
from denoiser.training.denoiser import TrainingReport, train_on
from denoiser.training.material import Material
from denoiser.training.recipe import Recipe, Stage
from denoiser.training.run import Run, TrainingTask
from denoiser.training.samples import DrawnNoise, Mixed, SampleSource, drawn_ahead

RATE_DISTORTION = "rate-distortion"  # the name of the loss in recipes
ROUNDED_FROM = 0.6  # of the training: from here on the index path computes as its integers will
_FIRST_CROPS, _FIRST_PATCH = 512, 128  # the codec is initialised with their principal components
_WHITE_LEVEL = 255.0
_COST_OF_LITTLE = 0.5  # bits per pixel; samples that cost much less count less


def train_codec(
    data: Path,
    out: Path,
    options: TrainOptions | None = None,
    *,
    listener: Listener = ignore,
    loading: Callable[[int, int], None] | None = None,
    cancel: CancelToken | None = None,
) -> TrainingReport:
    """Train a codec on the photos below *data*; all files go to the folder *out*.

    Stops within a step of *cancel* with a checkpoint, which ``resume`` continues.
    """
    options = options or TrainOptions()
    if options.start or options.teacher:
        raise UsageError(
            "A codec is trained from scratch and without a teacher.",
            hint="Leave out --from and --teacher; --resume continues a run.",
        )
    load = Loading(loading, cancel or CancelToken())
    return train_on(CodecPhotos(data), out, options, listener=listener, loading=load, task=CODING)


@dataclass(frozen=True, slots=True)
class CleanCrops:
    """Unchanged clean crops, with conditioning for clean images."""

    crops: CropSource

    def draw(self, count: int, patch: int, generator: torch.Generator) -> Batch:
        """Input and target are the same."""
        clean = self.crops.draw(count, patch, generator)
        planes = on_device(planes_of(Condition(0.0, 0.0)), clean.device)
        return Batch(clean, clean, planes.expand(count, -1, -1, -1))


@dataclass(frozen=True, slots=True)
class CodecPhotos:
    """Material from a folder of clean photos."""

    folder: Path

    def __call__(self, plan: Recipe, device: torch.device, seed: int, loading: Loading) -> Material:
        """Clean and noisy crops of the photos; the held-out ones are for validation."""
        smallest = max(stage.patch for stage in plan.stages)
        photos = load_photos(self.folder, seed=seed, smallest=smallest, loading=loading)
        crops = resident(photos, device)
        source: SampleSource = Mixed(DrawnNoise(crops, plan.noise), CleanCrops(crops), plan.noisy_share)
        on_card = {"data": self.folder.name or str(self.folder)}
        validator = CodecValidator.of(photos.held_out)
        return Material(drawn_ahead(source, device), validator, on_card, photos.unreadable)


def rate_and_distortion(run: Run, batch: Batch, stage: Stage) -> Tensor:
    """Bits per pixel plus the squared error, weighted for a quality step that is drawn for each sample."""
    if stage.loss != RATE_DISTORTION:
        raise UsageError(f"A codec has the loss {RATE_DISTORTION!r}, not {stage.loss!r}.")
    round_when_due(run)
    pixels = batch.input.to(run.device, memory_format=torch.channels_last)
    planes, target = batch.planes.to(run.device), batch.target.to(run.device)
    level = quality_steps(len(pixels), run.recipe.high_rate_share, run.generator)
    with run.in_precision():
        estimate = run.forward(pixels, planes, level.to(run.device), _noise(run, pixels))
    area = pixels.shape[2] * pixels.shape[3]
    error = (estimate.pixels.float() - target).square().mean(dim=(1, 2, 3)) * _WHITE_LEVEL**2
    price = run.network.prices[level.to(run.device)]
    bits = (estimate.latent_bits + estimate.hyper_bits) / area
    # The logarithm gives all samples similar weight: squared errors of noisy ones would outweigh the others. The
    # ratio of bits and error within a sample does not change.
    loss: Tensor = (bits + price * error + _COST_OF_LITTLE).log().mean()
    return loss


def quality_steps(count: int, high_share: float, generator: torch.Generator) -> Tensor:
    """*count* random quality steps, of which *high_share* are in the upper half of all."""
    half = LEVELS // 2
    level = torch.randint(half, (count,), generator=generator, device=generator.device)
    is_high = torch.rand(count, generator=generator, device=generator.device) < high_share
    return level + half * is_high


def round_when_due(run: Run) -> None:
    """Switch the index path to integers for the last part of the training."""
    due = run.fraction >= ROUNDED_FROM
    for network in (run.network, run.average):
        if network.index_path_is_rounded != due:
            network.round_index_path(due)


def _noise(run: Run, pixels: Tensor) -> tuple[Tensor, Tensor]:
    count, _, height, width = pixels.shape
    network: LatentCodec = run.network

    def even(channels: int, scale: int) -> Tensor:
        shape = (count, channels, height // scale, width // scale)
        drawn = torch.rand(shape, generator=run.generator, device=run.generator.device)
        return drawn.to(run.device).sub_(0.5)

    return even(network.latents, 16), even(network.hyper, 64)


def _new_codec(plan: Recipe, source: SampleSource, generator: torch.Generator) -> nn.Module:
    network = registry.build(LatentCodec, plan.architecture, plan.settings)
    patches = [stage.patch for stage in plan.stages]
    if any(patch % SIZE_MULTIPLE for patch in patches):
        raise UsageError(f"A codec's patches are multiples of {SIZE_MULTIPLE} pixels, not {patches}.")
    clean = source.draw(_FIRST_CROPS, min(_FIRST_PATCH, *patches), generator).target
    network.begin_with(clean.cpu())
    return network


_STEPS_PER_SET = 4  # quality steps that share tables of hyper symbols: they hardly differ, and tables take space


def codec_tensors(network: nn.Module) -> dict[str, Tensor]:
    """All tensors of the weights file: float parts as float16, the index path and all tables as integers.

    Raises InexactWeights if sums in the index path could overflow.
    """
    assert isinstance(network, LatentCodec), "the network of a codec"
    state = network.state_dict()
    floats = {NETWORK + name: value.half() for name, value in state.items() if not name.startswith(EXACT_PARTS)}
    index = {INDEX + name: torch.tensor(array) for name, array in index_model(network).arrays().items()}
    tables = {TABLES + name: torch.tensor(array) for name, array in _tables(network).items()}
    return floats | index | tables


def index_model(network: LatentCodec) -> IntegerIndexModel:
    """The index path of *network* as integers."""
    base = IntegerNetwork(_layers(network.index_base.layers()), lowest=-(HYPER_HIGHEST + 1))
    passes = [one for one in network.index_passes if isinstance(one, IndexPass)]
    return IntegerIndexModel(base, tuple(IntegerNetwork(_layers(p.layers()), top=HIGHEST_INDEX) for p in passes))


def _layers(layers: tuple[QuantisedLayer, ...]) -> tuple[IntegerLayer, ...]:
    return tuple(_layer(layer) for layer in layers)


def _layer(layer: QuantisedLayer) -> IntegerLayer:
    numbers = layer.integers()
    weight, bias, multiplier = (t.cpu().numpy() for t in (numbers.weight, numbers.bias, numbers.multiplier))
    return IntegerLayer(weight, bias, multiplier, numbers.shift, numbers.kernel, numbers.shuffle)


def _tables(network: LatentCodec) -> dict[str, NDArray[Any]]:
    values = torch.arange(-HYPER_HIGHEST, HYPER_HIGHEST + 1)
    by_step = network.prior.table(values.to(network.prior.middle.weights.device)).cpu().numpy()
    sets = by_step.reshape(LEVELS // _STEPS_PER_SET, _STEPS_PER_SET, *by_step.shape[1:]).mean(axis=1)
    hyper = hyper_tables(sets, np.arange(LEVELS) // _STEPS_PER_SET)
    return CodingTables(scale_tables(), hyper).arrays()


CODING = TrainingTask(
    name=TASK,
    recipe="codec",
    loss=rate_and_distortion,
    build=_new_codec,
    tensors=codec_tensors,
    limits=(
        "Trained for RGB PSNR on 8-bit photos: drawings, text and screens are not what it has seen.",
        "Noise above sigma 50 is beyond what it has learned to leave out.",
    ),
)
