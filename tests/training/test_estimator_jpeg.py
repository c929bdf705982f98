import torch
from skimage import data

from denoiser.noise import Dice
from denoiser.training.estimator_scenes import saved_as_jpeg

PHOTO = torch.from_numpy(data.astronaut()[:128, :128]).permute(2, 0, 1).unsqueeze(0) / 255


def test_the_same_scene_is_saved_in_the_same_way():
    dice = Dice(torch.Generator().manual_seed(0))
    for _ in range(20):
        (one, two), tables = saved_as_jpeg(torch.cat([PHOTO, PHOTO]), dice)
        assert torch.equal(one, two) and not torch.equal(one, PHOTO[0])
        assert tables.luma.min() >= 1 and tables.chroma.max() <= 255


def test_pictures_stay_in_place_and_coarse_tables_harm_more():
    dice = Dice(torch.Generator().manual_seed(0))
    found = [saved_as_jpeg(PHOTO, dice) for _ in range(60)]
    harm = torch.tensor([float((saved - PHOTO).square().mean().sqrt()) * 255 for saved, _ in found])
    assert harm.max() < 15  # also where it was shifted between two savings
    coarse = torch.tensor([float(tables.luma.float().mean()) for _, tables in found])
    assert torch.corrcoef(torch.stack([harm, coarse.log()]))[0, 1] > 0.6
    assert {tables.half_chroma for _, tables in found} == {True, False}
