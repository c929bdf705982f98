"""Encoders for exploring images: the first half of a denoiser, the analysis of a codec, or a trained autoencoder.

    denoiser      image ─► maps at 1/2, 1/4 and 1/8, blind (without a noise level)
    codec         image ─► latents at 1/16
    autoencoder   image, resized ─► code; no maps

The features of an image are the mean and standard deviation of each channel of the coarsest maps. Finer maps, or
the means of a grid of cells, find the other half of a photo among many photos less often.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from denoiser.codec import model as codec_models
from denoiser.errors import MissingModel, UsageError
from denoiser.image import Pixels
from denoiser.models import catalog, loading
from denoiser.models.catalog import CatalogEntry
from denoiser.networks.codec.latent_codec import LatentCodec
from denoiser.networks.condition import Condition
from denoiser.networks.conditioning import planes_of
from denoiser.networks.pyramid import PyramidAutoencoder
from denoiser.networks.pyramid_spec import SIZE_MULTIPLE

Features = NDArray[np.float32]

AUTOENCODER = "autoencoder"  # the task on the card of a trained autoencoder
_CODEC_MULTIPLE = 64  # sides that the analysis takes
_OTHERS = "Pass fast, best, codec or the .safetensors file of a trained model."


SIDE = 224  # images are reduced to this before they are encoded


class Encoder(ABC):
    """Makes feature maps of images. *digest* is the checksum of its weights."""

    codes = False  # whether features are the code of an autoencoder, which is compared as it is

    def __init__(self, name: str, digest: str) -> None:
        self.name, self.digest = name, digest

    @abstractmethod
    def maps(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Feature maps (B, channels, H/scale, W/scale), rounded up, of (B, 3, H, W) in 0..1, finest first.

        Each image is encoded alone, so that results do not depend on the batch.
        """

    def features(self, pixels: Pixels) -> Features:
        """One vector for 8-bit RGB *pixels* (H, W, 3), at most `SIDE` wide and high."""
        coarsest = self.maps(_as_tensor(pixels))[-1][0].flatten(1)
        pooled: Features = torch.cat([coarsest.mean(1), coarsest.std(1, correction=0)]).numpy()
        return pooled


class DenoiserEncoder(Encoder):
    """The maps of a denoiser at 1/2, 1/4 and 1/8."""

    def __init__(self, entry: CatalogEntry) -> None:
        loaded = loading.load(entry)
        if not isinstance(loaded.network, PyramidAutoencoder):
            raise MissingModel(f"{entry.name}: this network has no encoder.")
        super().__init__(loaded.name, loaded.digest)
        self._network = loaded.network.to(memory_format=torch.channels_last)
        self._planes = planes_of(Condition())

    @torch.inference_mode()
    def maps(self, pixels: Tensor) -> tuple[Tensor, ...]:
        scales = [self._network.encode(one, self._planes) for one in _alone(pixels, SIZE_MULTIPLE)]
        return tuple(_joined(maps, pixels, 2 << level) for level, maps in enumerate(zip(*scales, strict=True)))


class CodecEncoder(Encoder):
    """The latents of a codec at 1/16, before quantisation."""

    def __init__(self, entry: CatalogEntry) -> None:
        loaded = codec_models.load(entry)
        super().__init__(loaded.name, loaded.digest)
        self._network: LatentCodec = loaded.network
        self._planes = planes_of(Condition(0.0, 0.0))

    @torch.inference_mode()
    def maps(self, pixels: Tensor) -> tuple[Tensor, ...]:
        latents = [self._network.analysis(one, self._planes) for one in _alone(pixels, _CODEC_MULTIPLE)]
        return (_joined(latents, pixels, 16),)


class CodeEncoder(Encoder):
    """The code of a trained autoencoder."""

    codes = True

    def __init__(self, entry: CatalogEntry) -> None:
        from denoiser.workbench.autoencoder import load_autoencoder  # needs scikit-learn, other encoders do not

        super().__init__(entry.name, entry.card.sha256)
        self.network = load_autoencoder(entry.path)

    def maps(self, pixels: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG002
        raise UsageError(f"{self.name}: an autoencoder has a code, not feature maps.", hint=_OTHERS)

    def features(self, pixels: Pixels) -> Features:
        code: Features = self.network.transform(self.inputs(pixels))[0]
        return code

    def inputs(self, pixels: Pixels) -> Features:
        """The pixels as the autoencoder takes them: (1, H, W) or (1, H, W, 3) in 0..1."""
        channels, *size = self.network.image_shape
        values = functional.interpolate(_as_tensor(pixels), size, mode="area").permute(0, 2, 3, 1)
        return (values.mean(3) if channels == 1 else values).numpy()


def load_encoder(name: str) -> Encoder:
    """The encoder of "fast", "best", "codec", another installed model, or the path of a .safetensors file.

    Raises MissingModel if there is none, UsageError for a file that is no model, UntrustedWeights for a bad one.
    """
    if Path(name).suffix == ".dlf":
        raise UsageError(
            f"{name}: is a compressed image, not a model.",
            hint=_OTHERS,
        )
    entry = catalog.find(name, "cpu")
    match entry.card.task:
        case "denoiser":
            return DenoiserEncoder(entry)
        case codec_models.TASK:
            return CodecEncoder(entry)
        case _ if entry.card.task == AUTOENCODER:
            return CodeEncoder(entry)
    raise MissingModel(f"{entry.name} is of the kind {entry.card.task!r}, which has no encoder.", hint=_OTHERS)


def _as_tensor(pixels: Pixels) -> Tensor:
    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None].float() / 255


def _alone(pixels: Tensor, multiple: int) -> tuple[Tensor, ...]:
    """Each image as (1, 3, H, W), its last row and column repeated until both sides are multiples."""
    height, width = pixels.shape[2:]
    padded = functional.pad(pixels, (0, -width % multiple, 0, -height % multiple), mode="replicate")
    return torch.split(padded.contiguous(memory_format=torch.channels_last), 1)


def _joined(maps: list[Tensor] | tuple[Tensor, ...], pixels: Tensor, scale: int) -> Tensor:
    """The maps of a batch of *pixels* without padding."""
    height, width = (-(-side // scale) for side in pixels.shape[2:])
    return torch.cat([one[:, :, :height, :width] for one in maps])
