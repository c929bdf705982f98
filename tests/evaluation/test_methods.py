import sys

import numpy as np
import pytest

from denoiser.errors import Missing, MissingExtra
from denoiser.evaluation.denoising import score
from denoiser.evaluation.methods import baseline
from denoiser.evaluation.samples import white_set
from denoiser.events import CancelToken


@pytest.mark.parametrize("grey", [False, True])
def test_non_local_means_takes_noise_away_at_its_best_strength(photos, quiet, grey):
    fixed, oracle = score(
        white_set(photos, 25, grey=grey), [baseline("nlm", 25)], progress=quiet, cancel=CancelToken()
    )
    assert fixed.gain > 4 and oracle.psnr >= fixed.psnr
    assert fixed.label.startswith("non-local means, best fixed (")


def test_non_local_means_keeps_red_red(photos):
    sample = white_set(photos, 0).load(2)
    weakest = next(iter(baseline("nlm", None).settings.values()))
    assert np.abs(weakest(sample).astype(int) - sample.truth).mean() < 3


def test_the_strengths_follow_the_level_where_it_is_known():
    known, unknown = baseline("nlm", 50), baseline("nlm", None)
    known, unknown = ([float(strength) for strength in method.settings] for method in (known, unknown))
    assert 25 <= known[0] < known[-1] < 60
    assert unknown[0] < 4 and unknown[-1] > 20


@pytest.mark.long
@pytest.mark.parametrize("grey", [False, True])
def test_block_matching_beats_non_local_means(photos, quiet, grey):
    pytest.importorskip("bm3d", reason="its licence keeps it out of the extras")
    methods = [baseline(name, 25) for name in ("nlm", "bm3d")]
    nlm, _, bm3d = score(white_set(photos, 25, grey=grey), methods, progress=quiet, cancel=CancelToken())
    assert bm3d.psnr > nlm.psnr and bm3d.best_of == 1


def test_a_missing_package_is_an_error_with_the_command_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    monkeypatch.setitem(sys.modules, "bm3d", None)
    with pytest.raises(MissingExtra) as opencv:
        baseline("nlm", 25)
    assert "pip install 'denoiser-studio[bench]'" in opencv.value.hint
    with pytest.raises(Missing) as bm3d:
        baseline("bm3d", 25)
    assert "pip install bm3d" in bm3d.value.hint and "non-commercial" in bm3d.value.hint
