"""The inner convolutions of a dense autoencoder in 8-bit integers: their numbers and files. Needs no torch.

Each quantised convolution rounds its input to 256 levels, with one step for each channel, and its kernel to
-127..127, with one scale for each output:

    y = scale · conv(round(x / step), kernel)        x is -128..127 steps; 0..255 after a ReLU

In a kernel, the magnitudes of two neighbours (channels 0 and 1, 2 and 3, ...) add up to at most 128. Processors
without VNNI multiply both by inputs of 0..255 (signed ones plus 128) and add the two products in 16 bits: they
never overflow.

A *fine* layer adds the convolution of what rounding left over, with a 256th of the step: activations then have 16
bits, at the cost of a second integer convolution. It can be computed in fp32 instead. Downsampling layers cannot be
fine. Everything else (first and last layer, sums) is fp32. `denoiser.training.int8` makes the numbers,
`openvino_network` runs them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from denoiser.errors import UntrustedWeights

FLOAT = ("head", "tail")  # in fp32 always: they see and make pixels
LARGEST, LARGEST_PAIR = 127, 128  # of the magnitudes in a kernel: of one number, and of two neighbours together
_FINE, _WEIGHTS = "fine", "weights"  # keys of the metadata

Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Int8Layer:
    """The numbers of one quantised convolution."""

    kernel: NDArray[np.int8]  # (O, C, h, w)
    scale: Values  # (O,)
    step: Values  # (C,)
    fine: bool = False


def is_signed(name: str) -> bool:
    """Whether the input of that layer has both signs; the second of a pair follows a ReLU."""
    return not name.endswith(".second")


def can_be_fine(kernel: NDArray[np.int8]) -> bool:
    """Whether a layer with that kernel can be fine: those with 2x2 kernels cannot."""
    return bool(kernel.shape[2] != 2)


def beside(weights: Path) -> Path:
    """The file with the integers for a weights file."""
    return weights.with_name(f"{weights.stem}.int8.safetensors")


def as_bytes(layers: Mapping[str, Int8Layer], digest: str) -> bytes:
    """The layers as a file, for the weights with that sha256."""
    tensors = {
        f"{name}.{part}": np.ascontiguousarray(getattr(layer, part))  # otherwise written in the wrong order
        for name, layer in layers.items()
        for part in _PARTS
    }
    fine = " ".join(name for name, layer in layers.items() if layer.fine)
    return save(tensors, {_WEIGHTS: digest, _FINE: fine})


def read_layers(path: Path, digest: str) -> dict[str, Int8Layer]:
    """The layers in that file; raise UntrustedWeights if it is invalid or belongs to other weights."""
    try:
        with safe_open(path, "numpy") as file:
            words = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        names = {name.rpartition(".")[0] for name in tensors}
        layers = {name: Int8Layer(*(tensors[f"{name}.{part}"] for part in _PARTS)) for name in sorted(names)}
    except (SafetensorError, OSError, KeyError) as error:
        raise UntrustedWeights(f"{path}: invalid integers of a network ({error}).") from error
    if words.get(_WEIGHTS) != digest:
        raise UntrustedWeights(f"{path}: belongs to other weights.")
    fine = set(words.get(_FINE, "").split())
    return {name: Int8Layer(layer.kernel, layer.scale, layer.step, name in fine) for name, layer in layers.items()}


_PARTS = ("kernel", "scale", "step")


def quantisable(weights: Iterable[str]) -> list[str]:
    """The layers of a network that can be quantised."""
    return [name for name in weights if name not in FLOAT]
