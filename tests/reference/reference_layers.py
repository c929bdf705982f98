"""Reference implementation of the integer layers in int64, as docs/format.md describes them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from denoiser.codec.entropy.index import IntegerIndexModel, magnitude_classes
from denoiser.codec.entropy.integer import LARGEST_ACTIVATION, IntegerLayer, IntegerNetwork


def layer_int64(layer: IntegerLayer, x: NDArray[Any], level: int, top: int) -> NDArray[np.uint8]:
    """Activations from 0 to *top*, computed tap by tap."""
    height, width = x.shape[1:]
    rim = layer.kernel // 2
    padded = np.pad(x.astype(np.int64), ((0, 0), (rim, rim), (rim, rim)))
    taps = layer.weight.astype(np.int64).reshape(len(layer.weight), -1, layer.kernel, layer.kernel)
    sums = np.zeros((len(layer.weight), height, width), np.int64)
    for row in range(layer.kernel):
        for column in range(layer.kernel):
            sums += np.einsum(
                "oi,ihw->ohw", taps[:, :, row, column], padded[:, row : row + height, column : column + width]
            )
    bias = layer.bias[level if len(layer.bias) > 1 else 0].astype(np.int64)
    sums = (sums + bias[:, None, None]) * layer.multiplier.astype(np.int64)[:, None, None]
    found = np.clip((sums + (1 << (layer.shift - 1))) >> layer.shift, 0, top).astype(np.uint8)
    if layer.shuffle:
        quarters = found.reshape(-1, 2, 2, height, width)
        found = np.empty((len(quarters), 2 * height, 2 * width), np.uint8)
        for row in range(2):
            for column in range(2):
                found[:, row::2, column::2] = quarters[:, row, column]
    return found


def network_int64(network: IntegerNetwork, x: NDArray[Any], level: int) -> NDArray[np.uint8]:
    """The output of all layers."""
    found = np.clip(x, network.lowest, network.highest)
    for layer in network.layers[:-1]:
        found = layer_int64(layer, found, level, LARGEST_ACTIVATION)
    return layer_int64(network.layers[-1], found, level, network.top)


def index_int64(
    model: IntegerIndexModel, hyper: NDArray[Any], level: int, number: int = 0, symbols: NDArray[Any] | None = None
) -> NDArray[np.uint8]:
    """The table of each symbol in pass *number*, from the hyper symbols and the known symbols."""
    seen = network_int64(model.base, hyper, level)
    if number:
        seen = np.concatenate([seen, magnitude_classes(symbols)])
    return network_int64(model.passes[number], seen, level)
