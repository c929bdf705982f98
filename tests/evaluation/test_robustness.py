import math

import numpy as np
import pytest

from denoiser.errors import UnusableData
from denoiser.evaluation import robustness
from denoiser.evaluation.denoising import score
from denoiser.evaluation.methods import given_level
from denoiser.evaluation.samples import untouched_set, white_set
from denoiser.events import CancelToken
from denoiser.models import catalog, loading


@pytest.fixture(scope="module")
def sets(photos):
    """Each kind of degradation on the three photos, by name."""
    clean = untouched_set(photos)
    return {degradation.what: robustness._degraded(clean, degradation) for degradation in robustness.DEGRADATIONS}


def test_every_degradation_is_the_same_each_time_and_an_8_bit_file(sets):
    for samples in sets.values():
        one, again = samples.load(0), samples.load(0)
        assert np.array_equal(one.source.pixels, again.source.pixels)
        assert one.source.bits == 8 and one.source.pixels.shape == one.truth.shape
        assert not np.array_equal(one.source.pixels, one.truth)


def test_jpeg_comes_after_the_noise_and_takes_from_it(sets):
    def error(what):
        sample = sets[what].load(0)
        return math.sqrt(np.square(sample.noisy * 255 - sample.truth).mean())

    assert error("white 25") == pytest.approx(24, abs=1.5)
    assert error("white 25, then JPEG 30") < error("white 25") - 3


def test_what_is_out_of_focus_is_the_truth(sets, photos):
    sharp = untouched_set(photos).load(0).truth.astype(float)
    soft = sets["out of focus, then white 15"].load(0).truth.astype(float)
    assert np.abs(np.diff(soft, axis=0)).mean() < 0.6 * np.abs(np.diff(sharp, axis=0)).mean()
    assert soft.mean() == pytest.approx(sharp.mean(), abs=1)


def test_the_table_has_a_line_for_all_of_it(session, photos, quiet):
    model = loading.load(catalog.find("fast", "cpu"))
    scores = robustness.table(session, photos, model=model, limit=1, progress=quiet, cancel=CancelToken())
    names = [score.what for score in scores]
    assert len(names) == len(set(names)) == len(robustness.DEGRADATIONS) + 6
    of = {score.what: score for score in scores}
    assert of["white 25, given 25"].psnr > max(of["white 25, given 17.5"].psnr, of["white 25, given 32.5"].psnr)
    assert all(score.gain > 3 for name, score in of.items() if name.startswith("white 25, given"))
    assert all(math.isfinite(score.gain) for score in scores)


@pytest.fixture(scope="module")
def model():
    return loading.load(catalog.find("fast", "cpu"))


@pytest.mark.parametrize("grey", [False, True])
def test_an_attack_stays_in_its_budget_and_costs_more_than_chance(session, model, photos, quiet, grey):
    import dataclasses

    white = white_set(photos, 25, grey=grey)
    moved = {
        "none": lambda sample: sample,
        "chance": robustness.random_nearby,
        "attack": lambda sample: robustness.worst_nearby(model, sample),
    }
    psnr = {}
    for name, change in moved.items():
        samples = dataclasses.replace(white, load=lambda number, change=change: change(white.load(number)))
        assert np.abs(samples.load(0).noisy - white.load(0).noisy).max() <= robustness.BUDGET + 1e-6
        (result,) = score(samples, [given_level(session, CancelToken())], progress=quiet, cancel=CancelToken())
        psnr[name] = result.psnr
    assert abs(psnr["none"] - psnr["chance"]) < 0.2
    assert psnr["attack"] < psnr["chance"] - 0.3


def test_an_attack_needs_a_level_to_tell(model, photos):
    with pytest.raises(UnusableData, match="noise level is unknown"):
        robustness.worst_nearby(model, untouched_set(photos).load(0))
