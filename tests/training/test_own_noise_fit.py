import pytest
import torch
from skimage import data
from torch import nn
from torch.nn import functional

from denoiser.image import JpegTables, from_numpy
from denoiser.imageio import encode, read_bytes
from denoiser.networks.condition import Condition
from denoiser.networks.conditioning import Denoiser, luma_and_chroma_sigma, planes_of
from denoiser.noise.measured import KNOTS, MeasuredNoise
from denoiser.options import WriteOptions
from denoiser.training.own_noise_fit import (
    JpegSetting,
    OwnNoise,
    OwnNoiseValidation,
    PhotoWindow,
    common_setting,
    fit_noise,
    half_way,
    validate,
)

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


def fitted(model: MeasuredNoise, jpeg: JpegSetting | None = None, strengths=(1.0, 1.0)) -> OwnNoise | None:
    clean = scenes()
    strong = torch.tensor(strengths).reshape(2, 1, 1, 1)
    noisy = (clean + (model.add(clean, seeded()) - clean) * strong).clamp(0, 1)
    shown = jpeg.applied(noisy) if jpeg else noisy
    windows = shown.mul(255).round().to(torch.uint8)
    return fit_noise([[w] for w in windows], jpeg, seeded())


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


def test_noise_that_jpeg_removed_is_found():
    jpeg = JpegSetting(75, half_chroma=True)
    truth = MeasuredNoise(torch.full((3, KNOTS), 7.0), GRAIN)
    found = fitted(truth, jpeg)
    assert found is not None
    clean = scenes()
    windows = jpeg.applied(truth.add(clean, seeded()).clamp(0, 1)).mul(255).round().to(torch.uint8)
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
    found = fitted(MeasuredNoise(torch.full((3, KNOTS), 10.0), WHITE), JpegSetting(80, half_chroma=False))
    assert found is not None
    shot = found.shoot(scenes(), seeded(1))
    assert torch.equal(shot, found.shoot(scenes(), seeded(1)))
    assert 0 <= float(shot.min()) <= float(shot.max()) <= 1
    assert torch.allclose(shot * 255, (shot * 255).round(), atol=1e-3)


@pytest.mark.parametrize("quality", [50, 75, 90])
def test_the_quality_of_a_jpeg_is_read_from_its_tables(quality):
    file = encode(from_numpy(data.coffee()[:64, :64]), "jpeg", WriteOptions(quality=quality))
    tables = read_bytes(file, "x.jpg").origin.jpeg
    found = common_setting([tables, tables, None])
    assert found is not None
    assert found.quality == pytest.approx(quality, abs=1)


def test_few_or_nearly_lossless_jpegs_have_no_common_setting():
    best = JpegTables(((1,) * 64,), ((1, 1),))
    coarse = JpegTables(((16,) * 64,), ((2, 2), (1, 1), (1, 1)))
    assert common_setting([]) is None
    assert common_setting([best, best]) is None
    assert common_setting([coarse, None, None]) is None
    found = common_setting([coarse])
    assert found is not None and found.half_chroma


def simple_noise(sigma: float) -> MeasuredNoise:
    """Neighbours have a correlation of two thirds, as in camera images."""
    return MeasuredNoise(torch.full((3, KNOTS), sigma), torch.eye(3).reshape(3, 3, 1, 1) * (torch.ones(3, 3) / 3))


class Mixing(Denoiser):
    """Returns the image with a *share* of a blurred copy; negative shares sharpen."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = nn.Parameter(torch.tensor(share))

    size_multiple, formula_radius, kmac_per_pixel = 8, 2, 0.0

    def forward(self, noisy: torch.Tensor, _planes: torch.Tensor) -> torch.Tensor:
        return torch.lerp(noisy, functional.avg_pool2d(noisy, 5, 1, 2, count_include_pad=False), self.share)


@pytest.fixture(scope="module")
def clean() -> torch.Tensor:
    """A photo (3, 256, 512), shrunk so that it has no noise of its own, and kept from the ends of the range."""
    picture = torch.from_numpy(data.astronaut()).permute(2, 0, 1).unsqueeze(0).float() / 255
    return functional.interpolate(picture, size=(256, 512), mode="area")[0] * 0.6 + 0.2


def windows(clean: torch.Tensor, sigma: float) -> list[PhotoWindow]:
    noisy = simple_noise(sigma).add(clean.unsqueeze(0), torch.Generator().manual_seed(5))[0]
    pixels = noisy.mul(255).round().clamp(0, 255).to(torch.uint8)
    return [(half, Condition(sigma, sigma, 1.0)) for half in pixels.split(256, dim=2)]


def true_error(network: nn.Module, window: PhotoWindow, truth: torch.Tensor) -> float:
    pixels, condition = window
    with torch.inference_mode():
        output = network(pixels[None].float() / 255, planes_of(condition))[0]
    return float((output - truth).square().mean()) * 255**2


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_error_is_estimated_without_a_clean_image(clean, share):
    seen, network = windows(clean, 12.0), Mixing(share)
    result = validate(network, network, seen, simple_noise(12.0))
    true = [true_error(network, window, truth) for window, truth in zip(seen, clean.split(256, dim=2), strict=True)]
    assert result.before == result.after
    assert result.before == pytest.approx(true, rel=0.15)


def test_better_weights_are_kept_and_smoothing_ones_are_not(clean):
    seen, noise = windows(clean, 20.0), simple_noise(20.0)
    better = validate(Mixing(0.0), Mixing(0.4), seen, noise)
    assert better.kept and better.better == 2
    assert better.description.startswith("Kept: the estimated error on your photos changes by -")
    smoothed = validate(Mixing(0.4), Mixing(1.6), seen, noise)
    assert not smoothed.kept
    assert "Not kept" in smoothed.description and "falls in 0 of 2 areas" in smoothed.description


def test_photos_with_less_noise_than_was_fitted_decide_nothing(clean):
    result = validate(Mixing(0.5), Mixing(1.0), windows(clean, 5.0), simple_noise(40.0))
    assert not result.fits and not result.kept
    assert "2 of 2 areas of your photos have less noise than was fitted" in result.description


@pytest.mark.parametrize(
    ("after", "kept"),
    [
        ((8.0, 8.0, 8.0), True),
        ((9.5, 9.5, 9.5), False),  # less than the accuracy
        ((1.0, 10.5, 10.5), False),  # only in one window
        ((9.0, 9.0, 20.0), False),  # in most, and much worse in another
        ((float("nan"),) * 3, False),
    ],
)
def test_the_error_must_fall_clearly_and_in_most_windows(after, kept):
    assert OwnNoiseValidation((10.0, 10.0, 10.0), after).kept is kept


def test_windows_with_less_noise_than_was_fitted_are_left_out():
    result = OwnNoiseValidation((10.0, 10.0, -50.0), (8.0, 8.0, -70.0))
    assert result.kept
    assert result.change == pytest.approx(-0.2)


def test_the_result_is_deterministic(clean):
    seen, noise = windows(clean, 15.0), simple_noise(15.0)
    assert validate(Mixing(0.1), Mixing(0.5), seen, noise) == validate(Mixing(0.1), Mixing(0.5), seen, noise)


def test_half_way_lies_between_and_leaves_both_as_they_were():
    start, learned = Mixing(0.2), Mixing(0.6)
    assert half_way(start, learned).share.item() == pytest.approx(0.4)
    assert (start.share.item(), learned.share.item()) == pytest.approx((0.2, 0.6))
