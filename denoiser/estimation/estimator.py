"""Estimates the noise of an image: blocks, a network on statistics of their windows, and one combined estimate.

The network runs on the CPU in fp32 whatever device cleans, and figures are rounded to a hundredth, so that a
image has the same estimate everywhere.
"""

from __future__ import annotations

import itertools
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from denoiser.estimation.blocks import Blocks, blocks_of
from denoiser.estimation.estimate import NoiseEstimate, PartEstimate, combine
from denoiser.image import Image

if TYPE_CHECKING:
    from torch import Tensor

    from denoiser.networks.estimator import Energies, NoiseEstimator

WEIGHTS = "estimator"
_BATCH = 32  # blocks at a time: what they are turned into stays in the cache
_BRIGHTNESSES = (0.0, 0.08, 0.2, 0.4, 0.65, np.inf)  # brightness ranges with an estimate each
_FEWEST = 16  # fewest windows for an estimate
_MAP_SIDE = 6  # fields of the map at most, down and across

Choice = tuple["Tensor", ...]  # which windows, at each scale


def estimate_noise(image: Image, *, estimator: NoiseEstimator | None = None) -> NoiseEstimate:
    """Estimate the noise of *image*; the same result for every thread count.

    Uses at most half a megapixel, spread over the image. Tiny, flat and fully clipped images have noise 0. The
    default *estimator* is the bundled one; ``load_estimator`` returns others.
    """
    blocks = blocks_of(image)
    energies = _energies(blocks)
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


def _energies(blocks: Blocks) -> tuple[Energies, ...]:
    import torch

    from denoiser.networks.estimator import Energies, energies_of

    planes = torch.from_numpy(blocks.values).permute(0, 3, 1, 2)
    seen = torch.from_numpy(blocks.seen)
    with torch.inference_mode():
        pairs = zip(torch.split(planes, _BATCH), torch.split(seen, _BATCH), strict=True)
        batches = [energies_of(*pair) for pair in pairs]
    return tuple(
        Energies(*(torch.cat([getattr(scale, name) for scale in scales]) for name in Energies.__slots__))
        for scales in zip(*batches, strict=True)
    )


def _compression(image: Image, blocks: Blocks) -> Tensor:
    """The known JPEG compression of *image*; for a JPEG stored in another format only its blocks are visible."""
    import torch

    from denoiser.networks.estimator import Quantisation, blockiness, compression

    tables = image.origin.jpeg if image.origin else None
    known = None
    if tables is not None and tables.quantisation:
        luma, chroma = (torch.tensor(table) for table in (tables.quantisation * 2)[:2])
        across, down = tables.sampling[0]
        known = Quantisation(luma, chroma, half_chroma=len(tables.sampling) > 1 and across * down > 1)
    edges = blockiness(torch.from_numpy(blocks.values).permute(0, 3, 1, 2), torch.from_numpy(blocks.seen))
    return compression(known, edges)


def _fields(energies: tuple[Energies, ...], blocks: Blocks) -> tuple[list[Choice], tuple[int, int]]:
    """The windows of each field of the map, row by row, and its numbers of rows and columns."""
    import torch

    shape = min(blocks.rows, _MAP_SIDE), min(blocks.columns, _MAP_SIDE)
    down, across = (
        np.arange(count) * fields // count
        for count, fields in zip((blocks.rows, blocks.columns), shape, strict=True)
    )
    number = torch.from_numpy((down[:, None] * shape[1] + across[None, :]).ravel()).unsqueeze(1)
    fields = range(shape[0] * shape[1])
    return [tuple(scale.usable & (number == field) for scale in energies) for field in fields], shape


def _estimates(
    energies: tuple[Energies, ...], choices: list[Choice], compressed: Tensor, estimator: NoiseEstimator
) -> list[PartEstimate | None]:
    import torch

    from denoiser.networks.estimator import summary

    usable = [number for number, choice in enumerate(choices) if int(choice[0].sum()) >= _FEWEST]
    parts: list[PartEstimate | None] = [None] * len(choices)
    if not usable:
        return parts
    with torch.inference_mode():
        output = estimator(torch.stack([summary(energies, choices[number], compressed) for number in usable]))
    for row, number in enumerate(usable):
        first = choices[number][0]
        parts[number] = PartEstimate(
            luma=float(output.luma[row]),
            chroma=float(output.chroma[row]),
            luma_doubt=float(output.luma_doubt[row]),
            chroma_doubt=float(output.chroma_doubt[row]),
            kind=float(torch.sigmoid(output.kind[row])),
            noisy=float(torch.sigmoid(output.noisy[row])),
            brightness=float(energies[0].brightness[first].mean()),
            windows=int(first.sum()),
        )
    return parts


@cache
def _bundled() -> NoiseEstimator:
    return load_estimator(WEIGHTS)


def load_estimator(name_or_path: str) -> NoiseEstimator:
    """The estimator of that name or in that .safetensors file; raise UntrustedWeights if it is invalid."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from denoiser.errors import UntrustedWeights
    from denoiser.models import catalog
    from denoiser.networks.estimator import NoiseEstimator

    entry = catalog.find(name_or_path, "cpu")
    catalog.verify(entry)
    estimator = NoiseEstimator()
    try:
        tensors: dict[str, Any] = load_file(entry.path)
        estimator.load_state_dict(tensors)
    except (SafetensorError, OSError, RuntimeError) as error:
        raise UntrustedWeights(f"{entry.path}: not the weights of a noise estimator ({error}).") from error
    return estimator.eval().requires_grad_(False)
