import numpy as np
import pytest

from denoiser import models
from denoiser.errors import UnusableData
from denoiser.evaluation import robustness
from denoiser.evaluation.denoising import score
from denoiser.evaluation.methods import given_level
from denoiser.evaluation.samples import untouched_set, white_set
from denoiser.events import CancelToken


@pytest.fixture(scope="module")
def model():
    return models.load(models.find("fast", "cpu"))


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
