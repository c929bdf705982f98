"""The integer part of the context model: the table of each symbol, from hyper symbols and earlier passes.

    hyper symbols -> base -> features --------------┬-> pass 0 -> index
                                                    |
    classes of the symbols so far, by magnitude ----┴-> pass 1 … -> index

Everything is computed with integers (`integer.py`), so encoder and decoder agree on every machine.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from denoiser.codec.entropy.integer import LARGEST_ACTIVATION, Activations, IntegerLayer, IntegerNetwork
from denoiser.codec.entropy.tables import SCALES, Arrays
from denoiser.errors import InexactWeights


def crc_of_symbols(symbols: NDArray[Any], before: int = 0) -> int:
    """CRC-32 of the symbols in their order, each as two bytes, the lower first."""
    return zlib.crc32(symbols.astype("<i2").tobytes(), before)


# First magnitude of each class 0 to 15, by which later passes see a symbol; coarser for large magnitudes.
CLASS_STARTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192)
HIGHEST_INDEX = SCALES - 1


@dataclass(frozen=True, eq=False)
class IntegerIndexModel:
    """The integer networks that compute the index. Raises InexactWeights if their shapes do not match.

    The input of the first pass is the features; later passes also get the class of each known symbol.
    """

    base: IntegerNetwork  # from hyper symbols, -128 to 127, to features
    passes: tuple[IntegerNetwork, ...]

    def __post_init__(self) -> None:
        if self.base.lowest != -128 or not self.passes:
            raise InexactWeights("An index model needs passes, and a base for hyper symbols from -128 to 127.")
        symbols = self.passes[0].channels_out
        for number, network in enumerate(self.passes):
            channels = self.base.channels_out + (symbols if number else 0)
            if (network.channels_in, network.channels_out, network.enlargement) != (channels, symbols, 1):
                raise InexactWeights(f"Pass {number} does not match the features and symbols before it.")
            if (network.lowest, network.highest, network.top) != (0, LARGEST_ACTIVATION, HIGHEST_INDEX):
                raise InexactWeights(f"Pass {number} does not map activations to one of {SCALES} tables.")

    def features(self, hyper: NDArray[Any], level: int) -> Activations:
        """Features for all passes, from hyper symbols (channels, height, width) at a quality step."""
        return self.base.evaluate(hyper, level)

    def index(
        self, features: Activations, level: int, number: int = 0, symbols: NDArray[Any] | None = None
    ) -> Activations:
        """The table, 0 to 63, at every position (channels, height, width), for pass *number*.

        *symbols*, of the same shape, are 0 where unknown; the first pass does not need them.
        """
        if number:
            if symbols is None:
                raise ValueError(f"pass {number} needs the symbols of the passes before it")
            features = np.concatenate([features, magnitude_classes(symbols)])
        return self.passes[number].evaluate(features, level)

    def arrays(self) -> Arrays:
        """Named arrays for a weights file."""
        networks = {"base": self.base} | {f"pass.{number}": one for number, one in enumerate(self.passes)}
        return {name: array for part, network in networks.items() for name, array in _arrays(part, network)}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> IntegerIndexModel:
        """Built from the result of `arrays`; raises InexactWeights if anything is missing or invalid."""
        count = sum(f"pass.{number}.range" in arrays for number in range(len(arrays)))
        try:
            base = _network("base", arrays)
            passes = tuple(_network(f"pass.{number}", arrays) for number in range(count))
        except (KeyError, TypeError, ValueError) as error:
            raise InexactWeights(f"The index model is incomplete ({error}).") from error
        return cls(base, passes)


def magnitude_classes(symbols: NDArray[Any]) -> Activations:
    """Magnitude class of each symbol, 0 to 15."""
    magnitudes = np.minimum(np.abs(symbols.astype(np.int32)), CLASS_STARTS[-1])
    classes: Activations = _CLASS_OF_MAGNITUDE[magnitudes]
    return classes


_CLASS_OF_MAGNITUDE = np.searchsorted(CLASS_STARTS, np.arange(CLASS_STARTS[-1] + 1), side="right").astype(np.uint8)


def _arrays(part: str, network: IntegerNetwork) -> Iterator[tuple[str, NDArray[Any]]]:
    yield f"{part}.range", np.array([network.lowest, network.highest, network.top], np.int32)
    for number, layer in enumerate(network.layers):
        yield f"{part}.{number}.weight", layer.weight
        yield f"{part}.{number}.bias", layer.bias
        yield f"{part}.{number}.multiplier", layer.multiplier
        yield f"{part}.{number}.form", np.array([layer.shift, layer.kernel, layer.shuffle], np.int32)


def _network(part: str, arrays: Mapping[str, NDArray[Any]]) -> IntegerNetwork:
    lowest, highest, top = arrays[f"{part}.range"].tolist()
    layers: list[IntegerLayer] = []
    while f"{part}.{len(layers)}.weight" in arrays:
        layers.append(_layer(f"{part}.{len(layers)}", arrays))
    return IntegerNetwork(tuple(layers), lowest, highest, top)


def _layer(name: str, arrays: Mapping[str, NDArray[Any]]) -> IntegerLayer:
    shift, kernel, shuffle = arrays[f"{name}.form"].tolist()
    weight, bias, multiplier = (arrays[f"{name}.{part}"] for part in ("weight", "bias", "multiplier"))
    return IntegerLayer(weight, bias, multiplier, shift, kernel, bool(shuffle))
