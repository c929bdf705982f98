import math

import pytest
import torch

from denoiser.networks.conditioning import Condition
from denoiser.training.data import load_photos
from denoiser.training.plot import before_and_after
from denoiser.training.validation import CAMERA, PAIRS, Judge, Trial, pair_trials, synthetic_trials

CPU = torch.device("cpu")


class _Untouched(torch.nn.Module):
    def forward(self, noisy, planes):
        return noisy


@pytest.fixture
def trials(photos):
    return synthetic_trials(load_photos(photos, seed=0).held_out)


def test_a_network_that_does_nothing_scores_the_noise(trials):
    verdict = Judge(tuple(trials), ("white 25",)).verdict(_Untouched(), CPU)
    for level in (15, 25, 50):
        assert verdict.scores[f"white {level}"] == pytest.approx(20 * math.log10(255 / level), abs=0.1)
    assert verdict.scores[CAMERA] < 40
    assert verdict.overall == verdict.scores["white 25"]


def test_trials_are_the_same_every_time(trials, photos):
    again = synthetic_trials(load_photos(photos, seed=0).held_out)
    assert all(torch.equal(one.noisy, two.noisy) for one, two in zip(trials, again, strict=True))


def test_pairs_are_judged_by_the_noise_they_hold():
    clean = torch.full((3, 100, 80), 100, dtype=torch.uint8)
    trial = pair_trials([torch.cat([clean, clean + 10])])[0]
    verdict = Judge((trial,), (PAIRS,)).verdict(_Untouched(), CPU)
    assert trial.noisy.shape == (3, 96, 80)
    assert verdict.overall == pytest.approx(20 * math.log10(25.5), abs=0.01)


def test_nothing_held_out_is_no_verdict():
    judge = Judge((), ())
    verdict = judge.verdict(_Untouched(), CPU)
    assert verdict.scores == {}
    assert math.isnan(verdict.overall)
    assert before_and_after(judge, _Untouched(), CPU) is None


def test_pictures_too_small_to_judge_are_left_out():
    assert synthetic_trials([torch.zeros(3, 100, 400, dtype=torch.uint8)]) == []
    assert pair_trials([torch.zeros(6, 60, 400, dtype=torch.uint8)]) == []


def test_the_sheet_has_a_row_for_each_column(trials):
    one = before_and_after(Judge(tuple(t for t in trials if t.column == CAMERA), ()), _Untouched(), CPU)
    all_of_them = before_and_after(Judge(tuple(trials), ()), _Untouched(), CPU)
    assert one is not None and all_of_them is not None
    assert all_of_them.width == one.width
    assert all_of_them.height > 3 * one.height


def test_a_column_is_a_mean():
    target = torch.zeros(3, 64, 64)
    two = tuple(Trial("a", target + error, target, Condition()) for error in (0.1, 0.01))
    assert Judge(two, ("a",)).verdict(_Untouched(), CPU).overall == pytest.approx(30, abs=0.01)
