import pytest
import torch
from skimage import data
from torch.nn import functional

from denoiser.image import JpegTables, from_numpy
from denoiser.imageio import encode, read_bytes
from denoiser.networks.conditioning import luma_and_chroma_sigma
from denoiser.noise.measured import KNOTS, MeasuredNoise
from denoiser.options import WriteOptions
from denoiser.training.own_noise_fit import OwnNoise, Packing, fit_noise, packing_of

BELL = torch.tensor([1.0, 2.0, 1.0])
BELL = BELL.outer(BELL) / BELL.outer(BELL).norm()
MIX = torch.tensor([[1.0, 0.4, 0.2], [0.4, 1.0, 0.4], [0.2, 0.4, 1.0]])
GRAIN = (MIX / MIX.norm(dim=1, keepdim=True)).reshape(3, 3, 1, 1) * BELL
WHITE = torch.eye(3).reshape(3, 3, 1, 1)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def scenes() -> torch.Tensor:
    """Two photos (2, 3, 512, 256) in 0..1 with edges, soft textures and flat places, and no noise of their own."""
    picture = torch.from_numpy(data.astronaut()).permute(2, 0, 1).unsqueeze(0).float() / 255
    small = functional.avg_pool2d(picture, 2)
    soft = functional.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)
    return torch.cat(soft.split(256, dim=3))


def fitted(model: MeasuredNoise, packing: Packing | None = None, strengths=(1.0, 1.0)) -> OwnNoise | None:
    clean = scenes()
    strong = torch.tensor(strengths).reshape(2, 1, 1, 1)
    noisy = (clean + (model.add(clean, seeded()) - clean) * strong).clamp(0, 1)
    shown = packing.applied(noisy) if packing else noisy
    windows = shown.mul(255).round().to(torch.uint8)
    return fit_noise([[w] for w in windows], packing, seeded())


def test_white_noise_is_found_as_it_was_added():
    found = fitted(MeasuredNoise(torch.full((3, KNOTS), 12.0), WHITE))
    assert found is not None
    assert found.luma == pytest.approx(12, rel=0.08)
    assert found.chroma == pytest.approx(12, rel=0.08)
    assert abs(found.model.neighbour_correlation) < 0.06
    assert (found.model.channel_correlation - torch.eye(3)).abs().max() < 0.1


def test_grain_and_colours_are_found():
    truth = MeasuredNoise(torch.full((3, KNOTS), 10.0), GRAIN)
    found = fitted(truth)
    assert found is not None
    assert found.model.neighbour_correlation == pytest.approx(truth.neighbour_correlation, abs=0.08)
    assert torch.allclose(found.model.channel_correlation, truth.channel_correlation, atol=0.1)
    clean = scenes()
    luma, chroma = luma_and_chroma_sigma(found.model.add(clean, seeded()) - clean)
    true_luma, true_chroma = luma_and_chroma_sigma(truth.add(clean, seeded()) - clean)
    assert luma.mean().item() == pytest.approx(true_luma.mean().item(), rel=0.2)
    assert chroma.mean().item() == pytest.approx(true_chroma.mean().item(), rel=0.15)


def test_the_level_follows_brightness():
    found = fitted(MeasuredNoise(torch.linspace(16, 4, KNOTS).expand(3, -1), WHITE))
    assert found is not None
    dark, bright = found.model.level[:, 4], found.model.level[:, 11]
    assert dark.tolist() == pytest.approx([12.8] * 3, rel=0.2)
    assert bright.tolist() == pytest.approx([7.2] * 3, rel=0.2)


def test_photos_of_different_strength_give_a_spread():
    model = MeasuredNoise(torch.full((3, KNOTS), 10.0), WHITE)
    alike, unlike = fitted(model), fitted(model, strengths=(0.6, 1.6))
    assert alike is not None and unlike is not None
    assert alike.model.spread == pytest.approx(0.1)
    assert unlike.model.spread > 0.25


def test_what_packing_took_is_found_again():
    packing = Packing(75, half_chroma=True)
    truth = MeasuredNoise(torch.full((3, KNOTS), 7.0), GRAIN)
    found = fitted(truth, packing)
    assert found is not None
    clean = scenes()
    windows = packing.applied(truth.add(clean, seeded()).clamp(0, 1)).mul(255).round().to(torch.uint8)
    naive = fit_noise([[w] for w in windows], None, seeded())
    assert naive is not None
    # In the green, which JPEG leaves best, and at a middle tone.
    assert float(found.model.level[1, 7]) == pytest.approx(7, rel=0.15)
    assert found.model.neighbour_correlation < naive.model.neighbour_correlation


def test_photos_without_noise_have_next_to_none():
    found = fit_noise([[w] for w in scenes().mul(255).round().to(torch.uint8)], None, seeded())
    assert found is None or found.luma < 2  # what textures of half the size leave


def test_fur_is_no_noise():
    fur = torch.from_numpy(data.chelsea()[:300, :400].copy()).permute(2, 0, 1)
    assert fit_noise([[fur]], None, seeded()) is None


def test_grey_photos_have_the_same_noise_in_all_channels():
    clean = scenes().mean(dim=1, keepdim=True)
    noise = torch.randn(clean.shape, generator=seeded()) * 12 / 255
    windows = (clean + noise).clamp(0, 1).mul(255).round().to(torch.uint8).repeat(1, 3, 1, 1)
    found = fit_noise([[w] for w in windows], None, seeded())
    assert found is not None
    assert torch.allclose(found.model.channel_correlation, torch.ones(3, 3), atol=0.01)
    again = found.shoot(clean.repeat(1, 3, 1, 1), seeded())
    assert (again[:, 0] - again[:, 2]).abs().max() < 3 / 255


def test_a_place_that_is_nowhere_flat_tells_nothing():
    stripes = torch.zeros(3, 64, 64, dtype=torch.uint8)
    stripes[:, ::2] = 255
    assert fit_noise([[stripes]], None, seeded()) is None


def test_samples_are_what_a_file_holds():
    found = fitted(MeasuredNoise(torch.full((3, KNOTS), 10.0), WHITE), Packing(80, half_chroma=False))
    assert found is not None
    shot = found.shoot(scenes(), seeded(1))
    assert torch.equal(shot, found.shoot(scenes(), seeded(1)))
    assert 0 <= float(shot.min()) <= float(shot.max()) <= 1
    assert torch.allclose(shot * 255, (shot * 255).round(), atol=1e-3)


@pytest.mark.parametrize("quality", [50, 75, 90])
def test_the_quality_of_a_jpeg_is_read_from_its_tables(quality):
    file = encode(from_numpy(data.coffee()[:64, :64]), "jpeg", WriteOptions(jpeg_quality=quality))
    tables = read_bytes(file, "x.jpg").origin.jpeg
    found = packing_of([tables, tables, None])
    assert found is not None
    assert found.quality == pytest.approx(quality, abs=1)


def test_few_jpegs_or_hardly_packed_ones_are_no_packing():
    best = JpegTables(((1,) * 64,), ((1, 1),))
    coarse = JpegTables(((16,) * 64,), ((2, 2), (1, 1), (1, 1)))
    assert packing_of([]) is None
    assert packing_of([best, best]) is None
    assert packing_of([coarse, None, None]) is None
    found = packing_of([coarse])
    assert found is not None and found.half_chroma
