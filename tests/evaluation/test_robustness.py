import math

import numpy as np
import pytest

from denoiser import models
from denoiser.evaluation import robustness
from denoiser.evaluation.samples import untouched_set
from denoiser.events import CancelToken


@pytest.fixture(scope="module")
def sets(photos):
    """Each kind of trouble on the three photos, by name."""
    clean = untouched_set(photos)
    return {trouble.what: robustness._troubled(clean, trouble) for trouble in robustness.TROUBLES}


def test_every_trouble_is_the_same_each_time_and_an_8_bit_file(sets):
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
    model = models.load(models.find("fast", "cpu"))
    scores = robustness.table(session, photos, model=model, limit=1, progress=quiet, cancel=CancelToken())
    names = [score.what for score in scores]
    assert len(names) == len(set(names)) == len(robustness.TROUBLES) + 6
    of = {score.what: score for score in scores}
    assert of["white 25, given 25"].psnr > max(of["white 25, given 17.5"].psnr, of["white 25, given 32.5"].psnr)
    assert all(score.gain > 3 for name, score in of.items() if name.startswith("white 25, given"))
    assert all(math.isfinite(score.gain) for score in scores)
