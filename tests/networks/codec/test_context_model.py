import torch

from denoiser.networks.codec.context_model import (
    CLASS_STARTS,
    HyperAnalysis,
    MeanPass,
    magnitude_class,
    pass_masks,
    tiled,
)


def test_each_pass_takes_another_quarter_and_has_known_neighbours():
    masks = pass_masks(8)
    assert (masks.sum(dim=0) == 1).all()
    assert (masks.flatten(1).sum(dim=1) == 8).all()
    assert (masks[0].flatten(1).sum(dim=1) == 1).all(), "one place of four, for each channel"


def test_classes_of_magnitudes_are_finer_where_they_are_small():
    symbols = torch.tensor([0.0, -1, 2, -3, 4, 5, 191, 192, -5000])
    assert magnitude_class(symbols, torch.tensor(CLASS_STARTS).float()).tolist() == [0, 1, 2, 3, 4, 4, 14, 15, 15]
    assert list(CLASS_STARTS) == sorted(CLASS_STARTS)


def test_masks_repeat_over_any_number_of_places():
    masks = tiled(pass_masks(8), 5, 3)
    assert masks.shape == (4, 8, 5, 3)
    assert torch.equal(masks[:, :, 2:4, :2], pass_masks(8))


def test_a_new_pass_predicts_a_mean_of_zero():
    mean = MeanPass(8, 4, 6, sees=True)(torch.randn(1, 4, 5, 5), torch.randn(1, 8, 5, 5))
    assert mean.shape == (1, 8, 5, 5)
    assert mean.abs().max() == 0


def test_hyper_latents_are_a_quarter_along_each_side():
    assert HyperAnalysis(8, 6, 3)(torch.randn(1, 8, 12, 8)).shape == (1, 3, 3, 2)
