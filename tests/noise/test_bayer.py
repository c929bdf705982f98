import pytest
import torch

from denoiser.noise import bayer

SMART = bayer.DEMOSAICS


def _mosaic(picture: torch.Tensor, pattern: int) -> tuple[torch.Tensor, torch.Tensor]:
    mask = bayer.masks(torch.tensor([pattern]), *picture.shape[2:])
    return (picture * mask).sum(dim=1, keepdim=True), mask


@pytest.mark.parametrize("pattern", range(bayer.PATTERNS))
def test_each_pixel_measures_one_colour_and_green_twice_as_often(pattern):
    mask = bayer.masks(torch.tensor([pattern]), 8, 8)
    assert torch.equal(mask.sum(dim=1), torch.ones(1, 8, 8))
    assert mask.sum(dim=(2, 3)).tolist() == [[16, 32, 16]]
    row, column = divmod(pattern, 2)
    assert mask[0, 0, row, column] == 1
    assert mask[0, 2, 1 - row, 1 - column] == 1


@pytest.mark.parametrize("demosaic", SMART)
@pytest.mark.parametrize("pattern", range(bayer.PATTERNS))
def test_a_flat_colour_comes_back_exactly(demosaic, pattern):
    flat = torch.tensor([0.2, 0.5, 0.8]).reshape(1, 3, 1, 1).expand(1, 3, 20, 24)
    grey = torch.full((1, 3, 20, 24), 0.4)
    assert torch.allclose(demosaic(*_mosaic(grey, pattern)), grey, atol=1e-6)
    result = demosaic(*_mosaic(flat, pattern))
    assert torch.allclose(result, flat, atol=1e-6)


@pytest.mark.parametrize("demosaic", SMART)
@pytest.mark.parametrize("pattern", range(bayer.PATTERNS))
def test_a_slope_comes_back_away_from_the_border(demosaic, pattern):
    down, across = torch.meshgrid(torch.linspace(0.2, 0.6, 32), torch.linspace(0, 0.3, 32), indexing="ij")
    slope = (down + across).expand(1, 3, 32, 32)
    result = demosaic(*_mosaic(slope, pattern))
    assert torch.allclose(result[..., 3:-3, 3:-3], slope[..., 3:-3, 3:-3], atol=1e-5)


@pytest.mark.parametrize("pattern", range(bayer.PATTERNS))
def test_measured_values_are_kept(pattern):
    picture = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    mosaic, mask = _mosaic(picture, pattern)
    for demosaic in SMART:
        assert torch.allclose(demosaic(mosaic, mask) * mask, picture * mask, atol=1e-6)


def test_the_edge_directed_one_sees_upright_edges_best():
    picture = torch.zeros(1, 3, 32, 32)
    picture[..., 16:] = 1
    errors = [(demosaic(*_mosaic(picture, 0)) - picture).square().mean() for demosaic in bayer.DEMOSAICS]
    assert errors[2] < 0.1 * min(errors[:2])


def test_each_image_of_a_batch_has_its_own_pattern():
    pictures = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    mask = bayer.masks(torch.arange(4), 16, 16)
    for demosaic in bayer.DEMOSAICS:
        together = demosaic((pictures * mask).sum(dim=1, keepdim=True), mask)
        alone = [demosaic(*_mosaic(pictures[k : k + 1], k)) for k in range(4)]
        assert torch.allclose(together, torch.cat(alone), atol=1e-6)
