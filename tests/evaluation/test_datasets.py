import numpy as np
import pytest

from denoiser import imageio
from denoiser.errors import UnusableData
from denoiser.evaluation.datasets import clean_pictures, real_pairs
from denoiser.image import from_numpy


def _pictures(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        imageio.write(from_numpy(np.zeros((4, 4, 3), np.uint8)), path)


def test_pictures_come_in_a_fixed_order_from_the_whole_tree(tmp_path):
    _pictures(tmp_path, "b.png", "a/z.png", "a.png")
    (tmp_path / "notes.txt").write_text("no picture")
    assert [p.relative_to(tmp_path).as_posix() for p in clean_pictures(tmp_path)] == ["a/z.png", "a.png", "b.png"]


def test_halves_find_each_other_whatever_their_suffix(tmp_path):
    _pictures(tmp_path, "one__noisy.png", "one__clean.tif", "sub/two__noisy.png", "sub/two__clean.png")
    assert [pair.scene for pair in real_pairs(tmp_path)] == ["one", "sub/two"]


def test_a_half_alone_is_named(tmp_path):
    _pictures(tmp_path, "one__noisy.png", "one__clean.png", "two__noisy.png")
    with pytest.raises(UnusableData, match="two has only one half"):
        real_pairs(tmp_path)


@pytest.mark.parametrize("find", [clean_pictures, real_pairs])
def test_nothing_to_measure_on_is_said(tmp_path, find):
    with pytest.raises(UnusableData):
        find(tmp_path)
    with pytest.raises(UnusableData, match="no such folder"):
        find(tmp_path / "nowhere")
