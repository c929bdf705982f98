"""Tables, symbols and integer networks as random as seeds can make them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from denoiser.codec.entropy import tables as builders
from denoiser.codec.entropy.index import IntegerIndexModel
from denoiser.codec.entropy.integer import IntegerLayer, IntegerNetwork
from denoiser.codec.entropy.tables import CodingTables

Draw = Callable[[np.random.Generator, tuple[int, ...]], tuple[np.ndarray, np.ndarray]]
MakeLayer = Callable[..., IntegerLayer]


@pytest.fixture(scope="session")
def tables() -> CodingTables:
    """The shipped kind of scale tables; hyper tables for 6 channels in 4 sets."""
    dice = np.random.default_rng(5)
    spread = dice.uniform(0.3, 4, (4, 6, 1))
    values = np.exp(-np.abs(np.arange(-20, 21)) / spread)
    return CodingTables(
        builders.scale_tables(), builders.hyper_tables(values / values.sum(2, keepdims=True), np.arange(64) // 16)
    )


@pytest.fixture(scope="session")
def drawn() -> Draw:
    """`drawn(dice, shape)`: symbols as a picture has them, a few far out, and the index of the table of each."""
    return _drawn


def _drawn(dice: np.random.Generator, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    index = np.clip(dice.normal(18, 16, shape), 0, 63).astype(np.uint8)
    symbols = np.rint(dice.normal(0, 1, shape) * builders.scales()[index]).astype(np.int32)
    outliers = dice.random(shape) < 0.002
    symbols[outliers] = dice.integers(-(1 << 15), 1 << 15, int(outliers.sum()))
    return symbols, index


@pytest.fixture(scope="session")
def make_layer() -> MakeLayer:
    """A layer with weights in the whole range, scaled so that its activations spread over theirs."""

    def make(
        dice: np.random.Generator,
        channels: int,
        out: int,
        *,
        kernel: int = 1,
        shuffle: bool = False,
        levels: int = 1,
    ) -> IntegerLayer:
        inputs = channels * kernel**2
        typical = 37 * 60 * inputs**0.5  # of a sum: weights and activations of usual size, at random
        scale = dice.uniform(0.5, 1.5, out) * 64 / typical
        return IntegerLayer(
            weight=dice.integers(-63, 64, (out, inputs)).astype(np.int8),
            bias=dice.integers(-4000, 4000, (levels, out)).astype(np.int32),
            multiplier=(scale * (1 << 22)).astype(np.int32),
            shift=22,
            kernel=kernel,
            shuffle=shuffle,
        )

    return make


@pytest.fixture(scope="session")
def index_model(make_layer: MakeLayer) -> IntegerIndexModel:
    """6 hyper channels, 10 features, 12 symbols, 3 passes."""
    dice = np.random.default_rng(11)
    base = IntegerNetwork(
        (
            make_layer(dice, 6, 32, shuffle=True, levels=64),
            make_layer(dice, 8, 40, shuffle=True),
        ),
        lowest=-128,
    )
    passes = [IntegerNetwork((make_layer(dice, 10, 16), make_layer(dice, 16, 12, levels=64)), top=63)]
    for _ in range(2):
        layers = make_layer(dice, 22, 16, kernel=3), make_layer(dice, 16, 12, levels=64)
        passes.append(IntegerNetwork(layers, top=63))
    return IntegerIndexModel(base, tuple(passes))
