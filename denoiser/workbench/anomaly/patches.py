"""Anomalies as patches that no good image has: distances to the nearest features in a memory.

After PatchCore (Roth et al., "Towards total recall in industrial anomaly detection", CVPR 2022, arXiv 2106.08265),
with the features of our own denoiser and plain colours. Each scale has a memory of its own: whitened features,
reduced to a coreset. A map is in units of what good images reach, and the oddest scale counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional

from denoiser.workbench.anomaly.pixels import torch_seed
from denoiser.workbench.anomaly.scorer import GRID, Fitting, Scorer, blurred, on_grid
from denoiser.workbench.encoder import Encoder, load_encoder

_MOST_ROWS = 30_000  # of features that a coreset is chosen from
_CORESET = 2_000
_PROJECTED = 64  # dimensions in which a coreset is chosen
_RIDGE = 1e-2  # of the whitening, relative to the variance of a feature
_AT_ONCE = 4_096  # rows of features that are compared with a memory


class PatchScorer(Scorer):
    """Distances to the nearest patches of good images."""

    method = "patches"

    def __init__(self, memories: Mapping[str, Memory]) -> None:
        self._memories = memories
        self._encoder = load_encoder("fast")

    @classmethod
    def fit(cls, good: Sequence[Tensor], held_out: Sequence[Tensor], fitting: Fitting) -> Self:
        encoder, generator = load_encoder("fast"), torch_seed(fitting.seed)
        share = max(1, _MOST_ROWS // len(good))
        rows: dict[str, list[Tensor]] = {}
        for number, image in enumerate(good):
            fitting.report(f"Features of image {number + 1} of {len(good)}")
            for name, features in features_of(image, encoder).items():
                flat = features.flatten(1).T
                rows.setdefault(name, []).append(flat[torch.randperm(len(flat), generator=generator)[:share]])
        memories = {}
        for name, several in rows.items():
            fitting.report(f"Selecting patches at scale {name}")
            memories[name] = Memory.of(torch.cat(several), generator)
        scorer = cls(memories)
        highest: dict[str, list[Tensor]] = {name: [] for name in memories}
        for image in held_out:
            fitting.report("Measuring held-out images")
            for name, distances in scorer._distances(image).items():
                highest[name].append(blurred(distances).max())
        for name, memory in memories.items():
            memory.unit = torch.stack(highest[name]).mean()
        return scorer

    def raw_map(self, image: Tensor) -> Tensor:
        distances = self._distances(image)
        return torch.stack([distances[name] / memory.unit for name, memory in self._memories.items()]).amax(dim=0)

    def _distances(self, image: Tensor) -> dict[str, Tensor]:
        size = [side // GRID for side in image.shape[1:]]
        found = {}
        for name, features in features_of(image, self._encoder).items():
            distances = self._memories[name].distances(features.flatten(1).T).reshape(1, 1, *features.shape[1:])
            found[name] = functional.interpolate(distances, size=size, mode="bilinear")[0, 0]
        return found

    def tensors(self) -> Mapping[str, Tensor]:
        return {
            f"{name}.{part}": getattr(memory, part)
            for name, memory in self._memories.items()
            for part in Memory.__slots__
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Self:
        names = dict.fromkeys(name.partition(".")[0] for name in tensors)
        return cls({name: Memory(*(tensors[f"{name}.{part}"] for part in Memory.__slots__)) for name in names})


def features_of(image: Tensor, encoder: Encoder) -> dict[str, Tensor]:
    """Features (C, h, w) by scale of *image* (3, H, W), each averaged with its neighbours."""
    pixels = image.unsqueeze(0)
    half, quarter, eighth = (_averaged(one) for one in encoder.maps(pixels))
    detail = (pixels - functional.avg_pool2d(pixels, 5, 1, 2, count_include_pad=False)).abs()
    colours = torch.cat([on_grid(pixels, image), on_grid(detail, image)], dim=1)
    maps = {"colours": colours, "half": on_grid(half, image), "quarter": quarter, "eighth": eighth}
    return {name: values[0] for name, values in maps.items()}


def _averaged(values: Tensor) -> Tensor:
    return functional.avg_pool2d(values, 3, 1, 1, count_include_pad=False)


@dataclass(slots=True)
class Memory:
    """Whitened features of good patches. *unit* is the distance that good images reach."""

    mean: Tensor
    whitening: Tensor
    bank: Tensor
    unit: Tensor

    @classmethod
    def of(cls, rows: Tensor, generator: torch.Generator) -> Memory:
        """A memory of the features *rows* (N, C)."""
        mean, spread = rows.mean(dim=0), rows.std(dim=0).clamp_min(1e-6)
        standard = ((rows - mean) / spread).double()
        values, axes = torch.linalg.eigh(standard.T @ standard / len(rows))
        whitening = ((axes / (values + _RIDGE).sqrt()).float().T / spread).T.contiguous()
        white = (rows - mean) @ whitening
        return cls(mean, whitening, white[coreset(white, _CORESET, generator)], torch.ones(()))

    def distances(self, rows: Tensor) -> Tensor:
        """The distance (N,) of each of *rows* (N, C) to the nearest in the bank."""
        parts = torch.split((rows - self.mean) @ self.whitening, _AT_ONCE)
        return torch.cat([torch.cdist(part, self.bank).amin(dim=1) for part in parts])


def coreset(rows: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """The numbers of *count* of *rows* (N, C) that cover all: each is the farthest from those chosen before.

    Distances are those of a random projection, which keeps them nearly unchanged.
    """
    projection = torch.randn(rows.shape[1], _PROJECTED, generator=generator) / _PROJECTED**0.5
    points = rows @ projection
    squares = points.square().sum(dim=1)
    chosen = [int(torch.randint(len(points), (), generator=generator))]
    nearest = torch.full((len(points),), torch.inf)
    while len(chosen) < min(count, len(points)):
        last = points[chosen[-1]]
        nearest = torch.minimum(nearest, squares - 2 * (points @ last) + last.square().sum())
        chosen.append(int(nearest.argmax()))
    return torch.tensor(chosen)
