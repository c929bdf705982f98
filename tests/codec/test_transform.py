import numpy as np
import pytest
import torch

from denoiser.codec import model
from denoiser.codec.context import Coder
from denoiser.codec.entropy import integer
from denoiser.codec.transform import Transform


@pytest.fixture(scope="module")
def codec(tiny_codec):
    """Its blocks look around them, as new ones do not, or tiles would prove nothing."""
    loaded = model.load(model.find(str(tiny_codec)))
    generator = torch.Generator().manual_seed(2)
    for block in (*loaded.network.analysis.blocks, *loaded.network.synthesis.blocks):
        block.leave.weight.copy_(torch.randn(block.leave.weight.shape, generator=generator) * 0.01)
    return loaded


@pytest.fixture(scope="module")
def fp32(codec):
    return Transform(codec, "cpu", "fp32")


@pytest.fixture(scope="module")
def photo():
    from skimage import data

    return data.astronaut()[:256, 64:384].astype(np.float32) / 255


def test_latents_are_a_sixteenth_and_pixels_come_back(fp32, codec, photo):
    y = fp32.analyse(photo)
    assert y.shape == (codec.exact.latents, 16, 20)
    coded = Coder(codec).encode(y, 63)
    pixels = fp32.synthesise(coded.latents, 63)
    assert pixels.shape == photo.shape
    assert pixels.dtype == np.float32
    assert float(np.square(pixels - photo).mean()) < 0.003, "64 latents of a transform coder"


@pytest.mark.parametrize("way", ["analyse", "synthesise"])
def test_a_tile_with_its_halo_has_the_values_of_the_whole(fp32, photo, way):
    y = fp32.analyse(photo)
    if way == "analyse":
        assert fp32.analysis_halo == 64
        part = fp32.analyse(photo[:, :192])  # 128 pixels and their halo
        np.testing.assert_allclose(part[:, :, :8], y[:, :, :8], atol=1e-4)
        assert np.abs(part[:, :, 11] - y[:, :, 11]).max() > 1e-3, "without a halo there is a difference"
        return
    v = y / 0.1
    whole, part = fp32.synthesise(v, 30), fp32.synthesise(np.ascontiguousarray(v[:, :, :12]), 30)
    np.testing.assert_allclose(part[:, :128], whole[:, :128], atol=1e-4)


def test_bf16_is_as_near_as_pixels_need(codec, fp32, photo):
    bf16 = Transform(codec, "cpu", "bf16")
    latents = Coder(codec).encode(fp32.analyse(photo), 50).latents
    steps = np.abs(bf16.synthesise(latents, 50) - fp32.synthesise(latents, 50)) * 255
    assert steps.max() <= 3
    assert (steps <= 1).mean() > 0.999


def test_pixels_in_bf16_and_fp32_decode_the_same_file(codec, fp32, photo):
    """A file that was analysed in one precision has the same symbols for every decoder."""
    from denoiser.codec.container import TileStream

    bf16 = Transform(codec, "cpu", "bf16")
    for transform in (fp32, bf16):
        coded = Coder(codec).encode(transform.analyse(photo), 44)
        _, symbols = Coder(codec.exact).symbols(TileStream(coded.stream, coded.checksum), (16, 20), 44)
        assert np.array_equal(symbols, coded.symbols)


def test_the_choice_of_numbers_has_a_reason(codec):
    transform = Transform(codec, "cpu", "auto")
    assert transform.precision in ("fp32", "bf16")
    assert transform.reason


@pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() != "AVX512", reason="no fast products of int8")
@pytest.mark.parametrize(("rows", "inner", "columns"), [(1, 1, 1), (3, 7, 5), (96, 3168, 1000), (384, 576, 33)])
def test_products_of_int8_are_exact(rows, inner, columns):
    assert integer._int8_product is not None and integer._usable(np.float32) is np.int8
    dice = np.random.default_rng(inner)
    for low, high in ((-128, 127), (0, 127), (127, 127), (-128, -128)):
        left = dice.integers(-63, 64, (rows, inner)).astype(np.int8)
        right = dice.integers(low, high + 1, (inner, columns)).astype(np.int8)
        left[0] = 63
        right.flags.writeable = False
        found = integer._product(left, right)
        assert (found == left.astype(np.int64) @ right.astype(np.int64)).all()
