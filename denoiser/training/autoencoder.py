"""Training of autoencoders on sets of small images, by the common training loop.

The loss of an image is a sum over its pixels, divided by their number:

    reconstruction   squared error, or binary cross-entropy; of variational ones: the negative log-likelihood
    + beta × KL divergence of the code from a normal distribution             variational
    + weight × penalty on weights or code                                     regularised
    + weight × L1 norm, or KL divergence of mean activations from a rate      sparse
    + weight × cross-entropy of the labels                                    with labels
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import tomli_w
import torch
from torch import Tensor, nn
from torch.nn import functional

from denoiser.errors import UnusableData, UsageError
from denoiser.events import CancelToken, Listener, ignore
from denoiser.image import Image
from denoiser.imageio.sheet import image_grid
from denoiser.networks import registry
from denoiser.networks.autoencoder import AutoencoderOutput, CodingNetwork
from denoiser.noise.simple import add_random_values, add_white, mask_pixels
from denoiser.options import AutoencoderOptions, TrainOptions
from denoiser.training.data import Loading
from denoiser.training.degrade import Batch
from denoiser.training.denoiser import TrainingReport, train_on
from denoiser.training.image_sets import ImageSet, as_floats
from denoiser.training.material import Material
from denoiser.training.private import Privacy, privacy_of
from denoiser.training.recipe import NoiseShares, Recipe, Stage
from denoiser.training.run import Run, TrainingTask
from denoiser.training.samples import SampleSource
from denoiser.training.validation import ValidationResult

TASK = "autoencoder"
_STEPS, _CONVOLUTIONAL_STEPS = 4_000, 1_000  # of a training whose epochs are automatic
_AT_ONCE = 500  # images of a validation pass
_CODE_BATCHES = 20  # batches from which the distribution of the codes is measured
_SHOWN = 12  # images in the grid of reconstructions
SQUARED_ERROR, NEGATIVE_ELBO, ACCURACY = "squared error", "negative ELBO", "label accuracy"


def train_autoencoder(
    images: ImageSet,
    out: Path,
    options: AutoencoderOptions | None = None,
    *,
    devices: int | None = None,
    resume: bool = False,
    listener: Listener = ignore,
    cancel: CancelToken | None = None,
) -> TrainingReport:
    """Train an autoencoder on *images*; all files go to the folder *out*."""
    options = options or AutoencoderOptions()
    if options.label_weight and images.train_labels is None:
        raise UnusableData(
            "There are no labels to learn.", hint="Use subfolders as labels, or leave out --label-weight."
        )
    plan = plan_of(options, images)
    if any(out.glob(f"{TASK}-*.safetensors")) and not (out / _TASK.run_files[0]).exists():
        raise UsageError(f"{out} already contains a trained autoencoder.", hint="Choose another --out.")
    common = TrainOptions(seed=options.seed, resume=resume, device=options.device, devices=devices)
    task = dataclasses.replace(_TASK, loss=partial(autoencoder_loss, options))
    privacy = privacy_of(options, plan, len(images.train))
    if privacy:
        if devices and devices > 1:
            raise UsageError("Private training uses one device.", hint="Leave out --devices.")
        task = dataclasses.replace(task, bf16=False, prepare=privacy.apply, finish=None)
    loading = Loading(None, cancel or CancelToken())
    material = AutoencoderImages(images, options, privacy)
    return train_on(material, out, common, listener=listener, loading=loading, task=task, plan=plan)


def plan_of(options: AutoencoderOptions, images: ImageSet) -> Recipe:
    """The recipe that *options* describe, for images of that shape."""
    settings: dict[str, Any] = {
        "shape": list(images.shape),
        "code": options.code_size,
        "layers": list(options.widths),
        "activation": options.activation,
        "sigmoid": options.likelihood == "bce",
    }
    if options.is_convolutional:
        settings["blocks"] = options.blocks
    if options.kind == "variational":
        settings["variational"] = True
    if options.kind == "sparse":
        settings["code_activation"] = "sigmoid" if options.sparsity == "kl" else "relu"
        if options.sparsity == "topk":
            settings["top_k"] = max(1, round(options.target_rate * options.code_size))
    if options.label_weight:
        settings["classes"] = len(images.classes)
    _, height, width = images.shape
    automatic = _CONVOLUTIONAL_STEPS if options.is_convolutional else _STEPS
    steps = (options.epochs or 0) * math.ceil(len(images.train) / options.batch) or automatic
    written = {key: value for key, value in dataclasses.asdict(options).items() if value is not None}
    return Recipe(
        name=f"{TASK}-{options.kind}",
        architecture="autoencoder-convolutional-1" if options.is_convolutional else "autoencoder-connected-1",
        settings=settings,
        noise=NoiseShares(white=0, camera=0, shaped=0, clean=1),
        stages=(Stage(1.0, round(math.sqrt(height * width)), options.batch, options.likelihood),),
        halo=0,
        text=tomli_w.dumps(written),
        adam_rate=options.learning_rate,
        warm_up_steps=max(1, min(100, steps // 10)),
        steps=steps,
    )


def pca_error(images: ImageSet, components: int) -> float:
    """The squared error per test image of PCA with *components*, fitted on the training images."""
    train, test = (as_floats(half).flatten(1).double() for half in (images.train, images.test))
    mean = train.mean(dim=0)
    _, directions = torch.linalg.eigh(torch.cov(train.T))  # by rising variance
    kept = directions[:, -components:]
    centred = test - mean
    return float((centred - centred @ kept @ kept.T).square().sum() / len(test))


@dataclass(frozen=True, slots=True)
class AutoencoderImages:
    """Material of an autoencoder; picklable for several processes."""

    images: ImageSet
    options: AutoencoderOptions
    privacy: Privacy | None = None

    def __call__(self, _plan: Recipe, device: torch.device, _seed: int, loading: Loading) -> Material:
        loading.cancel.raise_if_cancelled()
        if not len(self.images.train):
            raise UnusableData("There are no images to train on.")
        share = self.privacy.share if self.privacy else None
        source = ImageSource(self.images.train.to(device), self.images.train_labels, self.options, share)
        validator = AutoencoderValidator(self.images.test, self.images.test_labels, self.options)
        on_card = {"data": self.images.name, "images": len(self.images.train)}
        on_card |= {key: value for key, value in dataclasses.asdict(self.options).items() if value is not None}
        if self.privacy:
            on_card |= {"epsilon": self.privacy.epsilon, "delta": self.privacy.delta, "noise": self.privacy.noise}
        if self.images.classes:
            on_card["classes"] = list(self.images.classes)
        return Material(source, validator, on_card, self.images.unreadable)


class ImageSource:
    """Draws images at random: augmented ones as the target, and corrupted ones as the input."""

    def __init__(
        self, images: Tensor, labels: Tensor | None, options: AutoencoderOptions, share: float | None = None
    ) -> None:
        self._images, self._options, self._share = images, options, share
        self._labels = torch.zeros(len(images), dtype=torch.long) if labels is None else labels
        self._labels = self._labels.to(images.device)

    def draw(self, count: int, _patch: int, generator: torch.Generator) -> Batch:
        """*count* images, and their labels as planes; with a *share*, each image with that chance."""
        if self._share is None:
            rows = torch.randint(len(self._images), (count,), generator=generator, device=generator.device)
        else:
            chance = torch.rand(len(self._images), generator=generator, device=generator.device)
            rows = (chance < self._share).nonzero().squeeze(1)
        rows = rows.to(self._images.device)
        clean = augmented(as_floats(self._images[rows]), self._options, generator)
        return Batch(corrupted(clean, self._options, generator), clean, self._labels[rows])


def augmented(images: Tensor, options: AutoencoderOptions, generator: torch.Generator) -> Tensor:
    """*images* (B, C, H, W), each mirrored, rotated and shifted at random; whole-pixel shifts keep them sharp."""
    count, device = len(images), images.device

    def drawn(*shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator, device=generator.device).to(device) * 2 - 1

    if options.flip:
        images = torch.where(drawn(1, 1, 1) < 0, images.flip(3), images)
    height, width = images.shape[2:]
    if not (options.rotate or options.shift):
        return images
    angle = drawn() * math.radians(options.rotate)
    sides = torch.tensor([width, height], device=device)
    offset = (drawn(2) * options.shift * sides).round() * 2 / sides
    cosine, sine = torch.cos(angle), torch.sin(angle)
    ratio = height / width  # the grid runs from -1 to 1 on both sides
    rows = [
        torch.stack(row, 1) for row in ((cosine, -sine * ratio, offset[:, 0]), (sine / ratio, cosine, offset[:, 1]))
    ]
    grid = functional.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def corrupted(clean: Tensor, options: AutoencoderOptions, generator: torch.Generator) -> Tensor:
    """The input of a denoising autoencoder; *clean* for other kinds."""
    if options.kind != "denoising":
        return clean
    match options.corruption:
        case "gaussian":
            return add_white(clean, 255 * options.corruption_level, generator)
        case "impulse":
            return add_random_values(clean, options.corruption_level, generator)
    return mask_pixels(clean, options.corruption_level, generator)


def autoencoder_loss(options: AutoencoderOptions, run: Run, batch: Batch, _stage: Stage) -> Tensor:
    """The loss of a batch, with the terms of the kind; see the top of this module."""
    target = batch.target.to(run.device)
    noise = None
    if options.kind == "variational":
        shape = len(target), options.code_size
        noise = torch.randn(shape, generator=run.generator, device=run.generator.device).to(run.device)
    with run.in_precision():
        output: AutoencoderOutput = run.forward(batch.input.to(run.device), noise)
    loss = reconstruction_loss(output.decoded.float(), target, options) + _extra(options, output, run.network)
    if output.labels is not None:
        labels = functional.cross_entropy(output.labels.float(), batch.planes.to(run.device))
        loss = loss + options.label_weight * labels
    return loss / target[0].numel()


def reconstruction_loss(decoded: Tensor, target: Tensor, options: AutoencoderOptions) -> Tensor:
    """Mean over images of the sum over pixels; the negative log-likelihood if the kind is variational."""
    if options.likelihood == "bce":
        return functional.binary_cross_entropy_with_logits(decoded, target, reduction="sum") / len(target)
    error = (decoded - target).square().sum() / len(target)
    if options.kind != "variational":
        return error
    sigma = options.likelihood_sigma
    return error / (2 * sigma**2) + target[0].numel() * math.log(sigma * math.sqrt(2 * math.pi))


def _extra(options: AutoencoderOptions, output: AutoencoderOutput, network: nn.Module) -> Tensor:
    code = output.code.float()
    if output.log_variance is not None:
        return options.beta * kl_from_normal(output.mean, output.log_variance).mean()
    if options.kind == "regularised":
        norm, where = options.penalty.split("-")
        values = [code] if where == "code" else [value for value in network.parameters() if value.ndim > 1]
        sums = [value.abs().sum() if norm == "l1" else value.square().sum() for value in values]
        return options.penalty_weight * torch.stack(sums).sum() / (len(code) if where == "code" else 1)
    if options.kind == "sparse" and options.sparsity == "l1":
        return options.sparsity_weight * code.abs().sum() / len(code)
    if options.kind == "sparse" and options.sparsity == "kl":
        return options.sparsity_weight * kl_from_rate(code.mean(dim=0), options.target_rate).sum()
    return code.new_zeros(())


def kl_from_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence (B,) of the codes of a variational autoencoder from the standard normal distribution."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1)


def kl_from_rate(activations: Tensor, rate: float) -> Tensor:
    """KL divergence (N,) of mean *activations* between 0 and 1 from a target rate (Ng, CS294A, 2011)."""
    mean = activations.clamp(1e-6, 1 - 1e-6)
    return rate * torch.log(rate / mean) + (1 - rate) * torch.log((1 - rate) / (1 - mean))


@dataclass(frozen=True, slots=True)
class AutoencoderValidator:
    """Measures the summed squared error of each test image, the ELBO of variational ones, and label accuracy."""

    images: Tensor
    labels: Tensor | None
    options: AutoencoderOptions
    unit: str = "per image"

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the scores."""
        return (SQUARED_ERROR, NEGATIVE_ELBO) if self.options.kind == "variational" else (SQUARED_ERROR,)

    @property
    def details(self) -> tuple[str, ...]:
        """The accuracy of the label head."""
        return (ACCURACY,) if self.options.label_weight else ()

    @torch.inference_mode()
    def validate(self, network: CodingNetwork, device: torch.device) -> ValidationResult:
        """The scores of *network* on the test images; noise has a fixed seed."""
        if not len(self.images):
            return ValidationResult({}, math.nan)
        generator = torch.Generator().manual_seed(0)
        sums = dict.fromkeys((*self.columns, *self.details), 0.0)
        for start in range(0, len(self.images), _AT_ONCE):
            clean = as_floats(self.images[start : start + _AT_ONCE])
            noise = torch.randn(len(clean), self.options.code_size, generator=generator).to(device)
            entered = corrupted(clean, self.options, generator).to(device)
            clean = clean.to(device)
            output = network(entered, noise)
            decoded = network.decode(output.mean)
            sums[SQUARED_ERROR] += float((decoded - clean).square().sum())
            if output.log_variance is not None:
                elbo = reconstruction_loss(output.decoded, clean, self.options) * len(clean)
                sums[NEGATIVE_ELBO] += float(elbo + kl_from_normal(output.mean, output.log_variance).sum())
            if output.labels is not None and self.labels is not None:
                right = output.labels.argmax(dim=1).cpu() == self.labels[start : start + _AT_ONCE]
                sums[ACCURACY] += float(right.sum())
        means = {name: total / len(self.images) for name, total in sums.items()}
        scores = {name: means[name] for name in self.columns}
        return ValidationResult(scores, -scores[self.columns[-1]], {name: means[name] for name in self.details})

    @torch.inference_mode()
    def examples(self, network: CodingNetwork, device: torch.device) -> Image | None:
        """Test images above what the network makes of them; for denoising ones, with the input between."""
        if not len(self.images):
            return None
        clean = as_floats(self.images[:: max(1, len(self.images) // _SHOWN)][:_SHOWN])
        entered = corrupted(clean, self.options, torch.Generator().manual_seed(0))
        decoded = network.decode(network.encode(entered.to(device))).cpu()
        rows = [clean, entered, decoded] if self.options.kind == "denoising" else [clean, decoded]
        return image_grid(torch.cat(rows).permute(0, 2, 3, 1).numpy(), columns=len(clean))


def _new_autoencoder(plan: Recipe, _source: SampleSource, _generator: torch.Generator) -> nn.Module:
    return registry.build(CodingNetwork, plan.architecture, plan.settings)


@torch.inference_mode()
def _describe_codes(run: Run) -> None:
    """Measure the distribution of the codes on some thousand training images."""
    batches = [run.source.draw(run.recipe.stages[0].batch, 0, run.generator).input for _ in range(_CODE_BATCHES)]
    codes = [run.average.encode(batch.to(run.device)).float() for batch in batches]
    run.average.describe_codes(torch.cat(codes))


def _half_precision(network: nn.Module) -> Mapping[str, Tensor]:
    return {name: value.half() for name, value in network.state_dict().items()}


_TASK = TrainingTask(
    name=TASK,
    recipe="",
    loss=partial(autoencoder_loss, AutoencoderOptions()),
    build=_new_autoencoder,
    tensors=_half_precision,
    finish=_describe_codes,
    limits=("For images like those it was trained on, resized to the same number of pixels.",),
)
