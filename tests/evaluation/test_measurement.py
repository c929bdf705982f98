import pytest

from denoiser.errors import UsageError
from denoiser.evaluation import tables
from denoiser.evaluation.measurement import Wanted, measure
from denoiser.events import CancelToken


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
        Wanted(**words)


def test_each_level_is_a_set_and_all_who_take_part_meet_the_same_pictures(session, photos, quiet):
    wanted = Wanted(levels=(10.0, 40.0), automatic=True, baselines=("nlm",), limit=2)
    measured = measure(session, photos, wanted, progress=quiet, cancel=CancelToken())
    assert [one.samples.what for one in measured] == ["white 10", "white 40"]
    for one in measured:
        assert [score.contender for score in one.scores] == [
            "denoiser-fast, level given",
            "denoiser-fast, automatic",
            "non-local means",
            "non-local means",
        ]
        assert len({tuple(p.noisy_psnr for p in score.pictures) for score in one.scores}) == 1


def test_the_sheet_has_a_column_for_each_and_rows_from_each_set(session, photos, quiet):
    wanted = Wanted(levels=(10.0, 40.0), limit=2)
    plain = tables.sheet(measure(session, photos, wanted, progress=quiet, cancel=CancelToken()))
    wanted = Wanted(levels=(10.0,), baselines=("nlm",), limit=2)
    wider = tables.sheet(measure(session, photos, wanted, progress=quiet, cancel=CancelToken()))
    assert wider.width - plain.width == 328  # a panel and its gap
    assert plain.height - 48 == 2 * (wider.height - 48)  # two sets, two pictures of each


def test_the_sheet_of_clean_images_shows_what_was_taken(session, photos, quiet):
    measured = measure(session, photos, Wanted(kind="untouched"), progress=quiet, cancel=CancelToken())
    sheet = tables.sheet(measured)
    assert sheet.height > 3 * 500
    assert sheet.width == 3 * 328 - 8 + 48
