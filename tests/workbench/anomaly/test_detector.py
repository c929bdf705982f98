"""The detector as a whole, in the manner of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score

from denoiser.errors import UnusableData, UsageError
from denoiser.workbench.anomaly import AnomalyDetector, odd_ones_out


@pytest.fixture(scope="module")
def detector(cloth) -> AnomalyDetector:
    return AnomalyDetector("patches").fit(cloth(16, seed=0))


def _auroc(good: np.ndarray, bad: np.ndarray) -> float:
    return float(roc_auc_score([0] * len(good) + [1] * len(bad), np.concatenate([good, bad])))


def test_painted_defects_are_found_better_than_by_distance_to_the_mean_image(cloth, detector) -> None:
    good, bad = cloth(12, seed=1), cloth(12, seed=1, defect=True)
    mean = np.mean(cloth(16, seed=0), axis=0)
    by_mean = _auroc(*(np.array([((image - mean) ** 2).mean() for image in images]) for images in (good, bad)))
    ours = _auroc(-detector.score_samples(good), -detector.score_samples(bad))
    assert ours >= 0.95 and ours > by_mean + 0.2


def test_the_map_is_highest_in_the_defect(cloth, detector) -> None:
    good, bad = cloth(3, seed=2), cloth(3, seed=2, defect=True)
    for before, after in zip(good, bad, strict=True):
        painted = np.abs(after.astype(int) - before).max(axis=2) > 20
        heat = detector.score_map(after)
        assert heat.shape == (64, 64)
        assert heat[painted].mean() > 2 * heat[~painted].mean()


def test_scores_do_not_depend_on_the_other_images(cloth, detector) -> None:
    images = [*cloth(3, seed=3), *cloth(3, seed=4, defect=True)]
    together = detector.score_samples(images)
    alone = np.concatenate([detector.score_samples([image]) for image in reversed(images)])[::-1]
    np.testing.assert_array_equal(together, alone)


def test_two_trainings_are_alike_and_another_seed_differs(cloth, detector) -> None:
    images = cloth(3, seed=5)
    again = AnomalyDetector("patches").fit(cloth(16, seed=0))
    other = AnomalyDetector("patches", random_state=1).fit(cloth(16, seed=0))
    np.testing.assert_array_equal(again.score_samples(images), detector.score_samples(images))
    assert not np.array_equal(other.score_samples(images), detector.score_samples(images))


def test_good_images_score_about_one_and_are_predicted_as_such(cloth, detector) -> None:
    good, bad = cloth(12, seed=6), cloth(12, seed=6, defect=True)
    assert 0.7 < np.median(-detector.score_samples(good)) < 1.3
    assert (detector.predict(good) == 1).mean() > 0.8 and (detector.predict(bad) == -1).mean() > 0.8


def test_fewer_false_alarms_need_a_higher_threshold(detector) -> None:
    detector.good_scores_, kept = np.linspace(0.5, 1.5, 101), detector.good_scores_
    try:
        assert detector.threshold(0.1) == pytest.approx(1.4)
        assert detector.false_alarms_at(detector.threshold(0.1)) == pytest.approx(10 / 101)
        assert detector.threshold(0.5) == pytest.approx(1.0)
        assert detector.threshold(0.001) > 1.5, "beyond what 101 images can show"
    finally:
        detector.good_scores_ = kept


def test_digits_as_an_array(detector) -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = (digits.images / 16).astype(np.float32)
    ones, others = images[digits.target == 1], images[digits.target == 0]
    fitted = AnomalyDetector("patches").fit(ones[:100])
    assert _auroc(-fitted.score_samples(ones[100:130]), -fitted.score_samples(others[:30])) > 0.9
    assert fitted.score_map(ones[0]).shape == (8, 8)


def test_it_is_an_estimator(cloth) -> None:
    copy = clone(AnomalyDetector("patches", size=64))
    assert copy.get_params() == {"method": "patches", "size": 64, "false_alarms": 0.01, "random_state": 0}
    with pytest.raises(NotFittedError):
        copy.score_samples(cloth(1, seed=0))


def test_mistakes_are_explained(cloth, detector) -> None:
    with pytest.raises(UnusableData, match="9 good images are too few; at least 10 are needed"):
        AnomalyDetector("patches").fit(cloth(9, seed=0))
    with pytest.raises(UsageError, match="method must be one of auto, reconstruction, patches, segmentation"):
        AnomalyDetector("magic").fit(cloth(10, seed=0))
    with pytest.raises(UsageError, match="between 0 and 1"):
        detector.threshold(1.0)


@pytest.mark.long
def test_automatic_choice_keeps_the_best(cloth) -> None:
    detector = AnomalyDetector().fit(cloth(20, seed=0))
    assert set(detector.comparison_) == {"reconstruction", "patches", "segmentation"}
    assert detector.comparison_[detector.scorer_.method] == max(detector.comparison_.values())


def test_odd_ones_out_stand_alone() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 8))
    rows[17] += 8
    scores = odd_ones_out(rows)
    assert scores.argmax() == 17 and scores[17] > 1.5 * np.sort(scores)[-2]
    assert np.median(scores) == pytest.approx(1, abs=0.1)
    np.testing.assert_array_equal(odd_ones_out(rows[:2]), [1, 1])
