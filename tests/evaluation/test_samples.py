import numpy as np
import pytest

from denoiser import imageio
from denoiser.errors import UnusableData
from denoiser.evaluation import samples
from denoiser.image import from_numpy


def test_white_noise_is_the_level_the_seed_and_no_clipping():
    clean = np.zeros((200, 200, 3), np.uint8)
    noisy = samples.with_white_noise(clean, 25, "a")
    assert np.array_equal(noisy, samples.with_white_noise(clean, 25, "a"))
    assert not np.array_equal(noisy, samples.with_white_noise(clean, 25, "b"))
    assert float(noisy.std() * 255) == pytest.approx(25, rel=0.01)
    assert noisy.min() < -0.2


def test_the_same_noise_in_this_and_every_later_version():
    """Figures of different years must stand on the same noise."""
    noisy = samples.with_white_noise(np.full((2, 2, 3), 128, np.uint8), 25, "101085")
    first = (noisy[0, 0] * 255).tolist()
    assert first == pytest.approx([74.7318, 129.1250, 129.1041], abs=1e-3)


def test_a_white_set_gives_the_same_sample_twice(photos):
    white = samples.white_set(photos, 15)
    assert white.names == ("astronaut", "chelsea", "coffee") and len(white) == 3
    one, again = white.load(1), white.load(1)
    assert np.array_equal(one.noisy, again.noisy)
    assert one.level == 15 and one.source.bits == 32 and one.truth.dtype == np.uint8
    assert [sample.name for sample in samples.white_set(photos, 15, limit=1)] == ["chelsea"]


def test_grey_is_one_channel_weighed_as_the_papers_do(tmp_path):
    imageio.write(from_numpy(np.full((12, 12, 3), (200, 100, 50), np.uint8)), tmp_path / "a.png")
    sample = samples.white_set(tmp_path, 5, grey=True).load(0)
    assert sample.truth.shape == sample.noisy.shape == (12, 12, 1)
    assert sample.truth[0, 0, 0] == round(0.2989 * 200 + 0.587 * 100 + 0.114 * 50)


def test_deep_pictures_are_measured_in_8_bits():
    deep = from_numpy(np.full((3, 3, 1), 0xFFFF, np.uint16))
    assert (samples.as_8_bit(deep, "deep") == 255).all()
    with pytest.raises(UnusableData, match=r"float\.tif"):
        samples.as_8_bit(from_numpy(np.zeros((3, 3, 3), np.float32)), "float.tif")


def test_pairs_of_different_size_are_named(tmp_path):
    imageio.write(from_numpy(np.zeros((40, 40, 3), np.uint8)), tmp_path / "a__noisy.png")
    imageio.write(from_numpy(np.zeros((40, 41, 3), np.uint8)), tmp_path / "a__clean.png")
    with pytest.raises(UnusableData, match=r"a__noisy\.png: not the size"):
        samples.pair_set(tmp_path).load(0)


def test_the_middle_is_cut_out_of_all_that_a_sample_holds(photos):
    whole = samples.untouched_set(photos).load(0)
    cut = samples.centre(samples.untouched_set(photos), 32).load(0)
    assert np.array_equal(cut.truth, whole.truth[16:48, 20:52])
    assert np.array_equal(cut.source.pixels, cut.truth) and cut.noisy.shape == cut.truth.shape
    assert samples.centre(samples.untouched_set(photos), 1000).load(0).truth.shape == whole.truth.shape
