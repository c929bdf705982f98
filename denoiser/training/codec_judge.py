"""The validation of a codec under training, and the export of its weights.

Held-out photos are encoded at some quality steps and compared with JPEG. In exported weights the float parts are
float16; the index path and all tables are whole numbers.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save
from torch import Tensor, nn

from denoiser.atomicfile import whole_file
from denoiser.codec.entropy.index import HIGHEST_INDEX, IntegerIndexModel
from denoiser.codec.entropy.integer import IntegerLayer, IntegerNetwork
from denoiser.codec.entropy.symbols import HYPER_HIGHEST
from denoiser.codec.entropy.tables import CodingTables, hyper_tables, scale_tables
from denoiser.codec.model import INDEX, NETWORK, TABLES, TASK
from denoiser.evaluation.bd_rate import bd_rate
from denoiser.imageio import rivals
from denoiser.models.card import Card, card_as_toml
from denoiser.networks.codec import LatentCodec
from denoiser.networks.codec.context_model import IndexPass
from denoiser.networks.codec.latent_codec import EXACT_PARTS, SIZE_MULTIPLE, Estimate
from denoiser.networks.codec.levels import LEVELS
from denoiser.networks.codec.quantised import QuantisedLayer
from denoiser.networks.conditioning import Condition
from denoiser.training.export import Exported
from denoiser.training.validation import Example, ValidationResult

_COLUMN = "bits against JPEG"
_STEPS = (2, 14, 26, 38, 50, 61)  # of the 64
_SHOWN = 20  # the step that examples are shown at
_CROP = 512
_JPEG = "JPEG"
_JPEG_QUALITIES = (5, 10, 20, 35, 50, 65, 80, 90, 95)
_JPEG_HEADER = 620  # bytes of tables, which weigh more in a crop than in a photo


@dataclass(frozen=True, slots=True)
class CodecJudge:
    """Crops (1, 3, H, W) in 0..1, and what JPEG makes of them: bits per pixel and PSNR."""

    crops: tuple[Tensor, ...]
    jpeg: tuple[tuple[float, float], ...]
    unit: str = "%"

    @classmethod
    def of(cls, pictures: Sequence[Tensor]) -> CodecJudge:
        """Judges by the middles of *pictures* (3, H, W) uint8."""
        crops = tuple(crop for picture in pictures if (crop := _middle(picture)).numel())
        jpeg = tuple(_mean([_by_jpeg(crop, q) for crop in crops]) for q in _JPEG_QUALITIES) if crops else ()
        return cls(crops, jpeg)

    @property
    def columns(self) -> tuple[str, ...]:
        """One, or none where nothing was held out."""
        return (_COLUMN,) if self.crops else ()

    @property
    def details(self) -> tuple[str, ...]:
        """Bits and PSNR by step."""
        if not self.crops:
            return ()
        return tuple(name for step in _STEPS for name in (_bits_at(step), _psnr_at(step)))

    def verdict(self, network: nn.Module, device: torch.device) -> ValidationResult:
        """The percentage of JPEG's bits that *network* saves or wastes, by its own estimate of its bits."""
        if not self.crops:
            return ValidationResult({}, math.nan)
        points = [_mean([_by_network(network, crop, step, device) for crop in self.crops]) for step in _STEPS]
        score = bd_rate(points, self.jpeg)
        details: dict[str, float] = {}
        for step, (bits, quality) in zip(_STEPS, points, strict=True):
            details |= {_bits_at(step): bits, _psnr_at(step): quality}
        return ValidationResult({_COLUMN: score}, -score, details)

    def examples(self, network: nn.Module, device: torch.device) -> list[Example]:
        """JPEG beside the codec at about the same bits, on three of the crops."""
        return [_example(network, crop, device) for crop in self.crops[:3]]


def _example(network: nn.Module, crop: Tensor, device: torch.device) -> Example:
    estimate, bits = _estimated(network, crop, _SHOWN, device)
    eight_bit = _eight_bit(crop)
    files = [rivals.encode(_JPEG, eight_bit, quality) for quality in _JPEG_QUALITIES]
    nearest = min(files, key=lambda data: abs(_jpeg_bits(data, crop) - bits))
    jpeg = torch.from_numpy(rivals.decode(_JPEG, nearest).copy()).permute(2, 0, 1).float() / 255
    before, after = _in_words(_jpeg_bits(nearest, crop), jpeg, crop), _in_words(bits, estimate.pixels[0], crop)
    title = f"JPEG and this codec at about {bits:.1f} bits per pixel"
    return Example(title, jpeg, estimate.pixels[0], crop[0], before, after, ("JPEG", "This codec", "Between them"))


def _in_words(bits: float, picture: Tensor, crop: Tensor) -> str:
    return f"{bits:.2f} bits per pixel, {_psnr(picture, crop[0]):.2f} dB"


def _by_network(network: nn.Module, crop: Tensor, step: int, device: torch.device) -> tuple[float, float]:
    estimate, bits = _estimated(network, crop, step, device)
    return bits, _psnr(estimate.pixels[0], crop[0])


@torch.no_grad()
def _estimated(network: nn.Module, crop: Tensor, step: int, device: torch.device) -> tuple[Estimate, float]:
    planes = Condition(0.0, 0.0).planes().reshape(1, -1, 1, 1).to(device)
    network.eval()
    estimate: Estimate = network(crop.to(device), planes, torch.tensor([step], device=device))
    estimate = Estimate(
        *(value.float().cpu() for value in (estimate.pixels, estimate.latent_bits, estimate.hyper_bits))
    )
    return estimate, float(estimate.latent_bits + estimate.hyper_bits) / crop[0, 0].numel()


def _by_jpeg(crop: Tensor, quality: int) -> tuple[float, float]:
    data = rivals.encode(_JPEG, _eight_bit(crop), quality)
    decoded = torch.from_numpy(rivals.decode(_JPEG, data).copy()).permute(2, 0, 1).float() / 255
    return _jpeg_bits(data, crop), _psnr(decoded, crop[0])


def _jpeg_bits(data: bytes, crop: Tensor) -> float:
    return 8 * max(1, len(data) - _JPEG_HEADER) / crop[0, 0].numel()


def _psnr(picture: Tensor, truth: Tensor) -> float:
    eight_bit = picture.clamp(0, 1).mul(255).round().div(255)
    return -10 * math.log10(float((eight_bit - truth).square().mean()) + 1e-12)


def _eight_bit(crop: Tensor) -> Any:
    return np.ascontiguousarray(crop[0].permute(1, 2, 0).mul(255).round().to(torch.uint8).numpy())


def _middle(picture: Tensor) -> Tensor:
    height, width = (min(_CROP, side // SIZE_MULTIPLE * SIZE_MULTIPLE) for side in picture.shape[1:])
    top, left = (picture.shape[1] - height) // 2, (picture.shape[2] - width) // 2
    return picture[None, :, top : top + height, left : left + width].float().div(255)


def _mean(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return sum(rate for rate, _ in points) / len(points), sum(quality for _, quality in points) / len(points)


def _bits_at(step: int) -> str:
    return f"step {step}, bits"


def _psnr_at(step: int) -> str:
    return f"step {step}, dB"


_STEPS_PER_SET = 4  # quality steps that share tables of hyper symbols: they hardly differ, and tables take room
_LIMITS = (
    "Trained for RGB PSNR on 8-bit photos: drawings, text and screens are not what it has seen.",
    "Noise above sigma 50 is beyond what it has learned to leave out.",
)

Arrays = dict[str, NDArray[Any]]


def write_codec(exported: Exported, path: Path) -> Path:
    """Weights to *path* and their card beside it, each whole."""
    network = exported.network
    assert isinstance(network, LatentCodec), "a codec is exported here"
    arrays = arrays_of(network)
    encoded = save(arrays, metadata={"architecture": exported.recipe.architecture})
    card = Card(
        name=path.stem,
        summary=exported.summary,
        task=TASK,
        architecture=exported.recipe.architecture,
        settings=dict(exported.recipe.settings),
        halo=exported.recipe.halo,
        sha256=hashlib.sha256(encoded).hexdigest(),
        parameters=sum(value.size for value in arrays.values()),
        licence="Apache-2.0",
        training=dict(exported.training),
        metrics=dict(exported.metrics),
        limits=_LIMITS,
    )
    with whole_file(path) as file:
        file.write(encoded)
    with whole_file(path.with_suffix(".toml")) as file:
        file.write(card_as_toml(card).encode())
    return path


def arrays_of(network: LatentCodec) -> Arrays:
    """Everything that a weights file holds of *network*; InexactWeights where sums could lose a bit."""
    floats = {
        name: value.detach().half().cpu().contiguous().numpy()
        for name, value in network.state_dict().items()
        if not name.startswith(EXACT_PARTS)
    }
    return _under(NETWORK, floats) | _under(INDEX, index_model(network).arrays()) | _under(TABLES, _tables(network))


def index_model(network: LatentCodec) -> IntegerIndexModel:
    """The index path of *network* as whole numbers."""
    base = IntegerNetwork(_layers(network.index_base.layers()), lowest=-(HYPER_HIGHEST + 1))
    passes = [one for one in network.index_passes if isinstance(one, IndexPass)]
    return IntegerIndexModel(base, tuple(IntegerNetwork(_layers(p.layers()), top=HIGHEST_INDEX) for p in passes))


def _layers(layers: tuple[QuantisedLayer, ...]) -> tuple[IntegerLayer, ...]:
    return tuple(_layer(layer) for layer in layers)


def _layer(layer: QuantisedLayer) -> IntegerLayer:
    numbers = layer.integers()
    weight, bias, multiplier = (t.cpu().numpy() for t in (numbers.weight, numbers.bias, numbers.multiplier))
    return IntegerLayer(weight, bias, multiplier, numbers.shift, numbers.kernel, numbers.shuffle)


def _tables(network: LatentCodec) -> Arrays:
    values = torch.arange(-HYPER_HIGHEST, HYPER_HIGHEST + 1)
    by_step = network.prior.table(values.to(network.prior.middle.weights.device)).cpu().numpy()
    sets = by_step.reshape(LEVELS // _STEPS_PER_SET, _STEPS_PER_SET, *by_step.shape[1:]).mean(axis=1)
    hyper = hyper_tables(sets, np.arange(LEVELS) // _STEPS_PER_SET)
    return CodingTables(scale_tables(), hyper).arrays()


def _under(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    return {prefix + name: value for name, value in arrays.items()}
