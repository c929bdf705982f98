import pytest
import torch
from skimage import data
from torch import nn
from torch.nn import functional

from denoiser.networks.conditioning import Condition
from denoiser.noise.measured import KNOTS, MeasuredNoise
from denoiser.training.own_noise_fit import OwnNoiseVerdict, Place, half_way, judge

GRAIN = torch.eye(3).reshape(3, 3, 1, 1) * (
    torch.ones(3, 3) / 3
)  # neighbours two thirds alike, as cameras leave them


def noise_of(sigma: float) -> MeasuredNoise:
    return MeasuredNoise(torch.full((3, KNOTS), sigma), GRAIN)


class Mixing(nn.Module):
    """The picture with a *share* of a blurred copy, or of the opposite."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = nn.Parameter(torch.tensor(share))

    def forward(self, noisy: torch.Tensor, _planes: torch.Tensor) -> torch.Tensor:
        return torch.lerp(noisy, functional.avg_pool2d(noisy, 5, 1, 2, count_include_pad=False), self.share)


@pytest.fixture(scope="module")
def clean() -> torch.Tensor:
    """A photo (3, 256, 512), shrunk so that it has no noise of its own, and kept from the ends of the range."""
    picture = torch.from_numpy(data.astronaut()).permute(2, 0, 1).unsqueeze(0).float() / 255
    return functional.interpolate(picture, size=(256, 512), mode="area")[0] * 0.6 + 0.2


def places(clean: torch.Tensor, sigma: float) -> list[Place]:
    noisy = noise_of(sigma).add(clean.unsqueeze(0), torch.Generator().manual_seed(5))[0]
    window = noisy.mul(255).round().clamp(0, 255).to(torch.uint8)
    return [Place(half, Condition(sigma, sigma, 1.0)) for half in window.split(256, dim=2)]


def true_error(network: nn.Module, place: Place, truth: torch.Tensor) -> float:
    with torch.inference_mode():
        output = network(place.window[None].float() / 255, place.told.planes())[0]
    return float((output - truth).square().mean()) * 255**2


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_error_is_known_without_anything_clean(clean, share):
    seen, network = places(clean, 12.0), Mixing(share)
    verdict = judge(network, network, seen, noise_of(12.0))
    true = [true_error(network, place, truth) for place, truth in zip(seen, clean.split(256, dim=2), strict=True)]
    assert verdict.before == verdict.after
    assert verdict.before == pytest.approx(true, rel=0.15)


def test_what_cleans_better_is_kept_and_what_takes_detail_is_not(clean):
    seen, noise = places(clean, 20.0), noise_of(20.0)
    better = judge(Mixing(0.0), Mixing(0.4), seen, noise)
    assert better.kept and better.better == 2
    assert better.in_words.startswith("Kept: the estimated error on your photos changes by -")
    smoothed = judge(Mixing(0.4), Mixing(1.6), seen, noise)
    assert not smoothed.kept
    assert "Not kept" in smoothed.in_words and "falls in 0 of 2 places" in smoothed.in_words


def test_photos_with_less_noise_than_was_fitted_are_no_ground_for_a_verdict(clean):
    verdict = judge(Mixing(0.5), Mixing(1.0), places(clean, 5.0), noise_of(40.0))
    assert not verdict.fits and not verdict.kept
    assert "2 of 2 places in your photos hold less noise than was fitted" in verdict.in_words


@pytest.mark.parametrize(
    ("after", "kept"),
    [
        ((8.0, 8.0, 8.0), True),
        ((9.5, 9.5, 9.5), False),  # too little to be sure of
        ((1.0, 10.5, 10.5), False),  # in one place alone
        ((9.0, 9.0, 20.0), False),  # in most, and much worse in another
        ((float("nan"),) * 3, False),
    ],
)
def test_the_error_must_fall_clearly_and_in_most_places(after, kept):
    assert OwnNoiseVerdict((10.0, 10.0, 10.0), after).kept is kept


def test_places_that_hold_less_noise_than_was_fitted_are_left_out():
    verdict = OwnNoiseVerdict((10.0, 10.0, -50.0), (8.0, 8.0, -70.0))
    assert verdict.kept
    assert verdict.change == pytest.approx(-0.2)


def test_a_verdict_is_the_same_each_time(clean):
    seen, noise = places(clean, 15.0), noise_of(15.0)
    assert judge(Mixing(0.1), Mixing(0.5), seen, noise) == judge(Mixing(0.1), Mixing(0.5), seen, noise)


def test_half_way_lies_between_and_leaves_both_as_they_were():
    start, learned = Mixing(0.2), Mixing(0.6)
    assert half_way(start, learned).share.item() == pytest.approx(0.4)
    assert (start.share.item(), learned.share.item()) == pytest.approx((0.2, 0.6))
