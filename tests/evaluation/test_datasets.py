import numpy as np
import pytest

from denoiser import imageio
from denoiser.errors import UnusableData, UsageError
from denoiser.evaluation.samples import clean_images, evenly, real_pairs
from denoiser.image import from_numpy


def _pictures(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        imageio.write(from_numpy(np.zeros((4, 4, 3), np.uint8)), path)


def test_pictures_come_in_a_fixed_order_from_the_whole_tree(tmp_path):
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
def test_nothing_to_measure_on_is_said(tmp_path, find):
    with pytest.raises(UnusableData):
        find(tmp_path)
    with pytest.raises(UsageError, match="no such folder"):
        find(tmp_path / "nowhere")


def test_a_limit_spreads_over_the_folder():
    assert evenly(range(10), 2) == [2, 7]
    assert evenly(range(10), 1) == [5]
    assert evenly(range(3), 7) == evenly(range(3), None) == [0, 1, 2]
    assert len(set(evenly(range(68), 17))) == 17
