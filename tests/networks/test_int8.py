import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

from denoiser.errors import UntrustedWeights
from denoiser.networks.int8 import Int8Layer, as_bytes, beside, can_be_fine, is_signed, quantisable, read_layers

DIGEST = "ab" * 32


@pytest.fixture
def layers() -> dict[str, Int8Layer]:
    rng = np.random.default_rng(0)
    return {
        name: Int8Layer(
            rng.integers(-64, 65, (6, 4, size, size)).astype(np.int8),
            rng.random(6, dtype=np.float32),
            rng.random(4, dtype=np.float32),
            fine,
        )
        for name, size, fine in (("down_half", 2, False), ("row.0.first", 3, True), ("row.0.second", 3, False))
    }


def test_the_first_and_last_layer_are_not_quantised():
    assert quantisable(["head", "row.0.first", "row.0.second", "tail"]) == ["row.0.first", "row.0.second"]


def test_the_input_of_a_second_layer_has_one_sign_and_2x2_kernels_are_never_fine(layers):
    assert [is_signed(name) for name in layers] == [True, True, False]
    assert [can_be_fine(layer.kernel) for layer in layers.values()] == [False, True, True]


def test_a_file_keeps_the_numbers_in_any_memory_order(layers, tmp_path):
    path = beside(tmp_path / "some.safetensors")
    assert path.name == "some.int8.safetensors"
    turned = {
        name: dataclasses.replace(layer, kernel=np.asfortranarray(layer.kernel)) for name, layer in layers.items()
    }
    path.write_bytes(as_bytes(turned, DIGEST))
    read = read_layers(path, DIGEST)
    assert read.keys() == layers.keys()
    for name, layer in layers.items():
        assert np.array_equal(read[name].kernel, layer.kernel) and read[name].fine == layer.fine
        assert np.array_equal(read[name].scale, layer.scale) and np.array_equal(read[name].step, layer.step)


def test_a_file_for_other_weights_or_a_truncated_one_is_refused(layers, tmp_path):
    path = tmp_path / "a.int8.safetensors"
    path.write_bytes(as_bytes(layers, DIGEST))
    with pytest.raises(UntrustedWeights, match="other weights"):
        read_layers(path, "cd" * 32)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UntrustedWeights, match="invalid"):
        read_layers(path, DIGEST)


def test_it_needs_no_torch():
    assert "import torch" not in Path(sys.modules["denoiser.networks.int8"].__file__).read_text(encoding="utf-8")
