"""Integer layers with the same result on every machine; their exactness is checked at construction.

    layer     x -> W·x + b -> clip((· × multiplier + 2^(shift−1)) >> shift, 0, 127) [-> pixel shuffle]

Weights are −63 … 63, activations 0 … 127 (the last layer's may end lower), the bias may differ with the quality
step. A product of integer matrices is exact in float32 while every sum of magnitudes stays under 2^24, and
in float64 under 2^53, in any order of additions; each layer computes its bound from its weights and
uses the fastest exact type. Everything else is int64.
A trial, once per process, detects libraries that multiply with fewer bits than the type has; they are not used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from denoiser.codec.entropy.tables import LEVELS
from denoiser.errors import InexactWeights

LARGEST_WEIGHT = 63
LARGEST_ACTIVATION = 127
LARGEST_SHIFT = 48
_PLACES_AT_ONCE = 1024  # per matrix product; their 3×3 patches fit the cache
EXACT_IN_FLOAT32, EXACT_IN_FLOAT64, EXACT_IN_INT64 = 1 << 24, 1 << 53, 1 << 62

Activations = NDArray[np.uint8]
Kind = type[np.number[Any]]  # number type of matrix products
Product = Callable[[NDArray[np.int8], NDArray[np.int8]], NDArray[np.int32]]


@dataclass(frozen=True, eq=False)
class IntegerLayer:
    """One layer. Raises InexactWeights if it cannot be exact. Thread-safe."""

    # (out, in·kernel²), as torch's unfold lays out its rows: channel, then row, then column
    weight: NDArray[np.int8]
    bias: NDArray[np.int32]  # (1, out), or (64, out): a row for each quality step
    multiplier: NDArray[np.int32]  # (out,), positive
    shift: int
    kernel: int = 1  # 1, or 3 with zero padding
    shuffle: bool = False  # four channels become one of twice the height and width, as torch's pixel_shuffle has it

    def __post_init__(self) -> None:
        weight, bias = _whole(self.weight, 2), _whole(self.bias, 2)
        multiplier = _whole(self.multiplier, 1)
        out = len(weight)
        if self.kernel not in (1, 3) or not out or not weight.shape[1] or weight.shape[1] % self.kernel**2:
            raise InexactWeights(f"A layer of {weight.shape} weights cannot have a kernel of {self.kernel}.")
        if bias.shape not in ((1, out), (LEVELS, out)) or multiplier.shape != (out,):
            raise InexactWeights(
                f"A layer of {out} channels has {bias.shape} biases, {multiplier.shape} multipliers."
            )
        if np.abs(weight).max() > LARGEST_WEIGHT:
            raise InexactWeights(f"A weight is outside ±{LARGEST_WEIGHT}.")
        if np.abs(bias).max() >= 1 << 31 or multiplier.min() < 1 or multiplier.max() >= 1 << 31:
            raise InexactWeights("A bias or multiplier exceeds 31 bits, or a multiplier is not positive.")
        if not 1 <= self.shift <= LARGEST_SHIFT:
            raise InexactWeights(f"A shift must be 1 to {LARGEST_SHIFT}, not {self.shift}.")
        if self.shuffle and out % 4:
            raise InexactWeights(f"{out} channels cannot be shuffled: not a multiple of four.")
        for name, array, kind in (
            ("weight", weight, np.int8), ("bias", bias, np.int32), ("multiplier", multiplier, np.int32)
        ):  # fmt: skip
            frozen = array.astype(kind)
            frozen.flags.writeable = False
            object.__setattr__(self, name, frozen)

    @property
    def channels_in(self) -> int:
        return int(self.weight.shape[1]) // self.kernel**2

    @property
    def channels_out(self) -> int:
        return len(self.weight) // (4 if self.shuffle else 1)

    def largest_sum(self, largest_input: int) -> int:
        """Upper bound of every partial sum, before the bias, for inputs within ±*largest_input*."""
        return int(np.abs(self.weight.astype(np.int64)).sum(axis=1).max()) * largest_input

    def proven_kind(self, largest_input: int) -> Kind:
        """The number type in which the product is exact; raises InexactWeights if int64 can overflow."""
        sums = self.largest_sum(largest_input)
        with_bias = sums + int(np.abs(self.bias.astype(np.int64)).max())
        if sums >= EXACT_IN_FLOAT64 or (with_bias + 1) * int(self.multiplier.max()) >= EXACT_IN_INT64:
            raise InexactWeights("The sums of a layer could exceed the exact range.")
        return np.float32 if sums < EXACT_IN_FLOAT32 else np.float64

    def evaluate(self, x: NDArray[Any], level: int, top: int, kind: Kind) -> Activations:
        """Activations (channels, height, width) from 0 to *top*, computed in *kind*."""
        height, width = x.shape[1:]
        rim = self.kernel // 2
        kind = _usable(kind)
        padded = np.pad(x.astype(kind), ((0, 0), (rim, rim), (rim, rim)))
        factors, rows = self.weight.astype(kind), max(1, _PLACES_AT_ONCE // width)
        found = np.empty((len(self.weight), height, width), np.uint8)
        for row in range(0, height, rows):
            band = padded[:, row : row + rows + 2 * rim]
            sums = _product(factors, _columns(band, self.kernel))
            found[:, row : row + rows] = self._requantised(sums, level, top).reshape(len(sums), -1, width)
        return _shuffled(found) if self.shuffle else found

    def _requantised(self, sums: NDArray[Any], level: int, top: int) -> Activations:
        """(sums + bias) * multiplier / 2^shift, rounded and clipped to 0..*top*; (out, places)."""
        bias = self.bias[level if len(self.bias) > 1 else 0].astype(np.int64)
        multiplier = self.multiplier.astype(np.int64)
        offset = bias * multiplier + (1 << (self.shift - 1))
        if not self._fits_float64:
            scaled = (sums.astype(np.int64) * multiplier[:, np.newaxis] + offset[:, np.newaxis]) >> self.shift
            found: Activations = np.clip(scaled, 0, top).astype(np.uint8)
            return found
        step = 2.0**-self.shift  # a power of two, so that every product is exact
        values = np.multiply(sums, (multiplier * step)[:, np.newaxis], dtype=np.float64)
        values += (offset * step)[:, np.newaxis]
        whole: Activations = np.clip(values, 0, top, out=values).astype(np.uint8)  # rounds down
        return whole

    @cached_property
    def _fits_float64(self) -> bool:
        most = self.largest_sum(128) + int(np.abs(self.bias.astype(np.int64)).max()) + 1
        return most * int(self.multiplier.max()) + (1 << self.shift) < EXACT_IN_FLOAT64


@dataclass(frozen=True, eq=False)
class IntegerNetwork:
    """A sequence of layers, from inputs of a given range to activations from 0 to *top*. Thread-safe."""

    layers: tuple[IntegerLayer, ...]
    lowest: int = 0  # inputs outside the range are clipped
    highest: int = LARGEST_ACTIVATION
    top: int = LARGEST_ACTIVATION

    def __post_init__(self) -> None:
        if not self.layers or not -128 <= self.lowest <= 0 <= self.highest <= LARGEST_ACTIVATION:
            raise InexactWeights(f"A network needs layers, and inputs within -128 to {LARGEST_ACTIVATION}.")
        if not 1 <= self.top <= LARGEST_ACTIVATION:
            raise InexactWeights(f"The largest output must be 1 to {LARGEST_ACTIVATION}, not {self.top}.")
        for before, after in zip(self.layers, self.layers[1:], strict=False):
            if before.channels_out != after.channels_in:
                raise InexactWeights(
                    f"{before.channels_out} channels do not match the next layer's {after.channels_in}."
                )
        _ = self._kinds

    @property
    def channels_in(self) -> int:
        return self.layers[0].channels_in

    @property
    def channels_out(self) -> int:
        return self.layers[-1].channels_out

    @property
    def enlargement(self) -> int:
        """Upsampling factor of the output."""
        return 1 << sum(layer.shuffle for layer in self.layers)

    def evaluate(self, x: NDArray[Any], level: int) -> Activations:
        """Output (channels, height, width) for the integers *x* at a quality step."""
        if not np.issubdtype(x.dtype, np.integer) or x.ndim != 3 or len(x) != self.channels_in:
            raise ValueError(f"expected integers ({self.channels_in}, height, width), not {x.dtype} {x.shape}")
        found: NDArray[Any] = np.clip(x, self.lowest, self.highest)
        tops = (*[LARGEST_ACTIVATION] * (len(self.layers) - 1), self.top)
        for layer, top, kind in zip(self.layers, tops, self._kinds, strict=True):
            found = layer.evaluate(found, level, top, kind)
        return found

    @cached_property
    def _kinds(self) -> tuple[Kind, ...]:
        largest = [max(-self.lowest, self.highest), *([LARGEST_ACTIVATION] * (len(self.layers) - 1))]
        return tuple(layer.proven_kind(number) for layer, number in zip(self.layers, largest, strict=True))


@cache
def multiplies_exactly(kind: Kind) -> bool:
    """Whether this machine multiplies large integer matrices exactly in *kind*, checked by row sums."""
    dice = np.random.default_rng(0)
    weights = dice.integers(-LARGEST_WEIGHT, LARGEST_WEIGHT + 1, (64, 1152))
    x = dice.integers(0, LARGEST_ACTIVATION + 1, (1152, 256))
    found = _product(weights.astype(kind), x.astype(kind)).astype(np.int64)
    signs = dice.integers(-9, 10, len(weights))
    return bool(np.array_equal(signs @ found, (signs @ weights) @ x))


def _usable(kind: Kind) -> Kind:
    """The fastest type that is exact on this machine where *kind* is exact in theory."""
    if kind is np.float32 and _int8_product is not None and multiplies_exactly(np.int8):
        return np.int8
    return kind if multiplies_exactly(kind) else np.int64  # type: ignore[arg-type]  # types are hashable


def multiply_int8_with(product: Product | None) -> None:
    """Use *product* for matrices of int8 from now on, if it is exact; None: int8 is not used."""
    global _int8_product  # noqa: PLW0603 - set once, when torch is loaded; results do not depend on it
    _int8_product = product
    multiplies_exactly.cache_clear()


_int8_product: Product | None = None


def _product(factors: NDArray[Any], columns: NDArray[Any]) -> NDArray[Any]:
    """The product of two matrices; sums of int8 are int32."""
    if _int8_product is not None and factors.dtype == np.int8:
        return _int8_product(factors, columns)
    found: NDArray[Any] = factors @ columns
    return found


def _columns(padded: NDArray[Any], kernel: int) -> NDArray[Any]:
    """The input patches as a matrix (in·kernel², positions), as by torch's unfold."""
    if kernel == 1:
        return padded.reshape(len(padded), -1)
    windows = sliding_window_view(padded, (kernel, kernel), axis=(1, 2))
    columns: NDArray[Any] = windows.transpose(0, 3, 4, 1, 2).reshape(len(padded) * kernel**2, -1)
    return columns


def _shuffled(x: Activations) -> Activations:
    channels, height, width = x.shape
    blocks = x.reshape(channels // 4, 2, 2, height, width).transpose(0, 3, 1, 4, 2)
    shuffled: Activations = blocks.reshape(channels // 4, 2 * height, 2 * width)
    return shuffled


def _whole(array: NDArray[Any], dimensions: int) -> NDArray[np.int64]:
    if not np.issubdtype(array.dtype, np.integer) or array.ndim != dimensions:
        raise InexactWeights(
            f"Layer arrays must be integers in {dimensions} dimensions, not {array.dtype} {array.shape}."
        )
    return array.astype(np.int64)
