"""Estimates the noise of an image: blocks, a network on statistics of their windows, and one combined estimate.

The network is three small layers, computed here with numpy: importing torch takes longer than the estimate. Figures
are rounded to a hundredth, so that an image has the same estimate everywhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from denoiser.errors import UntrustedWeights
from denoiser.estimation.blocks import Blocks, blocks_of
from denoiser.estimation.estimate import NoiseEstimate, PartEstimate, combine
from denoiser.image import Image
from denoiser.models import catalog
from denoiser.networks.window_statistics import (
    FEATURES,
    Choice,
    Energies,
    Quantisation,
    blockiness,
    compression,
    energies_of,
    summary,
)

WEIGHTS = "estimator"
_BRIGHTNESSES = (0.0, 0.08, 0.2, 0.4, 0.65, np.inf)  # brightness ranges with an estimate each
_FEWEST = 16  # fewest windows for an estimate
_MAP_SIDE = 6  # fields of the map at most, down and across
_OUTPUTS = 6
_LIMIT = 5.0  # of features, in deviations: values beyond were in no training image
_DOUBTS = (-4.0, 2.0)

Values = NDArray[np.float32]


class Estimator:
    """The network of `denoiser.networks.estimator`; raises KeyError or ValueError if *tensors* are not its own."""

    def __init__(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        values = {name: np.asarray(value, np.float32) for name, value in tensors.items()}
        self._mean, self._spread = values["mean"], values["spread"]
        self._layers = [
            (values[f"layers.{number}.weight"], values[f"layers.{number}.bias"]) for number in (0, 2, 4)
        ]
        if self(np.zeros((1, FEATURES), np.float32)).shape != (1, _OUTPUTS):
            raise ValueError("another number of outputs")

    def __call__(self, features: Values) -> Values:
        """(B, FEATURES) to (B, 6): logarithms of luma, chroma and their doubts, logits of kind and noise."""
        x = np.clip((features - self._mean) / self._spread, -_LIMIT, _LIMIT)
        for number, (weight, bias) in enumerate(self._layers):
            x = x @ weight.T + bias
            if number < len(self._layers) - 1:
                x = x * _sigmoid(x)
        x[:, 2:4] = np.clip(x[:, 2:4], *_DOUBTS)
        found: Values = x
        return found


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def estimate_noise(image: Image, *, estimator: Estimator | None = None) -> NoiseEstimate:
    """Estimate the noise of *image*; the same result for every thread count.

    Uses at most half a megapixel, spread over the image. Tiny, flat and fully clipped images have noise 0. The
    default *estimator* is the bundled one; ``load_estimator`` returns others.
    """
    blocks = blocks_of(image)
    energies = energies_of(blocks.values, blocks.seen)
    edges = itertools.pairwise(_BRIGHTNESSES)
    bright = [
        tuple(scale.usable & (scale.brightness >= low) & (scale.brightness < high) for scale in energies)
        for low, high in edges
    ]
    fields, shape = _fields(energies, blocks)
    whole = tuple(scale.usable for scale in energies)
    parts = _estimates(energies, [whole, *bright, *fields], _compression(image, blocks), estimator or _bundled())
    return combine(
        parts[0],
        [part for part in parts[1 : 1 + len(bright)] if part],
        parts[1 + len(bright) :],
        shape=shape,
        grey=blocks.grey,
    )


def _compression(image: Image, blocks: Blocks) -> Values:
    """The known JPEG compression of *image*; for a JPEG stored in another format only its blocks are visible."""
    tables = image.origin.jpeg if image.origin else None
    known = None
    if tables is not None and tables.quantisation:
        luma, chroma = (np.array(table, np.float64) for table in (tables.quantisation * 2)[:2])
        across, down = tables.sampling[0]
        known = Quantisation(luma, chroma, half_chroma=len(tables.sampling) > 1 and across * down > 1)
    return compression(known, blockiness(blocks.values, blocks.seen))


def _fields(energies: tuple[Energies, ...], blocks: Blocks) -> tuple[list[Choice], tuple[int, int]]:
    """The windows of each field of the map, row by row, and its numbers of rows and columns."""
    shape = min(blocks.rows, _MAP_SIDE), min(blocks.columns, _MAP_SIDE)
    down, across = (
        np.arange(count) * fields // count
        for count, fields in zip((blocks.rows, blocks.columns), shape, strict=True)
    )
    number = (down[:, np.newaxis] * shape[1] + across).reshape(-1, 1)
    fields = range(shape[0] * shape[1])
    return [tuple(scale.usable & (number == field) for scale in energies) for field in fields], shape


def _estimates(
    energies: tuple[Energies, ...], choices: list[Choice], compressed: Values, estimator: Estimator
) -> list[PartEstimate | None]:
    usable = [number for number, choice in enumerate(choices) if int(choice[0].sum()) >= _FEWEST]
    parts: list[PartEstimate | None] = [None] * len(choices)
    if not usable:
        return parts
    output = estimator(np.stack([summary(energies, choices[number], compressed) for number in usable]))
    for row, number in zip(output, usable, strict=True):
        first = choices[number][0]
        parts[number] = PartEstimate(
            luma=float(row[0]),
            chroma=float(row[1]),
            luma_doubt=float(row[2]),
            chroma_doubt=float(row[3]),
            kind=float(_sigmoid(row[4])),
            noisy=float(_sigmoid(row[5])),
            brightness=float(energies[0].brightness[first].mean()),
            windows=int(first.sum()),
        )
    return parts


@cache
def _bundled() -> Estimator:
    return load_estimator(WEIGHTS)


def load_estimator(name_or_path: str) -> Estimator:
    """The estimator of that name or in that .safetensors file; raise UntrustedWeights if it is invalid."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    entry = catalog.find(name_or_path, "cpu")
    catalog.verify(entry)
    try:
        return Estimator(load_file(entry.path))
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise UntrustedWeights(f"{entry.path}: not the weights of a noise estimator ({error}).") from error
