import pytest
import torch

from denoiser.training.data import PhotoPool, area_shares
from denoiser.training.device_pool import DevicePool, resident


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
    doubled = PhotoPool(tuple(torch.cat([p, 255 - p]) for p in pool.pictures), pool.shares, (), ())
    crops = DevicePool(doubled, torch.device("cpu")).draw(16, 16, torch.Generator().manual_seed(1))
    assert torch.allclose(crops[:, :3], 1 - crops[:, 3:])


def test_a_cpu_slices(pool):
    assert resident(pool, torch.device("cpu")) is pool
