"""Scenes contain their noise; the error of JPEG on the clean image is not noise."""

import pytest
import torch
from skimage import data

from denoiser.networks.conditioning import luma_and_chroma_sigma
from denoiser.noise.dice import Dice
from denoiser.training import estimator_scenes, recipe
from denoiser.training.estimator_scenes import LUMA_RANGE, add_grain, saved_as_jpeg, scenes
from denoiser.training.recipe import NoiseShares

PHOTO = torch.from_numpy(data.astronaut()[:264, :264]).permute(2, 0, 1) / 255
SHARES = recipe.load("estimator").noise


def made(monkeypatch, kind, *, jpeg, count=8):
    shares = NoiseShares(*(float(number == kind) for number in range(4)))
    monkeypatch.setattr(estimator_scenes, "_JPEG_SHARES", (float(jpeg),) * 4)
    return list(scenes(PHOTO.expand(count, -1, -1, -1), shares, torch.Generator().manual_seed(2)))


@pytest.mark.parametrize(("kind", "correlated"), [(0, 0), (1, 1), (2, 1), (3, 0)])
@pytest.mark.parametrize("jpeg", [False, True])
def test_every_kind_of_noise_is_made_and_some_tables_are_known(monkeypatch, kind, correlated, jpeg):
    found = made(monkeypatch, kind, jpeg=jpeg)
    for scene in found:
        assert scene.noisy.shape == scene.added.shape == scene.survived.shape == PHOTO.shape
        assert torch.equal(scene.survived, scene.error) != jpeg
        assert float(scene.correlated) == correlated
    told = sum(scene.quantisation is not None for scene in found)
    assert 0 < told < len(found) if jpeg else told == 0


def test_strong_noise_survives_jpeg(monkeypatch):
    monkeypatch.setattr(
        estimator_scenes.simple,
        "add_white",
        lambda clean, sigma, generator, grey=False: clean + torch.randn(clean.shape, generator=generator) * 0.1,
    )
    for scene in made(monkeypatch, 0, jpeg=True):
        assert 0.03 < float(scene.survived.square().mean().sqrt()) < 0.15


def test_without_noise_nothing_survives(monkeypatch):
    monkeypatch.setattr(estimator_scenes.simple, "add_white", lambda clean, sigma, generator, grey=False: clean)
    for scene in made(monkeypatch, 3, jpeg=True):
        assert scene.error.any() and not scene.survived.any()


def test_the_seed_decides():
    one, two = (list(scenes(PHOTO.unsqueeze(0), SHARES, torch.Generator().manual_seed(5))) for _ in range(2))
    assert torch.equal(one[0].noisy, two[0].noisy)


def grain(seed: int = 0, count: int = 24) -> torch.Tensor:
    clean = torch.full((count, 3, 64, 64), 0.5)
    return add_grain(clean, torch.Generator().manual_seed(seed)) - clean


def test_seeded():
    assert torch.equal(grain(1), grain(1)) and not torch.equal(grain(1), grain(2))


def test_levels_lie_in_the_range():
    luma, chroma = luma_and_chroma_sigma(grain())
    assert luma.min() > 0.95 * LUMA_RANGE[0] and luma.max() < 1.05 * LUMA_RANGE[1]
    assert (chroma < 1.4 * luma).all() and luma.max() > 4 * luma.min()


def test_neighbours_are_correlated_in_luma_and_more_in_chroma():
    noise = grain()
    luma = noise.mean(dim=1, keepdim=True)

    def likeness(planes: torch.Tensor) -> torch.Tensor:
        return (planes[..., 1:] * planes[..., :-1]).sum(dim=(1, 2, 3)) / planes.square().sum(dim=(1, 2, 3))

    assert likeness(luma).median() > 0.4
    assert likeness(noise - luma).median() > likeness(luma).median()


def test_strength_depends_on_brightness_in_both_directions():
    ramp = torch.linspace(0, 1, 64).expand(40, 3, 64, 64)
    noise = add_grain(ramp, torch.Generator().manual_seed(0)) - ramp
    ratio = noise[..., :16].std(dim=(1, 2, 3)) / noise[..., -16:].std(dim=(1, 2, 3))
    assert ratio.min() < 0.6 and ratio.max() > 1.6


CROP = PHOTO[:, :128, :128].unsqueeze(0)


def test_all_images_of_a_batch_are_saved_with_the_same_settings():
    dice = Dice(torch.Generator().manual_seed(0))
    for _ in range(20):
        (one, two), tables = saved_as_jpeg(torch.cat([CROP, CROP]), dice)
        assert torch.equal(one, two) and not torch.equal(one, CROP[0])
        assert tables.luma.min() >= 1 and tables.chroma.max() <= 255


def test_images_are_not_shifted_and_coarse_tables_have_larger_errors():
    dice = Dice(torch.Generator().manual_seed(0))
    found = [saved_as_jpeg(CROP, dice) for _ in range(60)]
    harm = torch.tensor([float((saved - CROP).square().mean().sqrt()) * 255 for saved, _ in found])
    assert harm.max() < 15  # also with a shift between two compressions
    coarse = torch.tensor([float(tables.luma.mean()) for _, tables in found])
    assert torch.corrcoef(torch.stack([harm, coarse.log()]))[0, 1] > 0.6
    assert {tables.half_chroma for _, tables in found} == {True, False}
