"""Properties of a `denoiser.networks.pyramid` that follow from the sizes of its layers. Needs no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from denoiser.networks.condition import PLANES, NetworkSpec

DENSE = "dense-autoencoder-1"  # the name of this architecture in weights files
ROWS = ("enter_half", "enter_quarter", "bottleneck", "leave_quarter", "leave_half")
STEM = 2  # the stem's unshuffle
LEVELS = 3
SIZE_MULTIPLE = STEM * 2 ** (LEVELS - 1)
RADIUS_OF_PAIR = 2  # of two dense 3x3 layers, in pixels of their scale

# Layers that do not compute at 1/2 compute at this fraction.
_SCALES = {"down_quarter": 4, "enter_quarter": 4, "leave_quarter": 4, "up_half": 4}
_SCALES |= {"down_eighth": 8, "bottleneck": 8, "up_quarter": 8}


def formula_radius(reaches: Sequence[int]) -> int:
    """The receptive radius in pixels, from the radius of each of the five rows in pixels of its scale."""
    at_half = 2 + reaches[0] + reaches[4]  # 2 for head and tail
    return STEM * (at_half + 2 * (reaches[1] + reaches[3]) + 4 * reaches[2])


def kmac_per_pixel(kernels: Mapping[str, int]) -> float:
    """Multiplications per pixel of the image, in thousands, from the number of values of each kernel."""
    return sum(size / _SCALES.get(name.split(".")[0], STEM) ** 2 for name, size in kernels.items()) / 1000


def dense_kernels(widths: Sequence[int], blocks: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """The shapes of all kernels of a `DenseAutoencoder`, by the name of their layer."""
    half, quarter, eighth = widths
    pixels = 3 * STEM**2
    shapes: dict[str, tuple[int, ...]] = {"head": (half, pixels + PLANES, 3, 3), "tail": (pixels, half, 3, 3)}
    shapes |= {"down_quarter": (quarter, half, 2, 2), "down_eighth": (eighth, quarter, 2, 2)}
    shapes |= {"up_quarter.expand": (4 * quarter, eighth, 1, 1), "up_half.expand": (4 * half, quarter, 1, 1)}
    for row, width, count in zip(ROWS, (half, quarter, eighth, quarter, half), blocks, strict=True):
        for index in range(count):
            shapes |= {f"{row}.{index}.{part}": (width, width, 3, 3) for part in ("first", "second")}
    return shapes


def dense_spec(widths: Sequence[int], blocks: Sequence[int], halo: int) -> NetworkSpec:
    """The properties of a `DenseAutoencoder`."""
    sizes = {name: math.prod(shape) for name, shape in dense_kernels(widths, blocks).items()}
    radius = formula_radius([RADIUS_OF_PAIR * count for count in blocks])
    return NetworkSpec(SIZE_MULTIPLE, halo, radius, kmac_per_pixel(sizes), sum(sizes.values()))
