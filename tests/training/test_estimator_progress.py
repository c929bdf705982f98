"""What is told of the training of the estimator, and how often."""

import pytest

from denoiser.options import EstimatorOptions
from denoiser.training import estimator_progress
from denoiser.training.estimator_progress import EstimatorProgress


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(estimator_progress.time, "monotonic", lambda: now[0])
    return now


def test_it_goes_from_nothing_to_all_of_the_work(clock):
    events = []
    progress = EstimatorProgress(events.append, EstimatorOptions(crops=1000, steps=2000), 0)
    for crops in (40, 520, 1002):
        clock[0] += 60
        progress.made(crops)
    for step in (1000, 2000):
        clock[0] += 60
        progress.learned(step, 0.5)
    assert [event.note for event in events] == [
        "lessons from 40 of 1,000 crops; about 32 min left",
        "lessons from 520 of 1,000 crops; about 3 min left",
        "lessons from 1,000 of 1,000 crops; about 1 min left",
        "step 1,000 of 2,000, loss 0.500; about 1 min left",
        "step 2,000 of 2,000, loss 0.500",
    ]
    fractions = [event.fraction for event in events]
    assert fractions == sorted(fractions) and fractions[-1] == 1
    assert [event.step for event in events] == [0, 0, 0, 1000, 2000]


def test_it_does_not_chatter(clock):
    events = []
    progress = EstimatorProgress(events.append, EstimatorOptions(crops=1000, steps=2000), 0)
    for crops in range(40, 1001, 40):
        clock[0] += 1
        progress.made(crops)
    assert len(events) == 4  # the first, two after ten seconds each, the last


def test_what_was_there_before_is_not_taken_for_speed(clock):
    events = []
    progress = EstimatorProgress(events.append, EstimatorOptions(crops=1000, steps=1), 900)
    clock[0] += 60
    progress.made(950)
    assert events[0].seconds_left == pytest.approx(60, rel=0.01)
