"""A denoiser learns the noise of one source (a film, a scanner, a device, a camera) from its noisy photos alone.

    noisy photos ─┬─► windows ─► the noise of the source ─────────┐
                  │                                               ▼
                  ├─► shrunk, cleaned by the start ─► clean ─► with that noise ─► training ─► half way
                  └─► as they are ─────────────────────────────────────────────► verdict ◄────────┘

Photos shrunk twofold to fourfold have little noise left and all their detail: they serve as clean. Half way lies
between the start and what was trained; it is kept if it wins on the noisy photos themselves
(``own_noise_verdict``).
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
from denoiser.estimation import automatic, estimate_noise
from denoiser.events import CancelToken, Listener, ignore
from denoiser.image import Image, from_numpy
from denoiser.models import read_card
from denoiser.networks.conditioning import Condition, luma_and_chroma_sigma, planes_of_batch
from denoiser.networks.pyramid import SIZE_MULTIPLE, PyramidAutoencoder
from denoiser.options import TrainOptions
from denoiser.training import recipe
from denoiser.training.data import CropSource, PhotoPool, Reading, area_shares, load_photos, resident
from denoiser.training.degrade import Sample
from denoiser.training.denoiser import TrainingReport, train_on
from denoiser.training.export import Exported, write_weights
from denoiser.training.material import Material
from denoiser.training.noisy_photos import NoisyPhotos, Shrunk, read_noisy, shrunk_by
from denoiser.training.own_noise_fit import (
    HALF_WAY,
    OwnNoise,
    OwnNoiseVerdict,
    Place,
    fit_noise,
    half_way,
    judge,
    packing_of,
)
from denoiser.training.recipe import Recipe
from denoiser.training.run_folder import RunFolder
from denoiser.training.samples import DrawnNoise, Mixed
from denoiser.training.start import Start, find_start, suited
from denoiser.training.validation import Judge, Trial, synthetic_trials

AUTOMATIC, BLIND = "this noise, automatic", "this noise, blind"
_RECIPE = "own-noise"
_LEAST_SIGMA = 0.8  # of luma, in 8-bit units: less is invisible, and training would gain nothing
_HELD_OUT_SHARE, _MOST_HELD_OUT = 0.25, 6
_HELD_OUT_SIDE = 64  # pixels: enough to measure on
_CROP = 96  # pixels on each side at least: the recipe's patch
_OWN_SHARE, _UNKNOWN_SHARE = 0.2, 0.2  # of the samples with this noise: given their own level, given nothing
_GREY = 0.4  # what shrinking leaves of the noise is tried on: a middle tone


@dataclass(frozen=True, slots=True)
class OwnNoiseReport:
    """The noise that was found, the training on it, and the verdict, which a stopped training has not got yet.

    The training's ``kept_start`` says that the verdict was against it.
    """

    noise: OwnNoise
    training: TrainingReport
    verdict: OwnNoiseVerdict | None


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
    """Weights for the noise of the photos below *noisy*, if they win on these; else those of the start.

    The photos share one kind of noise. Clean photos below *data* join what is trained on. Stops within a step of
    *cancel*, with everything saved. UnusableData where no noise is to be found.
    """
    options = options or TrainOptions()
    options = replace(
        options, start=options.start or "auto", recipe=_RECIPE if options.recipe == "auto" else options.recipe
    )
    reading = Reading(loading, cancel or CancelToken())
    RunFolder(out, resume=options.resume)  # what is wrong there is said before anything is read
    start = find_start(options.start)
    photos = read_noisy(noisy, reading)
    noise = noise_of(photos, noisy, options.seed)
    train, held_out = clean_crops(photos.shrunk, noise, start.network)
    if not train:
        raise UnusableData(
            f"{noisy}: the photos are too small to learn from: shrunk by two they give no crops.",
            hint="A few whole photos are enough; crops should have 512 pixels on each side.",
        )
    told = tuple(automatic(estimate_noise(_image(windows[0])))[0] for windows in photos.windows)
    gather = OwnNoiseMaterial(noise, told, train, held_out, noisy, data, photos.unreadable)
    training = train_on(gather, out, options, listener=listener, reading=reading)
    if not training.finished:
        return OwnNoiseReport(noise, training, None)
    places = [Place(window, said) for said, windows in zip(told, photos.windows, strict=True) for window in windows]
    verdict = _conclude(start, training.weights, options, places, noise)
    return OwnNoiseReport(noise, replace(training, kept_start=not verdict.kept), verdict)


def _conclude(
    start: Start, weights: Path, options: TrainOptions, places: Sequence[Place], noise: OwnNoise
) -> OwnNoiseVerdict:
    """Puts in the place of the trained *weights* those half way to them or, if these do not win, the start's."""
    device = torch.device(choose_device(options.device))
    between = half_way(start.network, find_start(str(weights)).network)
    verdict = judge(start.on(device), copy.deepcopy(between).to(device), places, noise.shown)
    training = {
        **read_card(weights.with_suffix(".toml")).training,
        "kept_share": HALF_WAY if verdict.kept else 0.0,
        "verdict": verdict.in_words,
    }
    summary = f"{start.name}, half way to what was learned of one noise."
    if not verdict.kept:
        summary = f"{start.name} as it was: what was learned of one noise did not make it better on its photos."
    plan = suited(recipe.load(options.recipe), start)
    network = between if verdict.kept else start.network
    write_weights(Exported(network, plan, summary, training), weights)
    return verdict


def noise_of(photos: NoisyPhotos, folder: Path, seed: int) -> OwnNoise:
    """The noise in *photos*; UnusableData where there is none, or no place that is flat enough to tell."""
    noise = fit_noise(photos.windows, packing_of(photos.tables), torch.Generator().manual_seed(seed))
    if noise is None:
        raise UnusableData(
            f"{folder}: no place in these photos is flat enough to tell noise from texture.",
            hint="Add a photo of a plain wall or of the sky, taken with the same settings.",
        )
    if noise.luma < _LEAST_SIGMA:
        raise UnusableData(
            f"{folder}: no noise to learn: sigma {noise.luma:.1f} of 255 in {len(photos.windows)} photos.",
            hint="The shipped weights leave such photos as they are; point --noisy at photos of high ISO.",
        )
    return noise


@torch.inference_mode()
def clean_crops(
    shrunk: Sequence[Shrunk], noise: OwnNoise, network: PyramidAutoencoder
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """(to train on, held out): pieces (3, H, W) uint8, cleaned of what shrinking left of *noise*.

    Whole photos are held out where there are two or more, else a part of the only one.
    """
    left = {factor: _left_after_shrinking(noise, factor) for factor in {piece.factor for piece in shrunk}}
    clean = [_cleaned(network, piece.pixels, left[piece.factor]) for piece in shrunk]
    train, held_out = _parted(clean, [piece.photo for piece in shrunk])
    return tuple(c for c in train if min(c.shape[1:]) >= _CROP), tuple(held_out)[:_MOST_HELD_OUT]


def _left_after_shrinking(noise: OwnNoise, factor: int) -> Condition:
    grey = torch.full((1, 3, 256, 256), _GREY)
    added = noise.model.add(grey, torch.Generator().manual_seed(0)) - grey
    luma, chroma = luma_and_chroma_sigma(shrunk_by(added, factor))
    return Condition(float(luma), float(chroma))


def _cleaned(network: PyramidAutoencoder, pixels: Tensor, told: Condition) -> Tensor:
    height, width = (side // SIZE_MULTIPLE * SIZE_MULTIPLE for side in pixels.shape[1:])
    if not height * width:
        return pixels[:, :0, :0]
    noisy = pixels[None, :, :height, :width].float() / 255
    output: Tensor = network(noisy, told.planes().reshape(1, -1, 1, 1))[0]
    return output.clamp(0, 1).mul(255).round().to(torch.uint8)


def _parted(crops: Sequence[Tensor], photos: Sequence[int]) -> tuple[list[Tensor], list[Tensor]]:
    known = sorted(set(photos))
    if len(known) > 1:
        every = round(1 / _HELD_OUT_SHARE)
        held = {photo for place, photo in enumerate(known) if place % every == every - 1} or {known[-1]}
        train = [crop for crop, photo in zip(crops, photos, strict=True) if photo not in held]
        return train, [crop for crop, photo in zip(crops, photos, strict=True) if photo in held]
    train, held_out = [], []
    for crop in crops:
        width = crop.shape[2]
        part = int(width * _HELD_OUT_SHARE) // SIZE_MULTIPLE * SIZE_MULTIPLE
        edge = max(0, width - max(_HELD_OUT_SIDE, part))
        train.append(crop[:, :, :edge])
        held_out.append(crop[:, :, edge:])
    return train, held_out


def _image(window: Tensor) -> Image:
    return from_numpy(window.permute(1, 2, 0).contiguous().numpy())


@dataclass(frozen=True, slots=True)
class OwnNoiseSamples:
    """Clean crops with the fitted noise, most of them given the automatic level of the photos."""

    crops: CropSource
    noise: OwnNoise
    told: tuple[Condition, ...]

    def draw(self, count: int, patch: int, generator: torch.Generator) -> Sample:
        """*count* samples; some are given the level of their noise, some are blind."""
        clean = self.crops.draw(count, patch, generator)
        noisy = self.noise.shoot(clean, generator)
        luma, chroma = luma_and_chroma_sigma(noisy - clean)
        own = planes_of_batch(luma, chroma, torch.ones_like(luma), luma >= 0, luma >= 0)
        automatic_planes = torch.stack([condition.planes() for condition in self.told]).to(clean.device)
        which = torch.randint(len(self.told), (count,), generator=generator, device=generator.device)
        luck = torch.rand(count, 1, generator=generator, device=generator.device)
        planes = torch.where(luck < _OWN_SHARE, own, automatic_planes[which])
        planes = torch.where(luck >= 1 - _UNKNOWN_SHARE, torch.zeros_like(planes), planes)
        return Sample(noisy, clean, planes.reshape(count, -1, 1, 1))


@dataclass(frozen=True, slots=True)
class OwnNoiseMaterial:
    """What the noise is learned on, as a value that another process can be given."""

    noise: OwnNoise
    told: tuple[Condition, ...]
    train: tuple[Tensor, ...]
    held_out: tuple[Tensor, ...]
    folder: Path
    data: Path | None
    unreadable: tuple[UnreadableImage, ...]

    def __call__(self, plan: Recipe, device: torch.device, seed: int, reading: Reading) -> Material:
        """The fitted noise on crops of its photos, mixed with noise in general on them and on *data*."""
        pictures, unreadable = self.train, self.unreadable
        if self.data:
            photos = load_photos(self.data, seed=seed, reading=reading)
            pictures, unreadable = pictures + photos.pictures, unreadable + photos.unreadable
        shares = area_shares([float(p.shape[1] * p.shape[2]) for p in pictures])
        crops = resident(PhotoPool(pictures, shares, self.held_out, ()), device)
        own = OwnNoiseSamples(crops, self.noise, self.told)
        source = Mixed(own, DrawnNoise(crops, plan.noise), plan.pair_share)
        trials = [*self._trials(), *synthetic_trials(self.held_out)]
        return Material(source, Judge(tuple(trials), counted=()), self._on_card(), unreadable)

    def _trials(self) -> list[Trial]:
        trials = []
        for number, crop in enumerate(self.held_out):
            clean = crop.unsqueeze(0).float() / 255
            noisy = self.noise.shoot(clean, torch.Generator().manual_seed(number))
            for column, told in ((AUTOMATIC, self.told[number % len(self.told)]), (BLIND, Condition())):
                trials.append(Trial(column, noisy[0], clean[0], told))
        return trials

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
        packing = self.noise.packing
        if packing:
            card["noise_jpeg_quality"] = packing.quality
        return card | ({"data": self.data.name or str(self.data)} if self.data else {})
