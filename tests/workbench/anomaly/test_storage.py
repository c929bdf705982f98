"""Detectors as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from denoiser.errors import MissingModel, UntrustedWeights, UsageError
from denoiser.models.card import read_card
from denoiser.workbench.anomaly import AnomalyDetector
from denoiser.workbench.anomaly.detector import pixels_of
from denoiser.workbench.anomaly.pixels import reduced
from denoiser.workbench.anomaly.scorer import Fitting
from denoiser.workbench.anomaly.storage import load_detector, model_path, save_detector

METHODS = ("patches", "reconstruction", "segmentation")


def _trained(cloth, method: str) -> AnomalyDetector:
    images = [reduced(pixels_of(image), 64) for image in cloth(10, seed=0)]
    return AnomalyDetector(method).fit_reduced(images, Fitting(steps=2))


@pytest.fixture
def stored(cloth, tmp_path: Path) -> Path:
    path = tmp_path / "m.safetensors"
    save_detector(_trained(cloth, "patches"), path, {"data": "good"})
    return path


@pytest.mark.parametrize("method", METHODS)
def test_a_loaded_detector_gives_the_same_scores(cloth, tmp_path: Path, method: str) -> None:
    detector, path = _trained(cloth, method), tmp_path / "m.safetensors"
    save_detector(detector, path, {"data": "good"})
    loaded, images = load_detector(path), cloth(3, seed=1, defect=True)
    np.testing.assert_allclose(loaded.score_samples(images), detector.score_samples(images), rtol=1e-5)
    assert loaded.threshold(0.01) == detector.threshold(0.01)
    assert loaded.scorer_.method == method


def test_the_card_describes_it(stored: Path) -> None:
    card = read_card(stored.with_suffix(".toml"))
    assert card.task == "detector" and card.settings["method"] == "patches"
    assert card.training["images"] == 10 and card.training["held_out"] == 4 and card.training["data"] == "good"


def test_a_modified_file_is_refused(stored: Path) -> None:
    data = bytearray(stored.read_bytes())
    data[-1] ^= 1
    stored.write_bytes(data)
    with pytest.raises(UntrustedWeights, match="modified or truncated"):
        load_detector(stored)


def test_a_card_that_does_not_fit_is_refused(stored: Path) -> None:
    card = stored.with_suffix(".toml")
    card.write_text(card.read_text().replace('method = "patches"', 'method = "segmentation"'))
    with pytest.raises(UntrustedWeights, match="does not match its card"):
        load_detector(stored)


def test_other_files_are_no_models(tmp_path: Path, tiny_weights: Path) -> None:
    with pytest.raises(MissingModel, match="is a denoiser, not a model of `denoise anomaly train`"):
        load_detector(tiny_weights)
    with pytest.raises(MissingModel, match="no such model"):
        load_detector(tmp_path / "none.safetensors")
    with pytest.raises(UsageError, match=r"a\.dlf: is a compressed image, not a model"):
        model_path("a.dlf")


@pytest.mark.parametrize(("name", "path"), [("m", "m.safetensors"), ("v1.2", "v1.2.safetensors")])
def test_the_suffix_may_be_left_out(name: str, path: str) -> None:
    assert model_path(name) == model_path(path) == Path(path)
