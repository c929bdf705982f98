"""Autoencoders with the interface of scikit-learn: they fit, transform and score arrays of images.

    from denoiser.workbench import Autoencoder
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(Autoencoder(kind="variational", code=16), LogisticRegression())
    model.fit(images, labels).score(more_images, more_labels)

Images are (N, H, W) or (N, H, W, C), uint8 or in 0..1. Tables (N, features) may have any range, which is scaled to
0..1. `denoise train autoencoder` trains the same models; `load_autoencoder` reads its weights.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import math
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor
from torch.nn import functional

from denoiser.atomicfile import whole_file
from denoiser.errors import Cancelled, MissingExtra, MissingModel, UntrustedWeights, UnusableData
from denoiser.events import CancelToken, Listener, ignore
from denoiser.models import catalog
from denoiser.models.card import card_as_toml
from denoiser.networks import registry
from denoiser.networks.autoencoder import CodingNetwork
from denoiser.networks.quantised import quantise
from denoiser.options import AutoencoderOptions
from denoiser.training.autoencoder import TASK, kl_from_normal, train_autoencoder
from denoiser.training.image_sets import ImageSet, as_floats, as_images, from_arrays

try:
    from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.metaestimators import available_if
    from sklearn.utils.validation import validate_data
except ImportError as error:
    raise MissingExtra("Autoencoders need scikit-learn, which is not installed.", extra="workbench") from error

_AT_ONCE = 512  # images that the network processes together, a multiple of the next
_MULTIPLE = 32  # to which smaller batches are filled up
_TIMINGS = 5  # of a comparison, for a median

Values = NDArray[np.float32]


@dataclass(repr=False, eq=False)
class Autoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """An autoencoder of that *kind*; parameters as in `AutoencoderOptions`.

    After ``fit``: ``network_``, ``image_shape_`` (C, H, W), ``classes_`` with labels, ``steps_``.
    """

    kind: str = "basic"
    code: int | None = None
    layers: str = "auto"
    network: str = "auto"
    blocks: str = "residual"
    activation: str = "relu"
    loss: str = "auto"
    corruption: str = "gaussian"
    corruption_level: float = 0.3
    penalty: str = "l2-weights"
    penalty_weight: float = 1e-4
    sparsity: str = "kl"
    sparsity_weight: float = 0.05
    target_rate: float = 0.05
    beta: float = 1.0
    likelihood_sigma: float = 0.1
    label_weight: float = 0.0
    flip: bool = False
    rotate: float = 0.0
    shift: float = 0.0
    epochs: int | None = None
    batch: int = 128
    learning_rate: float = 0.002
    private: float = 0.0
    seed: int = 0
    device: str = "auto"

    def fit(
        self, X: Any, y: Any = None, *, listener: Listener = ignore, cancel: CancelToken | None = None
    ) -> Autoencoder:
        """Train on the images *X*; labels *y* are used if ``label_weight`` is above 0."""
        options = AutoencoderOptions(**self.get_params())
        values = self._checked(X, reset=True)
        images = from_arrays(values, y if options.label_weight else None, held_out=0.0)
        return self._trained(images, options, listener, cancel)

    def fit_set(
        self, images: ImageSet, *, listener: Listener = ignore, cancel: CancelToken | None = None
    ) -> Autoencoder:
        """Train on a set of images, as `load_image_set` returns it."""
        return self._trained(images, AutoencoderOptions(**self.get_params()), listener, cancel)

    def transform(self, X: Any) -> Values:
        """Codes (N, code) of the images *X*."""
        return self._in_batches(self._network().encode, self._images(X))

    def inverse_transform(self, X: Any) -> Values:
        """Images of codes (N, code), in the form of the images that were fitted."""
        codes = torch.from_numpy(np.asarray(X, np.float32))
        if codes.ndim != 2 or codes.shape[1] != self._network().code_size:
            raise UnusableData(f"Codes have the shape (N, {self._network().code_size}), not {tuple(codes.shape)}.")
        return self._as_given(self._in_batches(self._network().decode, codes))

    def reconstruct(self, X: Any) -> Values:
        """What the decoder makes of the codes of *X*."""
        network = self._network()
        return self._as_given(self._in_batches(lambda x: network.decode(network.encode(x)), self._images(X)))

    def score_samples(self, X: Any) -> NDArray[np.float64]:
        """Scores (N,), higher for more familiar images: the negative squared error; of a variational one the ELBO.

        The ELBO is computed with the mean code in place of a random one, so it is deterministic and a little high.
        """
        network = self._network()

        def score(images: Tensor) -> Tensor:
            mean, log_variance = network.distribution(images)
            if log_variance is None:
                return -(network.decode(mean) - images).square().flatten(1).sum(dim=1)
            return self._log_likelihood(images, mean) - kl_from_normal(mean, log_variance)

        return self._in_batches(score, self._images(X)).astype(np.float64)

    def score(self, X: Any, y: Any = None) -> float:  # noqa: ARG002 - scikit-learn's signature
        """The mean of ``score_samples``."""
        return float(self.score_samples(X).mean())

    def log_likelihood(self, X: Any, samples: int = 500, seed: int = 0) -> NDArray[np.float64]:
        """Log-likelihood (N,) in nats under a variational autoencoder, by importance sampling of *samples* codes.

        A lower bound, tighter with more samples (Burda et al., "Importance weighted autoencoders", ICLR 2016).
        """
        network = self._network()
        if not network.variational:
            raise UnusableData("Only variational autoencoders have a likelihood.")
        generator = torch.Generator().manual_seed(seed)
        found = []
        with torch.inference_mode():
            for image in torch.split(self._images(X), 1):
                mean, log_variance = network.distribution(image)
                assert log_variance is not None
                noise = torch.randn(samples, network.code_size, generator=generator)
                codes = mean + noise * torch.exp(0.5 * log_variance)
                log_ratio = 0.5 * (noise.square() + log_variance - codes.square()).sum(dim=1)
                weights = self._log_likelihood(image.expand(samples, -1, -1, -1), codes) + log_ratio
                found.append(float(torch.logsumexp(weights, dim=0)) - math.log(samples))
        return np.array(found)

    def sample(self, count: int, seed: int = 0) -> Values:
        """*count* new images, decoded from random codes."""
        network = self._network()
        codes = network.draw_codes(count, torch.Generator().manual_seed(seed))
        return self._as_given(self._in_batches(network.decode, codes))

    @available_if(lambda self: self.label_weight > 0)  # type: ignore[untyped-decorator]
    def predict(self, X: Any) -> NDArray[Any]:
        """Labels (N,) of the images *X*, by the label head."""
        head = self._network().label_head
        assert head is not None, "labels were learned"
        scores = self._in_batches(head, torch.from_numpy(self.transform(X)))
        labels: NDArray[Any] = self.classes_[scores.argmax(axis=1)]
        return labels

    def save(self, path: Path | str) -> None:
        """Write the weights to *path*, a .safetensors file, and their card beside it."""
        self._network()
        target = Path(path).with_suffix(".safetensors")
        with whole_file(target) as file:
            file.write(self.weights_)
        with whole_file(target.with_suffix(".toml")) as file:
            training = {**self.card_.training, "range": list(self.range_)}
            card = dataclasses.replace(self.card_, name=target.stem, training=training)
            file.write(card_as_toml(card).encode())

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def quantised(self) -> Autoencoder:
        """A copy with weights in 8 bits."""
        small: Autoencoder = copy.deepcopy(self)
        quantise(small.network_)
        state = small.network_.state_dict()
        tensors = {name: value.half() if value.is_floating_point() else value for name, value in state.items()}
        small.weights_ = save({name: value.contiguous() for name, value in tensors.items()})
        settings = {**self.card_.settings, "int8": True}
        digest = hashlib.sha256(small.weights_).hexdigest()
        small.card_ = dataclasses.replace(self.card_, settings=settings, sha256=digest)
        return small

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of the images that the network takes."""
        channels, height, width = self._network().shape
        return channels, height, width

    def _trained(
        self, images: ImageSet, options: AutoencoderOptions, listener: Listener, cancel: CancelToken | None
    ) -> Autoencoder:
        with tempfile.TemporaryDirectory(prefix="denoise-autoencoder-") as folder:
            report = train_autoencoder(images, Path(folder) / "run", options, listener=listener, cancel=cancel)
            if not report.finished:
                raise Cancelled("Training was stopped.")
            return self._loaded(report.weights)

    def _loaded(self, path: Path) -> Autoencoder:
        """Take network and card from the weights file *path*, which is verified."""
        entry = catalog.find(str(path), "cpu")
        if entry.card.task != TASK:
            raise MissingModel(
                f"{path}: is a {entry.card.task}, not an autoencoder.",
                hint="Train one with `denoise train autoencoder`.",
            )
        catalog.verify(entry)
        self.weights_, self.card_ = path.read_bytes(), entry.card
        try:
            settings = dict(entry.card.settings)
            in_8_bits = settings.pop("int8", False)
            network = registry.build(CodingNetwork, entry.card.architecture, settings)
            if in_8_bits:
                quantise(network)
            tensors = load(self.weights_)
            network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in tensors.items()})
        except (SafetensorError, TypeError, ValueError, RuntimeError, KeyError) as error:
            raise UntrustedWeights(f"{path}: weights do not match their card ({error}).") from error
        self.network_ = network.eval().requires_grad_(False)
        self.classes_ = np.array(entry.card.training.get("classes", ()))
        self.range_ = tuple(entry.card.training.get("range", getattr(self, "range_", (0.0, 1.0))))
        self._n_features_out = network.code_size  # of scikit-learn's get_feature_names_out
        return self

    def _network(self) -> CodingNetwork:
        if not hasattr(self, "network_"):
            raise NotFittedError("This autoencoder is not fitted. Call fit, or load a trained one.")
        network: CodingNetwork = self.network_
        return network

    def _images(self, X: Any) -> Tensor:
        """*X* as (N, C, H, W), compared with what was fitted."""
        images = as_floats(as_images(self._checked(X, reset=False)))
        shape = self._network().shape
        if images[0].numel() != math.prod(shape):
            raise UnusableData(
                f"X has images of {images[0].numel()} values, but this autoencoder takes {math.prod(shape)} values."
            )
        return images.reshape(-1, *shape)

    def _checked(self, X: Any, *, reset: bool) -> NDArray[Any]:
        """*X* as an array. Tables are checked as scikit-learn does, and scaled to 0..1."""
        values = np.asarray(X)
        if values.ndim > 2 and values.dtype != object:
            if reset:
                self.range_ = (0.0, 1.0)
            return values
        table = validate_data(self, X, reset=reset, dtype=np.float64)
        if reset:
            low, high = float(table.min()), float(table.max())
            self.range_ = (0.0, 1.0) if low >= 0 and high <= 1 else (low, max(high, low + 1e-12))
        low, high = self.range_
        return np.asarray(np.clip((table - low) / (high - low), 0, 1), np.float32)

    def _as_given(self, images: Values) -> Values:
        """*images* (N, C, H, W) as (N, H, W) or (N, H, W, C), or as a table if the model was fitted on one."""
        low, high = self.range_
        if images.shape[1:3] == (1, 1):
            return images[:, 0, 0] * np.float32(high - low) + np.float32(low)
        moved = np.moveaxis(images, 1, 3)
        return moved[..., 0] if moved.shape[3] == 1 else moved

    @staticmethod
    def _in_batches(function: Callable[[Tensor], Tensor], values: Tensor) -> Values:
        # Kernels depend on the size of a batch, and so would the last bits: small batches are filled up.
        with torch.inference_mode():
            missing = -len(values) % _MULTIPLE
            filled = torch.cat([values, values[:1].expand(missing, *values.shape[1:])])
            parts = [function(part).numpy() for part in torch.split(filled, _AT_ONCE)]
            return np.concatenate(parts)[: len(values)]

    def _log_likelihood(self, images: Tensor, codes: Tensor) -> Tensor:
        """Log-likelihood (N,) in nats of *images*, each given one of *codes*."""
        decoded: Tensor = self._network().decoder(codes)
        if self._network().sigmoid:
            losses = functional.binary_cross_entropy_with_logits(decoded, images, reduction="none")
            return -losses.flatten(1).sum(dim=1)
        sigma = float(self.card_.training["likelihood_sigma"])
        constant = images[0].numel() * math.log(sigma * math.sqrt(2 * math.pi))
        return -(decoded - images).square().flatten(1).sum(dim=1) / (2 * sigma**2) - constant


def compare(model: Autoencoder, images: Tensor) -> tuple[int, float, float]:
    """Bytes of the weights, seconds to encode and decode *images* (N, C, H, W), and their mean squared error."""
    values = as_floats(images)
    times = []
    for _ in range(_TIMINGS):
        began = time.perf_counter()
        decoded = model._in_batches(lambda part: model.network_.decode(model.network_.encode(part)), values)
        times.append(time.perf_counter() - began)
    error = float(np.square(decoded - values.numpy()).sum() / len(values))
    return len(model.weights_), statistics.median(times), error


def as_pixels(images: NDArray[Any]) -> NDArray[Any]:
    """*images* with a channel axis, (N, H, W, C)."""
    return images if images.ndim == 4 else images[..., None]


def load_autoencoder(path: Path | str) -> Autoencoder:
    """The autoencoder in the weights file *path*, or in the output folder of its training."""
    found = Path(path)
    if found.is_dir():
        inside = [path for path in found.glob(f"{TASK}-*.safetensors") if not path.stem.endswith("-int8")]
        if len(inside) != 1:
            raise MissingModel(f"{path}: contains {len(inside)} autoencoders.", hint="Name a .safetensors file.")
        found = inside[0]
    elif found.suffix != ".safetensors":
        raise MissingModel(
            f"{path}: is not the weights file of an autoencoder.",
            hint="Name a .safetensors file or the output folder of `denoise train autoencoder`.",
        )
    model = Autoencoder()._loaded(found)
    known = {field.name for field in dataclasses.fields(model)}
    model.set_params(**{name: value for name, value in model.card_.training.items() if name in known})
    return model
