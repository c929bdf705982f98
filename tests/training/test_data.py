import random

import pytest
import torch

from denoiser.errors import UnusableData
from denoiser.training.data import held_back, load_photos


def test_photos_come_with_shrunk_copies_and_a_tenth_is_kept_back(photos):
    pool = load_photos(photos, seed=0)
    assert len(pool.held_out) == 1
    assert 9 < len(pool.pictures) <= 27
    assert float(pool.shares.sum()) == pytest.approx(1)


def test_crops_are_turned_in_all_eight_ways(photos):
    pool = load_photos(photos, seed=0)
    crops = pool.draw(64, 32, torch.Generator().manual_seed(0))
    assert crops.shape == (64, 3, 32, 32)
    assert 0 <= float(crops.min()) < float(crops.max()) <= 1
    assert torch.equal(crops, pool.draw(64, 32, torch.Generator().manual_seed(0)))


@pytest.mark.parametrize(("count", "held"), [(0, 0), (3, 0), (4, 1), (19, 1), (40, 4), (500, 8)])
def test_how_many_are_kept_back(count, held):
    assert len(held_back(count, 8, random.Random(0))) == held


def test_photos_smaller_than_the_largest_patch_do_not_suffice(photos):
    with pytest.raises(UnusableData, match=r"no readable picture of 512 pixels .* \(10 files seen\)"):
        load_photos(photos, seed=0, smallest=512)
