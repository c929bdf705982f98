"""The index is computed alike by the fast way and the twin, and its networks fit each other."""

from __future__ import annotations

import dataclasses
import zlib

import numpy as np
import pytest
from reference_layers import index_int64

from denoiser.codec.entropy.index import (
    CLASS_STARTS,
    IntegerIndexModel,
    crc_of_symbols,
    magnitude_classes,
)
from denoiser.errors import InexactWeights

EXTREMES = {"lowest": -128, "zero": 0, "highest": 127}


def hyper_and_symbols(seed: int) -> tuple[np.ndarray, np.ndarray]:
    dice = np.random.default_rng(seed)
    return dice.integers(-128, 128, (6, 4, 5)), np.rint(dice.standard_cauchy((12, 16, 20)) * 3).astype(np.int32)


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("level", [0, 31, 63])
def test_the_index_of_every_pass_is_that_of_the_twin(
    index_model: IntegerIndexModel, number: int, level: int
) -> None:
    hyper, symbols = hyper_and_symbols(level)
    features = index_model.features(hyper, level)
    found = index_model.index(features, level, number, symbols)
    assert (found == index_int64(index_model, hyper, level, number, symbols)).all()
    assert found.shape == symbols.shape and found.dtype == np.uint8
    assert found.max() <= 63 and len(np.unique(found)) > 10


@pytest.mark.parametrize("value", EXTREMES.values(), ids=EXTREMES)
def test_extreme_inputs_agree_too(index_model: IntegerIndexModel, value: int) -> None:
    hyper, symbols = np.full((6, 2, 2), value), np.full((12, 8, 8), value * 258)
    for number in range(len(index_model.passes)):
        found = index_model.index(index_model.features(hyper, 5), 5, number, symbols)
        assert (found == index_int64(index_model, hyper, 5, number, symbols)).all()


def test_magnitudes_fall_into_sixteen_classes() -> None:
    symbols = np.arange(-32768, 32768, dtype=np.int16)
    wanted = [sum(start <= abs(int(symbol)) for start in CLASS_STARTS) for symbol in symbols]
    assert magnitude_classes(symbols).tolist() == wanted
    assert set(wanted) == set(range(16))


def test_symbols_steer_later_passes_by_the_class_of_their_magnitude(index_model: IntegerIndexModel) -> None:
    hyper, symbols = hyper_and_symbols(3)
    features = index_model.features(hyper, 9)

    def second(symbols: np.ndarray) -> list[int]:
        return index_model.index(features, 9, 1, symbols).ravel().tolist()

    assert second(symbols) == second(-symbols) == second(np.clip(symbols, -192, 192))
    assert second(symbols) != second(np.zeros_like(symbols))
    assert second(np.full((12, 16, 20), -32768, np.int16)) == second(np.full((12, 16, 20), 192))


def test_the_level_steers_the_index(index_model: IntegerIndexModel) -> None:
    hyper, _ = hyper_and_symbols(3)
    low, high = (index_model.index(index_model.features(hyper, level), level) for level in (0, 63))
    assert (low != high).any()


def test_later_passes_need_symbols(index_model: IntegerIndexModel) -> None:
    hyper, _ = hyper_and_symbols(3)
    with pytest.raises(ValueError, match="pass 1 needs the symbols"):
        index_model.index(index_model.features(hyper, 0), 0, 1)


def test_it_survives_a_weights_file(index_model: IntegerIndexModel) -> None:
    found = IntegerIndexModel.of_arrays({name: array.copy() for name, array in index_model.arrays().items()})
    assert {name: array.tolist() for name, array in found.arrays().items()} == {
        name: array.tolist() for name, array in index_model.arrays().items()
    }


@pytest.mark.parametrize("name", ["base.range", "pass.0.range", "base.0.form", "pass.2.1.bias", "pass.1.0.weight"])
def test_a_part_that_is_missing_is_noticed(index_model: IntegerIndexModel, name: str) -> None:
    arrays = index_model.arrays()
    del arrays[name]
    with pytest.raises(InexactWeights):
        IntegerIndexModel.of_arrays(arrays)


def test_networks_that_do_not_fit_are_refused(index_model: IntegerIndexModel) -> None:
    first, second, third = index_model.passes
    for passes in [(), (second, third), (first, first), (first, dataclasses.replace(second, top=127))]:
        with pytest.raises(InexactWeights):
            IntegerIndexModel(index_model.base, passes)
    with pytest.raises(InexactWeights, match="-128 to 127"):
        IntegerIndexModel(dataclasses.replace(index_model.base, lowest=-100), index_model.passes)


def test_symbols_are_summed_as_pairs_of_bytes_whatever_they_are_stored_in() -> None:
    wanted = zlib.crc32(bytes([1, 0, 255, 255, 0, 128]))
    for kind in ("<i2", ">i2", "<i4", ">i8"):
        assert crc_of_symbols(np.array([1, -1, -32768], kind)) == wanted
    assert crc_of_symbols(np.array([-1, -32768]), crc_of_symbols(np.array([1]))) == wanted


def test_symbols_of_any_layout_are_summed_in_their_order() -> None:
    square = np.arange(6).reshape(2, 3)
    assert crc_of_symbols(square.T) == crc_of_symbols(np.array([0, 3, 1, 4, 2, 5]))
