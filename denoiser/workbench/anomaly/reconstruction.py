"""Anomalies as what an autoencoder cannot reconstruct, since no good image has it.

Fine structure is reconstructed badly in good images, too. So the error is divided by the error that good images
have where they are equally complex.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from denoiser.networks.anomaly import PatchAutoencoder
from denoiser.training.degrade import Batch
from denoiser.training.recipe import Recipe, Stage
from denoiser.training.run import Run, TrainingTask
from denoiser.training.samples import SampleSource
from denoiser.workbench.anomaly.learning import trained
from denoiser.workbench.anomaly.scorer import GRID, Fitting, Scorer, on_grid

_WIDTHS, _CODE = (32, 48, 64, 96), 16
_FLOOR = 1e-6  # of errors and gradients: far below an 8-bit step squared
_KNOTS = 16  # complexities at which the expected error is stored
_CONTEXT = 5  # values of a map over which complexity is averaged


class ReconstructionScorer(Scorer):
    """The squared error of a convolutional autoencoder, relative to that of good patches as complex."""

    method = "reconstruction"

    def __init__(self, network: PatchAutoencoder, complexities: Tensor, expected: Tensor) -> None:
        self._network = network.eval().requires_grad_(False)
        self._complexities, self._expected = complexities, expected  # logarithms, ascending complexity

    @classmethod
    def fit(cls, good: Sequence[Tensor], held_out: Sequence[Tensor], fitting: Fitting) -> Self:
        network = _network_of(trained(TASK, CropSource(good), fitting))
        pairs = [(complexity(image).flatten(), error(network, image).flatten()) for image in held_out]
        complexities, errors = (torch.cat(values) for values in zip(*pairs, strict=True))
        knots = torch.quantile(_sample(complexities), torch.linspace(0, 1, _KNOTS))
        number = torch.bucketize(complexities, knots[1:-1])
        filled = [number == one for one in range(_KNOTS - 1) if (number == one).any()]
        expected = torch.stack([errors[one].mean() for one in filled])
        middles = torch.stack([complexities[one].mean() for one in filled])
        return cls(network, middles.log(), expected.log())

    def raw_map(self, image: Tensor) -> Tensor:
        return error(self._network, image) / self._expected_at(complexity(image).log()).exp()

    def _expected_at(self, wanted: Tensor) -> Tensor:
        """The expected logarithm of the error, interpolated; constant beyond the complexities of good images."""
        last = len(self._complexities) - 1
        if last == 0:
            return self._expected.expand_as(wanted)
        left = (torch.bucketize(wanted, self._complexities) - 1).clamp(0, last - 1)
        low, high = self._complexities[left], self._complexities[left + 1]
        share = ((wanted - low) / (high - low).clamp_min(_FLOOR)).clamp(0, 1)
        return torch.lerp(self._expected[left], self._expected[left + 1], share)

    def tensors(self) -> Mapping[str, Tensor]:
        values = {"complexities": self._complexities, "expected": self._expected}
        return values | {f"network.{name}": value for name, value in self._network.state_dict().items()}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Self:
        prefix = "network."
        network = _network_of({name[len(prefix) :]: v for name, v in tensors.items() if name.startswith(prefix)})
        return cls(network, tensors["complexities"], tensors["expected"])


def complexity(image: Tensor) -> Tensor:
    """The mean square of the gradients about each part of *image* (3, H, W): (H/4, W/4)."""
    across = functional.pad(image.diff(dim=2), (0, 1)).square()
    down = functional.pad(image.diff(dim=1), (0, 0, 0, 1)).square()
    energy = on_grid((across + down).mean(dim=0)[None, None], image)
    return functional.avg_pool2d(energy, _CONTEXT, 1, _CONTEXT // 2, count_include_pad=False)[0, 0] + _FLOOR


@torch.inference_mode()
def error(network: PatchAutoencoder, image: Tensor) -> Tensor:
    """The squared error of the reconstruction of *image* (3, H, W), averaged over parts: (H/4, W/4)."""
    squared = (network(image.unsqueeze(0))[0] - image).square().mean(dim=0)
    return functional.avg_pool2d(squared[None, None], GRID)[0, 0] + _FLOOR


def _sample(values: Tensor) -> Tensor:
    return values[:: max(1, len(values) // 100_000)]  # torch.quantile takes no more than 16 million


class CropSource:
    """Crops of good *images* (3, H, W)."""

    def __init__(self, images: Sequence[Tensor]) -> None:
        self._images = images

    def draw(self, count: int, patch: int, generator: torch.Generator) -> Batch:
        """*count* crops of *patch* pixels on each side, or of the smallest image."""
        side = min(patch, *(min(image.shape[1:]) for image in self._images))
        crops = []
        for number in torch.randint(len(self._images), (count,), generator=generator).tolist():
            image = self._images[number]
            top, left = (int(torch.randint(limit - side + 1, (), generator=generator)) for limit in image.shape[1:])
            crops.append(image[:, top : top + side, left : left + side])
        pixels = torch.stack(crops)
        return Batch(pixels, pixels, torch.empty(0))


def _loss(run: Run, batch: Batch, _stage: Stage) -> Tensor:
    return functional.mse_loss(run.forward(batch.input), batch.target)


def _new_network(_plan: Recipe, _source: SampleSource, _generator: torch.Generator) -> nn.Module:
    return PatchAutoencoder(_WIDTHS, _CODE)


def _network_of(tensors: Mapping[str, Tensor]) -> PatchAutoencoder:
    network = PatchAutoencoder(_WIDTHS, _CODE)
    network.load_state_dict(dict(tensors))
    return network


TASK = TrainingTask(
    name="anomaly-reconstruction",
    recipe="anomaly-reconstruction",
    loss=_loss,
    build=_new_network,
    tensors=nn.Module.state_dict,
    limits=(),
    bf16=False,
)
