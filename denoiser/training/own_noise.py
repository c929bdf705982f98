"""Training for the noise of one source (a film, a scanner, a device, a camera) from its noisy photos alone.

    noisy photos ─┬─► windows ─► the noise of the source ──────────┐
                  │                                                ▼
                  ├─► shrunk, denoised by the start ─► clean ─► with that noise ─► training ─► half way
                  └─► unchanged ───────────────────────────────────────────────► validation ◄───┘

Photos shrunk by two to four have little noise left and all their detail, so they serve as clean ones. The weights
half way between the initial and the trained ones are kept if they win on the noisy photos themselves
(``own_noise_fit``).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from denoiser.engine.device import choose_device
from denoiser.errors import UnreadableImage, UnusableData
from denoiser.estimation.estimator import estimate_noise
from denoiser.estimation.policy import automatic
from denoiser.events import CancelToken, Listener, ignore
from denoiser.image import from_numpy
from denoiser.models.card import read_card
from denoiser.networks.condition import Condition
from denoiser.networks.conditioning import Denoiser, luma_and_chroma_sigma, planes_of, planes_of_batch
from denoiser.options import TrainOptions
from denoiser.training import recipe
from denoiser.training.data import CropSource, Loading, PhotoPool, area_shares, load_photos, resident
from denoiser.training.degrade import Batch
from denoiser.training.denoiser import TrainingReport, train_on
from denoiser.training.export import write_weights
from denoiser.training.material import Material
from denoiser.training.noisy_photos import NoisyPhotos, Shrunk, read_noisy, shrunk_by
from denoiser.training.own_noise_fit import (
    HALF_WAY,
    OwnNoise,
    OwnNoiseValidation,
    common_setting,
    fit_noise,
    half_way,
    validate,
)
from denoiser.training.recipe import Recipe
from denoiser.training.run import DENOISING
from denoiser.training.run_folder import RunFolder
from denoiser.training.samples import DrawnNoise, Mixed
from denoiser.training.start import Start, find_start, with_network
from denoiser.training.validation import DenoiserValidator, ValidationCrop, synthetic_crops

AUTOMATIC, BLIND = "this noise, automatic", "this noise, blind"
_RECIPE = "own-noise"
_LEAST_SIGMA = 0.8  # of luma, in 8-bit units: less is invisible, and training would gain nothing
_HELD_OUT_SHARE, _MOST_HELD_OUT = 0.25, 6
_HELD_OUT_SIDE = 64  # pixels: enough to measure on
_CROP = 96  # minimum size in pixels: the patch of the recipe
_OWN_SHARE, _UNKNOWN_SHARE = 0.2, 0.2  # of the samples with this noise: given their own level, blind
_GREY = 0.4  # mid-grey, on which the noise that is left after shrinking is measured


@dataclass(frozen=True, slots=True)
class OwnNoiseReport:
    """The noise that was found, the training on it, and its validation, which a stopped training has not.

    ``kept_start`` of the training is the decision of this validation.
    """

    noise: OwnNoise
    training: TrainingReport
    validation: OwnNoiseValidation | None


def learn_noise(
    noisy: Path,
    out: Path,
    options: TrainOptions | None = None,
    *,
    data: Path | None = None,
    listener: Listener = ignore,
    loading: Callable[[int, int], None] | None = None,
    cancel: CancelToken | None = None,
) -> OwnNoiseReport:
    """Train weights for the noise of the photos below *noisy*; keep the initial ones if these are better.

    The photos share one kind of noise. Clean photos below *data* are trained on as well. Stops within a step of
    *cancel* with a checkpoint. Raises UnusableData if no noise is found.
    """
    options = options or TrainOptions()
    name = _RECIPE if options.recipe == "auto" else options.recipe
    options = replace(options, start=options.start or "auto", recipe=name)
    load = Loading(loading, cancel or CancelToken())
    RunFolder(out, DENOISING, resume=options.resume)  # fails before any photo is read
    start = find_start(options.start)
    photos = read_noisy(noisy, load)
    noise = noise_of(photos, noisy, options.seed)
    train, held_out = clean_crops(photos.shrunk, noise, start.network)
    if not train:
        raise UnusableData(
            f"{noisy}: the photos are too small: shrunk by two they give no crops.",
            hint="A few whole photos are enough; crops should have 512 pixels on each side.",
        )
    first = (windows[0].permute(1, 2, 0).contiguous().numpy() for windows in photos.windows)
    conditions = tuple(automatic(estimate_noise(from_numpy(window)))[0] for window in first)
    gather = OwnNoiseMaterial(noise, conditions, train, held_out, noisy, data, photos.unreadable)
    training = train_on(gather, out, options, listener=listener, loading=load)
    if not training.finished:
        return OwnNoiseReport(noise, training, None)
    by_photo = zip(conditions, photos.windows, strict=True)
    windows = [(pixels, condition) for condition, photo in by_photo for pixels in photo]
    validation = _choose(start, training.weights, options, windows, noise)
    return OwnNoiseReport(noise, replace(training, kept_start=not validation.kept), validation)


def _choose(
    start: Start, weights: Path, options: TrainOptions, windows: Sequence[tuple[Tensor, Condition]], noise: OwnNoise
) -> OwnNoiseValidation:
    """Replace the trained *weights* by those half way to them or, if these are not better, by the initial ones."""
    device = torch.device(choose_device(options.device))
    between = half_way(start.network, find_start(str(weights)).network)
    validation = validate(start.on(device), copy.deepcopy(between).to(device), windows, noise.shown)
    training = {
        **read_card(weights.with_suffix(".toml")).training,
        "kept_share": HALF_WAY if validation.kept else 0.0,
        "verdict": validation.description,
    }
    network, summary = between, f"{start.name}, half way to the weights trained on one noise."
    if not validation.kept:
        network = start.network
        summary = f"{start.name} unchanged: training on one noise did not improve it on its photos."
    plan = with_network(recipe.load(options.recipe), start)
    write_weights(weights, network, DENOISING, plan, summary=summary, training=training)
    return validation


def noise_of(photos: NoisyPhotos, folder: Path, seed: int) -> OwnNoise:
    """The noise in *photos*; raise UnusableData if there is none, or if no area is flat enough to measure it."""
    noise = fit_noise(photos.windows, common_setting(photos.tables), torch.Generator().manual_seed(seed))
    if noise is None:
        raise UnusableData(
            f"{folder}: no area in these photos is flat enough to tell noise from texture.",
            hint="Add a photo of a plain wall or of the sky, taken with the same settings.",
        )
    if noise.luma < _LEAST_SIGMA:
        raise UnusableData(
            f"{folder}: no noise to learn: sigma {noise.luma:.1f} of 255 in {len(photos.windows)} photos.",
            hint="The bundled weights leave such photos unchanged; point --noisy at photos of high ISO.",
        )
    return noise


@torch.inference_mode()
def clean_crops(
    shrunk: Sequence[Shrunk], noise: OwnNoise, network: Denoiser
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """(for training, held out): pieces (3, H, W) uint8 without the *noise* that shrinking left.

    Whole photos are held out where there are two or more, else a part of the only one.
    """
    grey = torch.full((1, 3, 256, 256), _GREY)
    added = noise.model.add(grey, torch.Generator().manual_seed(0)) - grey
    left = {}
    for factor in {piece.factor for piece in shrunk}:
        luma, chroma = luma_and_chroma_sigma(shrunk_by(added, factor))
        left[factor] = Condition(float(luma), float(chroma))
    multiple = network.spec(halo=0).size_multiple
    clean = [_denoised(network, piece.pixels, left[piece.factor], multiple) for piece in shrunk]
    train, held_out = _split(clean, [piece.photo for piece in shrunk], multiple)
    return tuple(c for c in train if min(c.shape[1:]) >= _CROP), tuple(held_out)[:_MOST_HELD_OUT]


def _denoised(network: Denoiser, pixels: Tensor, condition: Condition, multiple: int) -> Tensor:
    height, width = (side // multiple * multiple for side in pixels.shape[1:])
    if not height * width:
        return pixels[:, :0, :0]
    noisy = pixels[None, :, :height, :width].float() / 255
    output: Tensor = network(noisy, planes_of(condition))[0]
    return output.clamp(0, 1).mul(255).round().to(torch.uint8)


def _split(crops: Sequence[Tensor], photos: Sequence[int], multiple: int) -> tuple[list[Tensor], list[Tensor]]:
    known = sorted(set(photos))
    if len(known) > 1:
        every = round(1 / _HELD_OUT_SHARE)
        held = set(known[every - 1 :: every]) or {known[-1]}
        train = [crop for crop, photo in zip(crops, photos, strict=True) if photo not in held]
        return train, [crop for crop, photo in zip(crops, photos, strict=True) if photo in held]
    parts = [max(_HELD_OUT_SIDE, int(crop.shape[2] * _HELD_OUT_SHARE) // multiple * multiple) for crop in crops]
    train = [crop[:, :, :-part] for crop, part in zip(crops, parts, strict=True)]
    return train, [crop[:, :, -part:] for crop, part in zip(crops, parts, strict=True)]


@dataclass(frozen=True, slots=True)
class OwnNoiseSamples:
    """Clean crops with the fitted noise, most of them with the automatic *conditions* of the photos."""

    crops: CropSource
    noise: OwnNoise
    conditions: tuple[Condition, ...]

    def draw(self, count: int, patch: int, generator: torch.Generator) -> Batch:
        """*count* samples; some are given the level of their noise, some are blind."""
        clean = self.crops.draw(count, patch, generator)
        noisy = self.noise.shoot(clean, generator)
        luma, chroma = luma_and_chroma_sigma(noisy - clean)
        own = planes_of_batch(luma, chroma, torch.ones_like(luma), luma >= 0, luma >= 0)
        automatic_planes = (
            torch.cat([planes_of(condition) for condition in self.conditions]).flatten(1).to(clean.device)
        )
        which = torch.randint(len(self.conditions), (count,), generator=generator, device=generator.device)
        chance = torch.rand(count, 1, generator=generator, device=generator.device)
        planes = torch.where(chance < _OWN_SHARE, own, automatic_planes[which])
        planes = torch.where(chance >= 1 - _UNKNOWN_SHARE, torch.zeros_like(planes), planes)
        return Batch(noisy, clean, planes.reshape(count, -1, 1, 1))


@dataclass(frozen=True, slots=True)
class OwnNoiseMaterial:
    """Material from the fitted noise and the clean crops of its photos."""

    noise: OwnNoise
    conditions: tuple[Condition, ...]
    train: tuple[Tensor, ...]
    held_out: tuple[Tensor, ...]
    folder: Path
    data: Path | None
    unreadable: tuple[UnreadableImage, ...]

    def __call__(self, plan: Recipe, device: torch.device, seed: int, loading: Loading) -> Material:
        """The fitted noise on crops of its photos, mixed with general noise on them and on *data*."""
        images, unreadable = self.train, self.unreadable
        if self.data:
            photos = load_photos(self.data, seed=seed, loading=loading)
            images, unreadable = images + photos.images, unreadable + photos.unreadable
        shares = area_shares([image[0].numel() for image in images])
        crops = resident(PhotoPool(images, shares, self.held_out, ()), device)
        own = OwnNoiseSamples(crops, self.noise, self.conditions)
        source = Mixed(own, DrawnNoise(crops, plan.noise), plan.pair_share)
        validation = (*self._validation_crops(), *synthetic_crops(self.held_out))
        return Material(source, DenoiserValidator(validation, counted=()), self._on_card(), unreadable)

    def _validation_crops(self) -> list[ValidationCrop]:
        crops = []
        for number, pixels in enumerate(self.held_out):
            clean = pixels.unsqueeze(0).float() / 255
            noisy = self.noise.shoot(clean, torch.Generator().manual_seed(number))
            conditions = {AUTOMATIC: self.conditions[number % len(self.conditions)], BLIND: Condition()}
            crops += [ValidationCrop(column, noisy[0], clean[0], one) for column, one in conditions.items()]
        return crops

    def _on_card(self) -> dict[str, Any]:
        model = self.noise.model
        card = {
            "noisy": self.folder.name or str(self.folder),
            "noisy_photos": self.noise.photos,
            "noise_sigma_luma": round(self.noise.luma, 1),
            "noise_sigma_chroma": round(self.noise.chroma, 1),
            "noise_sigma_by_brightness": [[round(v, 1) for v in channel] for channel in model.level.tolist()],
            "noise_alike_neighbours": round(model.neighbour_correlation, 2),
            "noise_alike_channels": [[round(v, 2) for v in row] for row in model.channel_correlation.tolist()],
        }
        if self.noise.jpeg:
            card["noise_jpeg_quality"] = self.noise.jpeg.quality
        if self.data:
            card["data"] = self.data.name or str(self.data)
        return card
