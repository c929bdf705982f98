import random
import threading
import time

import pytest
import torch

from denoiser.errors import UnusableData
from denoiser.training.data import (
    DevicePool,
    PhotoPool,
    area_shares,
    held_out_numbers,
    in_threads,
    load_photos,
    resident,
)


def test_photos_come_with_shrunk_copies_and_a_tenth_is_kept_back(photos):
    pool = load_photos(photos, seed=0)
    assert len(pool.held_out) == 1
    assert 9 < len(pool.images) <= 27
    assert float(pool.shares.sum()) == pytest.approx(1)


def test_crops_are_turned_in_all_eight_ways(photos):
    pool = load_photos(photos, seed=0)
    crops = pool.draw(64, 32, torch.Generator().manual_seed(0))
    assert crops.shape == (64, 3, 32, 32)
    assert 0 <= float(crops.min()) < float(crops.max()) <= 1
    assert torch.equal(crops, pool.draw(64, 32, torch.Generator().manual_seed(0)))


@pytest.mark.parametrize(("count", "held"), [(0, 0), (3, 0), (4, 1), (19, 1), (40, 4), (500, 8)])
def test_how_many_are_kept_back(count, held):
    assert len(held_out_numbers(count, 8, random.Random(0))) == held


def test_photos_smaller_than_the_largest_patch_do_not_suffice(photos):
    with pytest.raises(UnusableData, match=r"no readable image of 512 pixels .* \(10 files seen\)"):
        load_photos(photos, seed=0, smallest=512)


def test_results_come_in_the_order_of_what_was_asked():
    release = threading.Event()

    def work(number):
        if number == 0:
            release.wait(5)  # the first is the last to be done
        elif number == 1:
            release.set()
        return number * number

    assert list(in_threads(work, range(6))) == [0, 1, 4, 9, 16, 25]


def test_an_error_is_raised_where_its_result_would_have_come():
    def work(number):
        if number == 2:
            raise ValueError("the third")
        return number

    results = in_threads(work, range(5))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="the third"):
        next(results)


def test_closing_the_results_stops_the_work():
    begun = []

    def work(number):
        begun.append(number)
        if number:
            time.sleep(0.05)
        return number

    results = in_threads(work, range(1000))
    next(results)
    results.close()
    assert len(begun) < 1000


@pytest.fixture
def pool():
    random = torch.Generator().manual_seed(0)
    shapes = [(60, 80), (48, 48), (100, 50)]
    pictures = tuple(torch.randint(0, 256, (3, *shape), dtype=torch.uint8, generator=random) for shape in shapes)
    return PhotoPool(pictures, area_shares([height * width for height, width in shapes]), (), ())


@pytest.mark.parametrize("patch", [8, 31, 48])
def test_gathered_crops_are_those_that_slicing_gives(pool, patch):
    sliced = pool.draw(64, patch, torch.Generator().manual_seed(3))
    gathered = DevicePool(pool, torch.device("cpu")).draw(64, patch, torch.Generator().manual_seed(3))
    assert gathered.shape == (64, 3, patch, patch)
    assert torch.equal(gathered, sliced)


def test_pairs_of_six_channels_stay_together(pool):
    doubled = PhotoPool(tuple(torch.cat([p, 255 - p]) for p in pool.images), pool.shares, (), ())
    crops = DevicePool(doubled, torch.device("cpu")).draw(16, 16, torch.Generator().manual_seed(1))
    assert torch.allclose(crops[:, :3], 1 - crops[:, 3:])


def test_a_cpu_slices(pool):
    assert resident(pool, torch.device("cpu")) is pool
