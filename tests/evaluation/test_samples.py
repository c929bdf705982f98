import numpy as np
import pytest

from denoiser import imageio
from denoiser.errors import UnusableData, UsageError
from denoiser.evaluation import samples
from denoiser.evaluation.samples import clean_images, evenly, real_pairs
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


def test_deep_images_are_measured_in_8_bits():
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


def _pictures(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        imageio.write(from_numpy(np.zeros((4, 4, 3), np.uint8)), path)


def test_images_of_the_whole_tree_are_sorted(tmp_path):
    _pictures(tmp_path, "b.png", "a/z.png", "a.png")
    (tmp_path / "notes.txt").write_text("no picture")
    assert [p.relative_to(tmp_path).as_posix() for p in clean_images(tmp_path)] == ["a/z.png", "a.png", "b.png"]


def test_halves_find_each_other_whatever_their_suffix(tmp_path):
    _pictures(tmp_path, "one__noisy.png", "one__clean.tif", "sub/two__noisy.png", "sub/two__clean.png")
    assert [pair.scene for pair in real_pairs(tmp_path)] == ["one", "sub/two"]


def test_halves_in_two_folders_go_by_equal_names(tmp_path):
    _pictures(tmp_path, "noisy/one.png", "clean/one.tif", "noisy/sub/two.png", "clean/sub/two.png", "sheet.png")
    pairs = real_pairs(tmp_path)
    assert [pair.scene for pair in pairs] == ["one", "sub/two"]
    assert pairs[0].noisy == tmp_path / "noisy" / "one.png" and pairs[0].clean == tmp_path / "clean" / "one.tif"


@pytest.mark.parametrize(
    "names",
    [("one__noisy.png", "one__clean.png", "two__noisy.png"), ("noisy/one.png", "clean/one.png", "clean/two.png")],
)
def test_a_half_alone_is_named(tmp_path, names):
    _pictures(tmp_path, *names)
    with pytest.raises(UnusableData, match="two has only one half"):
        real_pairs(tmp_path)


@pytest.mark.parametrize("find", [clean_images, real_pairs])
def test_a_folder_without_images_is_refused(tmp_path, find):
    with pytest.raises(UnusableData):
        find(tmp_path)
    with pytest.raises(UsageError, match="no such folder"):
        find(tmp_path / "nowhere")


def test_a_limit_spreads_over_the_folder():
    assert evenly(range(10), 2) == [2, 7]
    assert evenly(range(10), 1) == [5]
    assert evenly(range(3), 7) == evenly(range(3), None) == [0, 1, 2]
    assert len(set(evenly(range(68), 17))) == 17
