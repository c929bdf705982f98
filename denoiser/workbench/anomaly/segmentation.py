"""Anomalies as what a small network marks that was trained on self-made defects in good images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from denoiser.networks.anomaly import DefectHead
from denoiser.training.degrade import Batch
from denoiser.training.recipe import Recipe, Stage
from denoiser.training.run import Run, TrainingTask
from denoiser.training.samples import SampleSource
from denoiser.workbench.anomaly.defects import TRAINED_KINDS, painted
from denoiser.workbench.anomaly.learning import trained
from denoiser.workbench.anomaly.scorer import Fitting, Scorer, on_grid
from denoiser.workbench.encoder import Encoder, load_encoder

_CLEAN_SHARE = 0.2  # of the training samples
_LIGHT = (0.9, 1.1)  # brightness of samples, relative to the image
_DEFECT_WEIGHT = 4.0  # defects are small; more of the loss than their area
_SAMPLES_TO_ADAPT = 16
_CHANNELS, _WIDTHS = (48, 96, 128), (24, 48, 64)


class SegmentationScorer(Scorer):
    """Marks defects with a head on the frozen encoder."""

    method = "segmentation"

    def __init__(self, head: DefectHead) -> None:
        self._head = head.eval().requires_grad_(False)

    @classmethod
    def fit(cls, good: Sequence[Tensor], held_out: Sequence[Tensor], fitting: Fitting) -> Self:  # noqa: ARG003
        return cls.from_tensors(trained(TASK, DefectSource(good), fitting))

    @torch.inference_mode()
    def raw_map(self, image: Tensor) -> Tensor:
        pixels = image.unsqueeze(0)
        logits = self._head(pixels, _encoder().maps(pixels))
        return on_grid(functional.softplus(logits), image)[0, 0]

    def tensors(self) -> Mapping[str, Tensor]:
        return self._head.state_dict()

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Self:
        head = DefectHead(_CHANNELS, _WIDTHS)
        head.load_state_dict(dict(tensors))
        return cls(head)


class DefectSource:
    """Crops of good *images* (3, H, W), most with a self-made defect; the target is how defective each pixel is."""

    def __init__(self, images: Sequence[Tensor]) -> None:
        self._images = [image.permute(1, 2, 0).numpy() for image in images]

    def draw(self, count: int, patch: int, generator: torch.Generator) -> Batch:
        """*count* crops of *patch* pixels on each side, or of the smallest image."""
        rng = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
        side = min(patch, *(min(image.shape[:2]) for image in self._images))
        inputs, targets = [], []
        for _ in range(count):
            image, other = (self._images[number] for number in rng.integers(len(self._images), size=2))
            top, left = (rng.integers(limit - side + 1) for limit in image.shape[:2])
            crop, defective = image[top : top + side, left : left + side], np.zeros((side, side))
            if rng.random() >= _CLEAN_SHARE:
                crop, defective = painted(crop, other, TRAINED_KINDS, rng)
            inputs.append(torch.from_numpy(np.clip(crop * np.float32(rng.uniform(*_LIGHT)), 0, 1)))
            targets.append(torch.from_numpy(defective).float())
        pixels = torch.stack(inputs).permute(0, 3, 1, 2).contiguous()
        return Batch(pixels, torch.stack(targets).unsqueeze(1), torch.empty(0))


def _loss(run: Run, batch: Batch, _stage: Stage) -> Tensor:
    """Binary cross-entropy with the share of a defect as the target."""
    maps = [one.clone() for one in _encoder().maps(batch.input)]  # clones can be differentiated through
    logits = run.forward(batch.input, maps)
    target = functional.max_pool2d(batch.target, 2)
    return functional.binary_cross_entropy_with_logits(logits, target, weight=1 + _DEFECT_WEIGHT * target)


def _new_head(_plan: Recipe, source: SampleSource, generator: torch.Generator) -> nn.Module:
    stage = _plan.stages[0]
    pixels = source.draw(_SAMPLES_TO_ADAPT, stage.patch, generator).input
    head = DefectHead(_CHANNELS, _WIDTHS)
    head.adapt(pixels, _encoder().maps(pixels))
    return head


@cache
def _encoder() -> Encoder:
    return load_encoder("fast")


TASK = TrainingTask(
    name="anomaly-segmentation",
    recipe="anomaly-segmentation",
    loss=_loss,
    build=_new_head,
    tensors=nn.Module.state_dict,
    limits=(),
    bf16=False,
)
