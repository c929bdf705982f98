"""Layers of whole numbers give the same everywhere: against the int64 twin, at the extremes, over threads."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from reference_layers import layer_int64, network_int64

from denoiser.codec.entropy import integer
from denoiser.codec.entropy.integer import IntegerLayer, IntegerNetwork, multiplies_exactly, multiply_int8_with
from denoiser.errors import InexactWeights

MakeLayer = Callable[..., IntegerLayer]


def layer(**changes: object) -> IntegerLayer:
    parts = {
        "weight": np.full((4, 18), 3, np.int8),
        "bias": np.zeros((1, 4), np.int32),
        "multiplier": np.full(4, 100, np.int32),
        "shift": 8,
        "kernel": 3,
    }
    return IntegerLayer(**(parts | changes))


@pytest.mark.parametrize(
    ("kernel", "shuffle", "levels"), [(1, False, 1), (3, False, 64), (1, True, 64), (3, True, 1)]
)
@pytest.mark.parametrize("seed", range(3))
def test_the_fast_way_gives_what_int64_gives(
    make_layer: MakeLayer, kernel: int, shuffle: bool, levels: int, seed: int
) -> None:
    dice = np.random.default_rng(seed)
    one = make_layer(dice, 24, 32, kernel=kernel, shuffle=shuffle, levels=levels)
    two = make_layer(dice, one.channels_out, 8)
    network = IntegerNetwork((one, two), lowest=-128)
    x = dice.integers(-128, 128, (24, 9, 13)).astype(np.int8)
    found = network.evaluate(x, level=17)
    assert (found == network_int64(network, x, level=17)).all()
    assert len(np.unique(found)) > 20, "the activations spread, or little was tried"
    assert found.shape == (8, 9 * network.enlargement, 13 * network.enlargement)


@pytest.fixture(params=["int8", "float32"])
def product(request: pytest.FixtureRequest) -> Iterator[str]:
    """The number type of products that are exact in float32: int8 if there is a function for it."""
    before = integer._int8_product
    multiply_int8_with(_int8_product if request.param == "int8" else None)
    yield request.param
    multiply_int8_with(before)


def _int8_product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    assert left.dtype == right.dtype == np.int8
    return left.astype(np.int32) @ right.astype(np.int32)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 3), (7, 33), (40, 56)])
@pytest.mark.parametrize("channels", [1, 3, 130])
def test_int8_and_float32_give_what_int64_gives(
    make_layer: MakeLayer, product: str, channels: int, height: int, width: int
) -> None:
    dice = np.random.default_rng(height)
    one = make_layer(dice, channels, 32, kernel=3, levels=64)
    network = IntegerNetwork((one, make_layer(dice, 32, 8)), lowest=-128)
    assert integer._usable(np.float32) is np.dtype(product).type
    for x in (dice.integers(-128, 128, (channels, height, width)), np.full((channels, height, width), -128)):
        assert (network.evaluate(x, 5) == network_int64(network, x, 5)).all()


def test_int8_products_that_saturate_are_found_out(make_layer: MakeLayer) -> None:
    """As if products were added in 16 bits."""
    before = integer._int8_product
    multiply_int8_with(lambda left, right: _int8_product(left, right).clip(-(1 << 15), (1 << 15) - 1))
    try:
        assert not multiplies_exactly(np.int8)
        assert integer._usable(np.float32) is np.float32
    finally:
        multiply_int8_with(before)


@pytest.mark.parametrize("multiplier", [1, 1 << 20, (1 << 31) - 1])
@pytest.mark.parametrize("shift", [1, 24, 48])
def test_requantisation_is_that_of_int64(product: str, multiplier: int, shift: int) -> None:
    dice = np.random.default_rng(shift)
    weight, bias = dice.integers(-63, 64, (8, 300)), dice.integers(-99, 99, (1, 8))
    one = IntegerLayer(weight, bias, np.full(8, multiplier), shift)
    x = dice.integers(0, 128, (300, 5, 6))
    assert (one.evaluate(x, 0, 127, np.float32) == layer_int64(one, x, 0, 127)).all()


def test_requantisation_beyond_float64_is_exact() -> None:
    """One less than 66 * 2^48, before the shift by 48: float64 would round it up."""
    bias, multiplier = 52_211_239, 353_115_753
    assert bias * multiplier + (1 << 47) == 66 * (1 << 48) - 1
    one = IntegerLayer(np.array([[0]]), np.array([[bias]]), np.array([multiplier]), shift=48)
    assert IntegerNetwork((one,)).evaluate(np.zeros((1, 1, 1), int), 0).item() == 65


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("channels", [200, 2100])
def test_the_extremes_are_exact(channels: int, sign: int) -> None:
    """The largest weights and inputs: sums just under 2^24 in float32, and beyond it in float64."""
    weight = np.full((2, channels), 63 * sign, np.int8)
    weight[1, ::2] *= -1  # cancels to nothing, on the way to sums as large as any
    one = IntegerLayer(weight, np.array([[1, -1]]), np.array([(1 << 31) - 1, 1]), shift=48)
    for value in (0, 126, 127):
        x = np.full((channels, 3, 3), value)
        found = IntegerNetwork((one,)).evaluate(x, 0)
        assert (found == network_int64(IntegerNetwork((one,)), x, 0)).all()
    kind = one.proven_kind(127)
    assert kind is (np.float32 if channels * 127 * 63 < 1 << 24 else np.float64)


def test_numbers_of_too_few_bits_are_found_out_and_not_used(make_layer: MakeLayer) -> None:
    """As if a library multiplied in half precision where it says float32."""
    assert multiplies_exactly(np.float32) and multiplies_exactly(np.float64) and multiplies_exactly(np.int64)
    with np.errstate(all="ignore"):
        assert not multiplies_exactly(np.float16)
    dice = np.random.default_rng(8)
    one, x = make_layer(dice, 24, 32, kernel=3), dice.integers(0, 128, (24, 9, 13))
    assert (one.evaluate(x, 0, 127, np.float16) == layer_int64(one, x, 0, 127)).all()


def test_sums_are_what_they_are_said_to_be_at_most(make_layer: MakeLayer) -> None:
    dice = np.random.default_rng(3)
    one = make_layer(dice, 24, 32)
    worst = 127 * np.sign(one.weight.astype(int))  # the input that drives each sum as far as it goes
    assert max(abs(row @ x) for row, x in zip(one.weight.astype(int), worst, strict=True)) == one.largest_sum(127)


@pytest.mark.parametrize("x", [-128, -127, -1, 0, 1, 127])
def test_rounding_is_to_nearest_with_halves_up(x: int) -> None:
    one = IntegerLayer(np.array([[1]]), np.array([[60]]), np.array([3]), shift=2)
    found = IntegerNetwork((one,), lowest=-128).evaluate(np.full((1, 1, 1), x), 0)
    assert found.item() == min(max(int(np.floor((x + 60) * 0.75 + 0.5)), 0), 127)


def test_inputs_beyond_the_range_are_clipped() -> None:
    one = IntegerLayer(np.array([[1]]), np.array([[0]]), np.array([2]), shift=1)
    network = IntegerNetwork((one,), lowest=0, highest=15)
    assert network.evaluate(np.array([[[-3, 14, 15, 16, 3000]]]), 0).tolist() == [[[0, 14, 15, 15, 15]]]


def test_a_bias_for_each_quality_step_is_used() -> None:
    one = IntegerLayer(np.array([[0]]), np.arange(64)[:, np.newaxis], np.array([2]), shift=1)
    found = [IntegerNetwork((one,)).evaluate(np.zeros((1, 1, 1), int), level).item() for level in range(64)]
    assert found == list(range(64))


def test_the_last_layer_ends_where_it_is_told() -> None:
    one = IntegerLayer(np.array([[1]]), np.array([[0]]), np.array([2]), shift=1)
    assert IntegerNetwork((one,), top=63).evaluate(np.full((1, 1, 1), 100), 0).item() == 63


def test_kernel_and_shuffle_are_those_of_torch() -> None:
    torch = pytest.importorskip("torch")
    dice = np.random.default_rng(0)
    weight = dice.integers(-5, 6, (8, 3, 3, 3))
    x = dice.integers(0, 2, (3, 5, 7))
    one = IntegerLayer(weight.reshape(8, -1), np.zeros((1, 8), int), np.full(8, 2), 1, kernel=3, shuffle=True)
    found = IntegerNetwork((one,)).evaluate(x, 0)
    sums = torch.nn.functional.conv2d(torch.tensor(x[None]).double(), torch.tensor(weight).double(), padding=1)
    wanted = torch.nn.functional.pixel_shuffle(sums, 2)[0].clamp(0, 127).numpy()
    assert (found == wanted).all() and found.any()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"weight": np.full((4, 18), 64)}, "±63"),
        ({"weight": np.full((4, 18), -64)}, "±63"),
        ({"weight": np.full((4, 18), 3.0)}, "must be integers"),
        ({"weight": np.full((4, 17), 3)}, "kernel of 3"),
        ({"weight": np.full((0, 18), 3)}, "kernel of 3"),
        ({"kernel": 2}, "kernel of 2"),
        ({"bias": np.zeros((2, 4), int)}, "biases"),
        ({"bias": np.full((1, 4), 1 << 31)}, "31 bits"),
        ({"multiplier": np.full(3, 100)}, "multipliers"),
        ({"multiplier": np.full(4, 0)}, "not positive"),
        ({"multiplier": np.full(4, 1 << 31)}, "31 bits"),
        ({"shift": 0}, "shift"),
        ({"shift": 49}, "shift"),
        ({"shuffle": True, "weight": np.full((6, 18), 3), "bias": np.zeros((1, 6), int),
          "multiplier": np.full(6, 1)}, "multiple of four"),
    ],
)  # fmt: skip
def test_a_layer_that_is_not_sound_is_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(InexactWeights, match=words):
        layer(**changes)


def test_sums_that_could_overflow_int64_are_refused() -> None:
    big = IntegerLayer(
        np.full((1, 300_000), 63), np.zeros((1, 1), int), np.full(1, (1 << 31) - 1), shift=48
    )  # 2^31.2 · 2^31
    with pytest.raises(InexactWeights, match="exceed the exact range"):
        IntegerNetwork((big,))


@pytest.mark.parametrize(
    "changes", [{"layers": ()}, {"lowest": -129}, {"lowest": 1}, {"highest": 128}, {"top": 0}, {"top": 128}]
)
def test_a_network_out_of_range_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InexactWeights):
        IntegerNetwork(**({"layers": (layer(),)} | changes))


def test_layers_that_do_not_fit_each_other_are_refused() -> None:
    with pytest.raises(InexactWeights, match="4 channels do not match"):
        IntegerNetwork((layer(), layer()))


@pytest.mark.parametrize("x", [np.zeros((2, 3, 3)), np.zeros((3, 3, 3), int), np.zeros((3, 3), int)])
def test_inputs_of_another_kind_are_refused(x: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected integers"):
        IntegerNetwork((layer(),)).evaluate(x, 0)


_DIGEST = """
import hashlib, sys
import numpy as np
from denoiser.codec.entropy import integer
from denoiser.codec.entropy.integer import IntegerLayer, IntegerNetwork
dice = np.random.default_rng(1)
def make(channels, out, kernel, scale):
    weight = dice.integers(-63, 64, (out, channels * kernel**2))
    return IntegerLayer(weight, dice.integers(-9, 9, (1, out)), dice.integers(scale, 2 * scale, out), 22, kernel)
network = IntegerNetwork((make(160, 96, 3, 2000), make(96, 128, 1, 6000)), top=63)
found = network.evaluate(dice.integers(0, 128, (160, 40, 56)), 0)
assert len(np.unique(found)) > 20
print(hashlib.sha256(found.tobytes()).hexdigest())
"""
_WITH_TORCH = "import denoiser.codec.transform\n"  # brings a product of int8


def test_the_index_is_the_same_for_any_number_of_threads_with_and_without_torch() -> None:
    digests = set()
    for threads, first in (("1", ""), ("2", ""), ("3", ""), ("1", _WITH_TORCH), ("3", _WITH_TORCH)):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        environment = os.environ | dict.fromkeys(names, threads)
        run = subprocess.run(
            [sys.executable, "-c", first + _DIGEST],
            env=environment, capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        digests.add(run.stdout)
    assert len(digests) == 1
