import numpy as np
import pytest
import torch
from skimage import data

from denoiser.imageio.rivals import recompressed
from denoiser.noise.jpeg import through_jpeg


def _photo(name: str = "astronaut", noise: float = 0.0) -> np.ndarray:
    photo = getattr(data, name)()[:203, 100:309]  # sides that are no multiples of a block
    noisy = photo + np.random.default_rng(0).normal(0, noise, photo.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def _ours(photo: np.ndarray, quality: float, *, half_chroma: bool) -> np.ndarray:
    values = torch.from_numpy(photo).permute(2, 0, 1).unsqueeze(0) / 255
    out = through_jpeg(values, torch.tensor([quality]), half_chroma=half_chroma)
    return out[0].permute(1, 2, 0).mul(255).round().numpy()


@pytest.mark.parametrize("half_chroma", [False, True])
@pytest.mark.parametrize("quality", [20, 60, 85, 95, 100])
@pytest.mark.parametrize("noise", [0.0, 10.0])
def test_it_keeps_what_libjpeg_keeps(quality, half_chroma, noise):
    photo = _photo(noise=noise)
    theirs = recompressed(photo, quality, half_chroma=half_chroma).astype(float)
    ours = _ours(photo, float(quality), half_chroma=half_chroma)
    assert np.abs(ours - theirs).mean() < (1.3 if noise else 0.75)
    # Neither does more harm than the other. Colours of flat parts may be rounded either way, in steps of the table.
    assert np.square(ours - photo).mean() == pytest.approx(np.square(theirs - photo).mean(), rel=0.01, abs=0.05)
    assert np.abs((ours - theirs).mean(axis=(0, 1))).max() < (0.5 if quality < 85 else 0.05)


def test_flat_colours_come_back():
    flat = torch.tensor([0.2, 0.6, 0.8]).mul(255).round().div(255).reshape(1, 3, 1, 1).expand(1, 3, 24, 24)
    for half_chroma in (False, True):
        packed = through_jpeg(flat, torch.tensor([100.0]), half_chroma=half_chroma)
        assert float((packed - flat).abs().max()) <= 1.01 / 255


def test_each_image_has_its_own_quality():
    photo = torch.from_numpy(_photo(noise=5)).permute(2, 0, 1).unsqueeze(0) / 255
    both = through_jpeg(torch.cat([photo, photo]), torch.tensor([95.0, 30.0]), half_chroma=True)
    alone = [through_jpeg(photo, torch.tensor([quality]), half_chroma=True)[0] for quality in (95.0, 30.0)]
    assert torch.equal(both[0], alone[0])
    assert torch.equal(both[1], alone[1])
    errors = [(picture - photo[0]).square().mean() for picture in both]
    assert errors[1] > 1.5 * errors[0]


def test_black_and_white_come_back():
    for value in (0.0, 1.0):
        flat = torch.full((1, 3, 16, 16), value)
        assert torch.equal(through_jpeg(flat, torch.tensor([60.0]), half_chroma=True), flat)
