import math

import numpy as np
import pytest

from denoiser import imageio
from denoiser.engine.session import Session
from denoiser.errors import Cancelled, UnusableData, UsageError
from denoiser.evaluation import tables
from denoiser.evaluation.denoising import EvaluationPlan, evaluate, score
from denoiser.evaluation.methods import Method, as_set, given_level
from denoiser.evaluation.samples import as_file, pair_set, untouched_set, white_set
from denoiser.events import CancelToken
from denoiser.image import from_numpy
from denoiser.options import DenoiseOptions


def _scaled(*factors):
    """A method that pulls towards grey, with several settings."""
    return Method("grey", {f"{f:g}": lambda s, f=f: as_file(0.5 + f * (s.noisy - 0.5)) for f in factors})


def test_a_score_has_values_before_and_after(session, photos, quiet):
    cancel = CancelToken()
    (ours,) = score(white_set(photos, 25), [given_level(session, cancel)], progress=quiet, cancel=cancel)
    assert ours.noisy_psnr == pytest.approx(20 * math.log10(255 / 25), abs=0.1)
    assert ours.psnr > ours.noisy_psnr + 6
    assert ours.gain == pytest.approx(ours.psnr - ours.noisy_psnr)
    assert [picture.name for picture in ours.images] == ["astronaut", "chelsea", "coffee"]
    assert not ours.harmed and ours.worst(1)[0].gain == min(picture.gain for picture in ours.images)


def test_grey_noise_is_removed_from_grey_images(session, photos, quiet):
    cancel = CancelToken()
    methods = [given_level(session, cancel), as_set(session, cancel, noise_level=None)]
    exactly, by_itself = score(white_set(photos, 25, grey=True), methods, progress=quiet, cancel=cancel)
    assert exactly.gain > 5 and by_itself.gain > 4
    assert (exactly.label, by_itself.label) == ("denoiser-fast, level given", "denoiser-fast, automatic")


def test_a_wrong_level_costs(session, photos, quiet):
    cancel = CancelToken()
    methods = [given_level(session, cancel, factor=factor) for factor in (0.5, 1, 2)]
    low, right, high = score(white_set(photos, 25), methods, progress=quiet, cancel=cancel)
    assert right.psnr > max(low.psnr, high.psnr) + 0.2


def test_of_several_settings_the_truth_chooses_for_all_and_for_each(photos, quiet):
    fixed, oracle = score(white_set(photos, 50), [_scaled(0.3, 0.6, 1.0)], progress=quiet, cancel=CancelToken())
    every = [
        score(white_set(photos, 50), [_scaled(factor)], progress=quiet, cancel=CancelToken())[0]
        for factor in (0.3, 0.6, 1.0)
    ]
    assert fixed.psnr == max(one.psnr for one in every) and fixed.best_of == 3
    assert oracle.psnr == pytest.approx(
        np.mean([max(tries) for tries in zip(*([p.psnr for p in one.images] for one in every), strict=True)])
    )
    assert fixed.label == f"grey, best fixed ({fixed.images[0].setting})"


def test_harm_is_counted_worst_first(tmp_path, quiet):
    random = np.random.default_rng(0)
    for name, wrong in (("a", 4), ("b", 40), ("c", 1)):
        clean = random.integers(60, 200, (20, 20, 3), np.uint8)
        noisy = (clean + random.integers(0, 2 * wrong, clean.shape)).astype(np.uint8)
        imageio.write(from_numpy(noisy), tmp_path / f"{name}__noisy.png")
        imageio.write(from_numpy(clean), tmp_path / f"{name}__clean.png")
    (grey,) = score(pair_set(tmp_path), [_scaled(0.9)], progress=quiet, cancel=CancelToken())
    assert [picture.name for picture in grey.harmed] == ["c", "a"]


def test_untouched_is_infinite_when_nothing_is_changed(photos, quiet):
    asleep = Session(DenoiseOptions(noise_level=0))
    cancel = CancelToken()
    method = as_set(asleep, cancel, noise_level=0)
    (nothing,) = score(untouched_set(photos), [method], progress=quiet, cancel=cancel)
    assert nothing.psnr == nothing.median_psnr == math.inf
    assert nothing.ssim == pytest.approx(1) and nothing.nearly_exact == 3 and nothing.gain == 0


def test_an_image_too_small_to_be_measured_is_named(tmp_path, quiet):
    imageio.write(from_numpy(np.zeros((8, 8, 3), np.uint8)), tmp_path / "tiny.png")
    with pytest.raises(UnusableData, match="tiny"):
        score(white_set(tmp_path, 5), [_scaled(1)], progress=quiet, cancel=CancelToken())


def test_a_measurement_can_be_stopped(photos):
    cancel = CancelToken()
    with pytest.raises(Cancelled):
        score(white_set(photos, 5), [_scaled(1)], progress=lambda _name: cancel.cancel(), cancel=cancel)


@pytest.mark.data
@pytest.mark.long
def test_the_bundled_weights_reach_the_values_on_their_card(session, data_folder, quiet):
    from denoiser.models import catalog

    promised = catalog.find("fast", "cpu").card.metrics["cbsd68_sigma25"]
    cancel = CancelToken()
    (ours,) = score(
        white_set(data_folder / "test" / "cbsd68", 25),
        [given_level(session, cancel)],
        progress=quiet,
        cancel=cancel,
    )
    assert ours.psnr == pytest.approx(promised, abs=0.03)


@pytest.mark.parametrize(
    "words",
    [
        {"kind": "other"},
        {"kind": "pairs", "grey": True},
        {"kind": "untouched", "automatic": True},
        {"automatic": True, "noise_level": 5.0},
        {"kind": "untouched", "baselines": ("nlm",)},
    ],
)
def test_words_that_do_not_fit_together(words):
    with pytest.raises(UsageError):
        EvaluationPlan(**words)


def test_each_level_is_a_set_and_all_methods_get_the_same_images(session, photos, quiet):
    plan = EvaluationPlan(levels=(10.0, 40.0), automatic=True, baselines=("nlm",), limit=2)
    evaluations = evaluate(session, photos, plan, progress=quiet, cancel=CancelToken())
    assert [one.samples.what for one in evaluations] == ["white 10", "white 40"]
    for one in evaluations:
        assert [score.method for score in one.scores] == [
            "denoiser-fast, level given",
            "denoiser-fast, automatic",
            "non-local means",
            "non-local means",
        ]
        assert len({tuple(p.noisy_psnr for p in score.images) for score in one.scores}) == 1


def test_the_sheet_has_a_column_for_each_and_rows_from_each_set(session, photos, quiet):
    plan = EvaluationPlan(levels=(10.0, 40.0), limit=2)
    plain = tables.sheet(evaluate(session, photos, plan, progress=quiet, cancel=CancelToken()))
    plan = EvaluationPlan(levels=(10.0,), baselines=("nlm",), limit=2)
    wider = tables.sheet(evaluate(session, photos, plan, progress=quiet, cancel=CancelToken()))
    assert wider.width - plain.width == 328  # a panel and its gap
    assert plain.height - 48 == 2 * (wider.height - 48)  # two sets, two pictures of each


def test_the_sheet_of_clean_images_shows_what_was_taken(session, photos, quiet):
    evaluations = evaluate(session, photos, EvaluationPlan(kind="untouched"), progress=quiet, cancel=CancelToken())
    sheet = tables.sheet(evaluations)
    assert sheet.height > 3 * 500
    assert sheet.width == 3 * 328 - 8 + 48
