import math

import pytest
import torch

from denoiser.networks.condition import Condition
from denoiser.training.data import load_photos
from denoiser.training.validation import (
    CAMERA,
    PAIRS,
    DenoiserValidator,
    ValidationCrop,
    pair_crops,
    synthetic_crops,
)

CPU = torch.device("cpu")


class _Untouched(torch.nn.Module):
    def forward(self, noisy, planes):
        return noisy


@pytest.fixture
def crops(photos):
    return synthetic_crops(load_photos(photos, seed=0).held_out)


def test_a_network_that_does_nothing_scores_the_noise(crops):
    result = DenoiserValidator(tuple(crops), ("white 25",)).validate(_Untouched(), CPU)
    for level in (15, 25, 50):
        assert result.scores[f"white {level}"] == pytest.approx(20 * math.log10(255 / level), abs=0.1)
    assert result.scores[CAMERA] < 40
    assert result.overall == result.scores["white 25"]


def test_crops_are_the_same_every_time(crops, photos):
    again = synthetic_crops(load_photos(photos, seed=0).held_out)
    assert all(torch.equal(one.noisy, two.noisy) for one, two in zip(crops, again, strict=True))


def test_pairs_are_validated_on_their_own_noise():
    clean = torch.full((3, 100, 80), 100, dtype=torch.uint8)
    crop = pair_crops([torch.cat([clean, clean + 10])])[0]
    result = DenoiserValidator((crop,), (PAIRS,)).validate(_Untouched(), CPU)
    assert crop.noisy.shape == (3, 96, 80)
    assert result.overall == pytest.approx(20 * math.log10(25.5), abs=0.01)


def test_without_held_out_images_there_is_no_score():
    validator = DenoiserValidator((), ())
    result = validator.validate(_Untouched(), CPU)
    assert result.scores == {}
    assert math.isnan(result.overall)
    assert validator.examples(_Untouched(), CPU) is None


def test_small_images_are_left_out():
    assert synthetic_crops([torch.zeros(3, 100, 400, dtype=torch.uint8)]) == []
    assert pair_crops([torch.zeros(6, 60, 400, dtype=torch.uint8)]) == []


def test_the_sheet_has_a_row_for_each_column(crops):
    of_camera = DenoiserValidator(tuple(t for t in crops if t.column == CAMERA), ())
    one = of_camera.examples(_Untouched(), CPU)
    all_of_them = DenoiserValidator(tuple(crops), ()).examples(_Untouched(), CPU)
    assert all_of_them.width == one.width
    assert all_of_them.height > 3 * one.height


def test_a_column_is_a_mean():
    target = torch.zeros(3, 64, 64)
    two = tuple(ValidationCrop("a", target + error, target, Condition()) for error in (0.1, 0.01))
    assert DenoiserValidator(two, ("a",)).validate(_Untouched(), CPU).overall == pytest.approx(30, abs=0.01)
