import numpy as np
import pytest
import torch
from reference_layers import index_int64

from denoiser.codec import model
from denoiser.codec.container import TileStream
from denoiser.codec.context import PASSES, Coder, masks
from denoiser.errors import DamagedLatent
from denoiser.networks.codec.context_model import pass_masks, tiled

STEPS = (0, 21, 42, 63)


@pytest.fixture(scope="module")
def codec(tiny_codec):
    return model.load(model.find(str(tiny_codec)))


@pytest.fixture(scope="module")
def latents(codec):
    rng = np.random.default_rng(0)
    strength = np.exp(-np.arange(64) / 12)[:, None, None]
    return (rng.laplace(size=(64, 8, 12)) * strength).astype(np.float32)


def test_passes_cover_each_latent_once():
    found = masks(16, 5, 7)
    assert found.shape == (PASSES, 16, 5, 7)
    assert (found.sum(axis=0) == 1).all()
    assert np.array_equal(found, tiled(pass_masks(16), 5, 7).numpy()), "training and coding mean the same passes"


@pytest.mark.parametrize("step", STEPS)
def test_a_tile_decodes_to_the_symbols_and_latents_that_went_in(codec, latents, step):
    coder = Coder(codec)
    coded = coder.encode(latents, step)
    tile = TileStream(coded.stream, coded.checksum)
    z, symbols = Coder(codec.exact).symbols(tile, latents.shape[1:], step)
    assert np.array_equal(z, coded.z)
    assert np.array_equal(symbols, coded.symbols)
    assert np.array_equal(coder.latents(z, symbols, step), coded.latents)


def test_latents_come_back_within_half_a_step_where_nothing_is_saved(codec, latents):
    coded = Coder(codec).encode(latents, 50, thrift=0)
    v = codec.network.gains.scale(torch.from_numpy(latents)[None], torch.tensor([50]))[0].numpy()
    assert np.abs(coded.latents - v).max() <= 0.5 + 1e-4


def test_thrift_saves_bits(codec, latents):
    plain, thrifty = (Coder(codec).encode(latents, 20, thrift=thrift) for thrift in (0, 1))
    assert len(thrifty.stream) < len(plain.stream)
    assert (np.abs(thrifty.symbols) <= np.abs(plain.symbols).max()).all()


def test_higher_steps_take_more_bytes_and_come_nearer(codec, latents):
    coded = [Coder(codec).encode(latents, step) for step in STEPS]
    sizes = [len(one.stream) for one in coded]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1] / 2
    errors = []
    for one, step in zip(coded, STEPS, strict=True):
        back = codec.network.gains.restore(torch.from_numpy(one.latents)[None], torch.tensor([step]))[0].numpy()
        errors.append(float(np.square(back - latents).mean()))
    assert errors == sorted(errors, reverse=True)


def test_the_bytes_are_what_the_tables_say(codec, latents):
    coder = Coder(codec)
    for step in STEPS:
        coded = coder.encode(latents, step)
        assert 8 * len(coded.stream) == pytest.approx(coder.bits(coded.z, coded.symbols, step), rel=0.005, abs=48)


def test_symbols_do_not_depend_on_threads(codec, latents):
    streams = []
    for threads in (1, 2):
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            streams.append(Coder(codec).encode(latents, 30).stream)
        finally:
            torch.set_num_threads(before)
    assert streams[0] == streams[1]


def test_tables_equal_their_twins_in_int64(codec, latents):
    coded = Coder(codec).encode(latents, 40)
    index = codec.exact.index
    features = index.features(coded.z, 40)
    for number in range(PASSES):
        quick = index.index(features, 40, number, coded.symbols)
        assert np.array_equal(quick, index_int64(index, coded.z, 40, number, coded.symbols))
        assert len(np.unique(quick)) > 5, "tables differ from place to place, or the test proves nothing"


def test_latents_beyond_all_tables_come_back(codec, latents):
    wild = latents * 300
    coder = Coder(codec)
    coded = coder.encode(wild, 63)
    _, symbols = coder.symbols(TileStream(coded.stream, coded.checksum), wild.shape[1:], 63)
    assert np.array_equal(symbols, coded.symbols)


def test_another_step_is_a_damaged_file(codec, latents):
    coded = Coder(codec).encode(latents, 40)
    with pytest.raises(DamagedLatent):
        Coder(codec).symbols(TileStream(coded.stream, coded.checksum), latents.shape[1:], 12)
