"""Training of the noise estimator, on the same photos as the denoisers: minutes on a CPU.

Making a training sample takes a hundred times longer than a step on it. So samples are made first and kept as
features in one file, with all that is needed to make more of them; another seed trains on the same file.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from denoiser.errors import Cancelled, UnusableData, UsageError
from denoiser.estimation.estimator import Estimator, estimate_noise
from denoiser.evaluation.noise_accuracy import LEVELS, measure_accuracy
from denoiser.evaluation.samples import image_paths
from denoiser.events import CancelToken, Listener, TrainingProgress, ignore
from denoiser.image import Image
from denoiser.networks import registry
from denoiser.networks.estimator import EstimatorOutput, NoiseEstimator, along_axes, level_of
from denoiser.networks.window_statistics import (
    FEATURES,
    WINDOW,
    Choice,
    Energies,
    blockiness,
    compression,
    energies_of,
    summary,
)
from denoiser.options import EstimatorOptions, TrainOptions
from denoiser.training import recipe
from denoiser.training.checkpoint import read_tensors, write_tensors
from denoiser.training.data import HINT, Loading, PhotoPool, load_photos
from denoiser.training.degrade import Batch
from denoiser.training.denoiser import TrainingReport, train_on
from denoiser.training.estimator_scenes import Scene, scenes
from denoiser.training.material import Material
from denoiser.training.recipe import NoiseShares, Recipe, Stage
from denoiser.training.run import Run, TrainingTask
from denoiser.training.samples import SampleSource
from denoiser.training.validation import ValidationResult

SAMPLES_FILE = "lessons.safetensors"
_HEADER = "book"
_PHOTOS, _READ_AS_CLEAN, _NOISIEST = "photos", "photos read as clean", "noisiest photo"
_COLUMNS = ("features", "luma", "chroma", "correlated")

BLOCK = 64  # pixels: the estimator analyses blocks of this size
_SIDE = 4  # blocks
# Share of the crops whose blocks begin on JPEG's grid; the others are like images that were cropped.
_ALIGNED_SHARE = 0.6
PATCH = _SIDE * BLOCK + WINDOW  # with room to begin anywhere on JPEG's grid
AT_ONCE = 4  # crops that are made together
_SAVE_EVERY = 120.0  # seconds of making samples: what a killed run may lose
_REPORT_EVERY = 10.0  # seconds

# Visible correlated noise is drawn more often, since it is the hardest to tell from texture.
_REPEATED_SHARE = 0.4  # of all samples, added
_STRONG_ABOVE = 2.5  # sigma of luma
_UNDERESTIMATE = 1.5  # weight of an estimate that is too low, relative to one that is too high
_KIND_WEIGHT = 0.2
_VISIBLE = (0.4, 1.0)  # sigma from which noise begins to be visible, and from which it is
_CLEAN_WEIGHT = 0.05  # of the levels of clean images, whose `noisy` output is what counts
_DARKEST, _BRIGHTEST = 0.08, 0.65  # a part is chosen by brightness between limits drawn around these


def train_estimator(
    data: Path,
    out: Path,
    options: EstimatorOptions | None = None,
    *,
    listener: Listener = ignore,
    loading: Callable[[int, int], None] | None = None,
    cancel: CancelToken | None = None,
) -> TrainingReport:
    """Train the estimator on the photos below *data*; all files go to the folder *out*.

    With ``resume`` the samples in *out* are completed if there are fewer than requested; a training that was
    stopped continues, and a finished one starts again. *cancel* while samples are made raises Cancelled.
    """
    options = options or EstimatorOptions()
    material = EstimatorPhotos(data, out, options.crops, listener)
    common = TrainOptions(seed=options.seed, resume=options.resume, device="cpu")
    load = Loading(loading, cancel or CancelToken())
    plan = dataclasses.replace(recipe.load(ESTIMATION.recipe), steps=options.steps)
    return train_on(material, out, common, listener=listener, loading=load, task=ESTIMATION, plan=plan)


@dataclass(slots=True)
class EstimatorSamples:
    """Features of windows and the noise in them; the same samples if they were made with interruptions."""

    seed: int
    photos: str  # digest of the names and sizes of the photos
    crops: int = 0  # that are done
    seconds: float = 0.0  # that they took
    generator: torch.Generator = field(default_factory=torch.Generator)
    parts: list[Mapping[str, Tensor]] = field(default_factory=list)

    @classmethod
    def new(cls, seed: int, photos: str) -> EstimatorSamples:
        """No samples yet."""
        return cls(seed, photos, generator=torch.Generator().manual_seed(seed))

    @classmethod
    def load(cls, path: Path) -> EstimatorSamples:
        """The samples in *path*; raise UnusableData if they cannot be read."""
        tensors, values = read_tensors(path, _HEADER)
        try:
            generator = torch.Generator()
            generator.set_state(tensors.pop("generator"))
            return cls(**values, generator=generator, parts=[{name: tensors[name] for name in _COLUMNS}])
        except (KeyError, TypeError, RuntimeError) as error:
            raise UnusableData(f"{path}: no training samples ({error}).", hint="Choose another --out.") from error

    def add(self, pool: PhotoPool, shares: NoiseShares) -> None:
        """Add the samples of the next crops of *pool*."""
        self.parts.append(make_samples(pool, shares, self.generator))
        self.crops += AT_ONCE

    @property
    def columns(self) -> Mapping[str, Tensor]:
        """All samples."""
        if len(self.parts) > 1:
            self.parts = [{name: torch.cat([part[name] for part in self.parts]) for name in _COLUMNS}]
        return self.parts[0]

    def save(self, path: Path) -> None:
        """Write the samples to *path*, which is replaced atomically."""
        values = {"seed": self.seed, "photos": self.photos, "crops": self.crops, "seconds": self.seconds}
        write_tensors(path, {**self.columns, "generator": self.generator.get_state()}, {_HEADER: values})


@dataclass(frozen=True, slots=True)
class EstimatorPhotos:
    """Material from a folder of clean photos: the samples in *out*, completed to *crops* crops."""

    folder: Path
    out: Path
    crops: int
    listener: Listener

    def __call__(self, plan: Recipe, _device: torch.device, seed: int, loading: Loading) -> Material:
        samples = self._existing() or EstimatorSamples.new(seed, self._digest())
        photos = load_photos(self.folder, seed=samples.seed, smallest=PATCH, loading=loading)
        self._complete(samples, photos, plan.noise, loading.cancel)
        on_card = {
            "data": self.folder.name or str(self.folder),
            "crops": samples.crops,
            "lessons": len(samples.columns["luma"]),
            "lessons_seed": samples.seed,
            "seed": seed,
        }
        validator = EstimatorValidator(photos.held_out)
        return Material(FeatureSource(samples.columns), validator, on_card, photos.unreadable, samples.seconds)

    def _existing(self) -> EstimatorSamples | None:
        path = self.out / SAMPLES_FILE
        if not path.exists():
            return None
        samples = EstimatorSamples.load(path)
        if samples.photos != self._digest():
            raise UsageError(
                f"{self.out}: its samples were made from other photos than those below {self.folder}.",
                hint="Use the same --data as before, with the same files in it, or choose another --out.",
            )
        if samples.crops >= self.crops + AT_ONCE:
            raise UsageError(
                f"{self.out} contains samples from {samples.crops:,} crops, more than {self.crops:,}.",
                hint=f"Use --crops {samples.crops}, or choose another --out.",
            )
        return samples

    def _digest(self) -> str:
        """A digest of the names and sizes of the photos, which does not depend on where the folder is."""
        digest = hashlib.sha256()
        for path in image_paths(self.folder, hint=HINT):
            size = path.stat().st_size if path.exists() else 0  # a link may be broken
            line = f"{path.relative_to(self.folder).as_posix()} {size}\n"
            digest.update(line.encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def _complete(
        self, samples: EstimatorSamples, pool: PhotoPool, shares: NoiseShares, cancel: CancelToken
    ) -> None:
        """Make the missing samples and save them, also if *cancel* is set."""
        path, before = self.out / SAMPLES_FILE, samples.crops
        saved = reported = -math.inf  # at once, so that an unusable disk is found before minutes are spent
        began = time.monotonic()
        while samples.crops < self.crops and not cancel.cancelled:
            since = time.monotonic()
            samples.add(pool, shares)
            now = time.monotonic()
            samples.seconds += now - since
            if now - reported >= _REPORT_EVERY or samples.crops >= self.crops:
                reported = now
                left = (now - began) / (samples.crops - before) * max(0, self.crops - samples.crops)
                self._report(samples.crops, left)
            if now - saved >= _SAVE_EVERY:
                samples.save(path)
                saved = now
        if samples.crops > before:
            samples.save(path)
            (self.out / "state.safetensors").unlink(missing_ok=True)  # of a training on fewer samples
        if cancel.cancelled:
            made = f"samples from {samples.crops:,} of {self.crops:,} crops are kept in {path}"
            raise Cancelled(f"Stopped: {made}.", hint="The same command with --resume continues.")

    def _report(self, crops: int, seconds_left: float) -> None:
        left = f"; about {math.ceil(seconds_left / 60)} min left" if seconds_left >= 1 else ""
        note = f"training samples from {min(crops, self.crops):,} of {self.crops:,} crops{left}"
        self.listener(TrainingProgress(0, math.nan, 0.0, seconds_left, math.nan, note=note))


class FeatureSource:
    """Draws batches of features and truth; visible correlated noise more often than it is made."""

    def __init__(self, columns: Mapping[str, Tensor]) -> None:
        self.features, *truth = (columns[name] for name in _COLUMNS)
        self.truth = torch.stack(truth, dim=1)
        luma, _, correlated = truth
        strong = ((luma > _STRONG_ABOVE) & (correlated > 0)).nonzero().squeeze(1)
        repeated = torch.arange(round(_REPEATED_SHARE * len(luma)) if len(strong) else 0)
        self._rows = torch.cat([torch.arange(len(luma)), strong[repeated % max(1, len(strong))]])

    def draw(self, count: int, _patch: int, generator: torch.Generator) -> Batch:
        """*count* samples."""
        rows = self._rows[torch.randint(len(self._rows), (count,), generator=generator)]
        return Batch(self.features[rows], self.truth[rows], torch.empty(0))


def estimation_loss(run: Run, batch: Batch, _stage: Stage) -> Tensor:
    """Distance of the estimates from the truth, weighted by the certainty that the network claims."""
    output: EstimatorOutput = run.forward(batch.input)
    true_luma, true_chroma, correlated = batch.target.unbind(dim=1)
    noisy = visibility(true_luma, true_chroma)
    luma = _level_loss(level_of(true_luma) - output.luma, output.luma_doubt)
    chroma = _level_loss(level_of(true_chroma) - output.chroma, output.chroma_doubt)
    levels = ((luma + chroma) * (_CLEAN_WEIGHT + noisy)).mean()
    kind = functional.binary_cross_entropy_with_logits(output.kind, correlated, reduction="none")
    found = functional.binary_cross_entropy_with_logits(output.noisy, noisy)
    return levels + _KIND_WEIGHT * (kind * noisy).mean() + found


def visibility(luma: Tensor, chroma: Tensor) -> Tensor:
    """From 0 for invisible noise to 1 for visible noise, by its sigmas."""
    return ((torch.maximum(luma, chroma) - _VISIBLE[0]) / (_VISIBLE[1] - _VISIBLE[0])).clamp(0, 1)


def _level_loss(missing: Tensor, doubt: Tensor) -> Tensor:
    # The negative log-likelihood of a Laplace distribution: unjustified certainty costs.
    cost = torch.where(missing > 0, _UNDERESTIMATE * missing, -missing)
    return cost * torch.exp(-doubt) + doubt


@dataclass(frozen=True, slots=True)
class EstimatorValidator:
    """Measures the accuracy of estimates on held-out *photos* (3, H, W) uint8, as they are and with white noise."""

    photos: tuple[Tensor, ...]
    unit: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Estimated over true level, for each level of luma and chroma."""
        names = tuple(f"white {level:g} {axis}" for level in LEVELS for axis in ("luma", "chroma"))
        return names if self.photos else ()

    @property
    def details(self) -> tuple[str, ...]:
        """Distance of each of these from 1, and the result on unchanged photos."""
        names = (*(f"{name} off" for name in self.columns), _PHOTOS, _READ_AS_CLEAN, _NOISIEST)
        return names if self.photos else ()

    def validate(self, network: Any, _device: torch.device) -> ValidationResult:
        """The accuracy of *network*; nothing without photos."""
        if not self.photos:
            return ValidationResult({}, math.nan)
        images = {str(number): photo.permute(1, 2, 0).numpy() for number, photo in enumerate(self.photos)}
        estimator = Estimator({name: value.cpu().numpy() for name, value in network.state_dict().items()})
        found = measure_accuracy(images, partial(estimate_noise, estimator=estimator))
        white = [accuracy for both in found.white.values() for accuracy in both]
        scores: dict[str, float] = {_PHOTOS: len(images), _READ_AS_CLEAN: found.clean}
        scores |= {name: accuracy.ratio for name, accuracy in zip(self.columns, white, strict=True)}
        details = {f"{name} off": accuracy.off for name, accuracy in zip(self.columns, white, strict=True)}
        overall = -statistics.fmean(details.values())
        return ValidationResult(scores, overall, details | {_NOISIEST: max(found.untouched)})

    def examples(self, _network: Any, _device: torch.device) -> Image | None:
        """None: an estimate has no image."""
        return None


def make_samples(pool: PhotoPool, shares: NoiseShares, generator: torch.Generator) -> dict[str, Tensor]:
    """The samples of the next crops of *pool*, up to three choices of windows from each."""
    clean = pool.draw(AT_ONCE, PATCH, generator)
    rows = [row for scene in scenes(clean, shares, generator) for row in _rows(scene, generator)]
    if not rows:  # all crops are flat, black or white
        return dict(zip(_COLUMNS, (torch.empty(0, FEATURES), *torch.empty(3, 0)), strict=True))
    return {name: torch.stack(values) for name, values in zip(_COLUMNS, zip(*rows, strict=True), strict=True)}


def _rows(scene: Scene, generator: torch.Generator) -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Samples from the whole of one noisy image, from some of its blocks, and from a range of brightness."""
    aligned = bool(torch.rand((), generator=generator) < _ALIGNED_SHARE)
    top, left = (0, 0) if aligned else torch.randint(0, WINDOW + 1, (2,), generator=generator).tolist()
    planes = along_axes(torch.stack([scene.error, scene.added, scene.survived])) * 255
    both = torch.cat([scene.noisy, planes.flatten(0, 1)])
    area = both[:, top : top + _SIDE * BLOCK, left : left + _SIDE * BLOCK]
    blocks = area.reshape(len(both), _SIDE, BLOCK, _SIDE, BLOCK).permute(1, 3, 0, 2, 4).flatten(0, 1)
    noisy = np.ascontiguousarray(blocks[:, :3].permute(0, 2, 3, 1).numpy())
    seen = np.ones(noisy.shape[:3], np.bool_)
    energies = energies_of(noisy, seen)
    compressed = compression(scene.quantisation, blockiness(noisy, seen))
    power = functional.avg_pool2d(blocks[:, 3:].square(), WINDOW).flatten(2)
    rows = []
    for chosen in _choices(energies, generator):
        if int(chosen[0].sum()) >= BLOCK // WINDOW:
            windows = power.transpose(1, 2)[torch.from_numpy(chosen[0])]
            luma, chroma = _truth(windows.mean(dim=0).reshape(3, 3))
            features = torch.from_numpy(summary(energies, chosen, compressed))
            rows.append((features, luma, chroma, scene.correlated))
    return rows


def _truth(power: Tensor) -> Tensor:
    """The true sigmas (2,) of luma and chroma, from the mean squares (3, 3) of error, added and survived noise.

    JPEG's own error is not noise. Where noise survived, the level is that of the whole error, as in the training of
    the denoisers.
    """
    power = torch.stack([power[:, 0], power[:, 1:].mean(dim=1)], dim=1)  # luma and chroma
    error, added, survived = power.sqrt()
    noise = torch.minimum(added, survived)  # JPEG's rounding may enlarge weak noise
    return torch.where(noise > _VISIBLE[1], error, noise)


def _choices(energies: tuple[Energies, ...], generator: torch.Generator) -> list[Choice]:
    count = len(energies[0].usable)
    some = torch.rand(count, generator=generator) < 0.5 * torch.rand((), generator=generator)
    some[torch.randint(count, (), generator=generator)] = True
    place, width = torch.rand(2, generator=generator).tolist()
    low = place * _BRIGHTEST
    high = low + _DARKEST + width * 0.2
    return [
        tuple(scale.usable for scale in energies),
        tuple(scale.usable & some.numpy()[:, np.newaxis] for scale in energies),
        tuple(scale.usable & (scale.brightness >= low) & (scale.brightness < high) for scale in energies),
    ]


def _new_estimator(plan: Recipe, source: SampleSource, _generator: torch.Generator) -> nn.Module:
    assert isinstance(source, FeatureSource), "the material of an estimator"
    if not len(source.features):
        raise UnusableData("The photos show no texture and no noise.", hint=HINT)
    network = registry.build(NoiseEstimator, plan.architecture, plan.settings)
    network.get_buffer("mean").copy_(source.features.mean(dim=0))
    network.get_buffer("spread").copy_(source.features.std(dim=0).clamp_min(1e-3))
    return network


ESTIMATION = TrainingTask(
    name="estimator",
    recipe="estimator",
    loss=estimation_loss,
    build=_new_estimator,
    tensors=nn.Module.state_dict,
    limits=("Trained on developed photos; noise above sigma 75 is beyond what it has seen.",),
    bf16=False,
    run_files=(SAMPLES_FILE, "state.safetensors"),
)
