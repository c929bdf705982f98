"""Private training: the accounting, and what reaches the optimiser."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

pytest.importorskip("opacus")
pytest.importorskip("sklearn")

from denoiser.errors import UsageError
from denoiser.models.card import read_card
from denoiser.options import AutoencoderOptions
from denoiser.training.autoencoder import plan_of, train_autoencoder
from denoiser.training.image_sets import ImageSet, load_image_set
from denoiser.training.private import privacy_of


@pytest.fixture(scope="module")
def digits() -> ImageSet:
    return load_image_set("digits")


def test_less_epsilon_needs_more_noise(digits) -> None:
    def noise(epsilon: float, epochs: int = 5) -> float:
        options = AutoencoderOptions(private=epsilon, epochs=epochs)
        found = privacy_of(options, plan_of(options, digits), 1000)
        assert found is not None and found.epsilon <= epsilon
        return found.noise

    assert noise(1.0) > noise(3.0) > noise(10.0)
    assert noise(3.0, epochs=20) > noise(3.0)


def test_without_private_there_is_none(digits) -> None:
    options = AutoencoderOptions()
    assert privacy_of(options, plan_of(options, digits), 1000) is None


@pytest.mark.parametrize("words", [{"kind": "sparse"}, {"kind": "regularised"}, {"label_weight": 1.0}])
def test_kinds_whose_loss_mixes_images_are_refused(digits, words) -> None:
    options = AutoencoderOptions(private=3.0, **words)
    with pytest.raises(UsageError, match="private does not apply"):
        privacy_of(options, plan_of(options, digits), 1000)


@pytest.mark.parametrize("kind", ["basic", "convolutional", "variational"])
def test_a_private_model_learns_and_states_its_epsilon(digits, tmp_path: Path, kind) -> None:
    layers = "4,8" if kind == "convolutional" else "32"
    options = AutoencoderOptions(kind=kind, layers=layers, code=8, private=20.0, epochs=3, learning_rate=0.01)
    report = train_autoencoder(digits, tmp_path, options)
    card = read_card(report.weights.with_suffix(".toml"))
    assert (
        report.finished and 10 < card.training["epsilon"] <= 20 and card.training["delta"] < 1 / len(digits.train)
    )


def test_gradients_are_clipped_image_by_image(digits, monkeypatch, tmp_path: Path) -> None:
    from denoiser.training import denoiser as training

    captured = []

    def keep(run, _logbook, _cancel) -> None:
        captured.append(run)
        run.step()

    monkeypatch.setattr(training, "train", keep)
    options = AutoencoderOptions(private=1000.0, epochs=1, layers="16", code=4, batch=64)
    monkeypatch.setattr("denoiser.training.private._CLIP", 0.001)
    train_autoencoder(digits, tmp_path, options)
    optimiser = captured[0].optimisers[1]
    total = torch.cat([parameter.summed_grad.flatten() for parameter in optimiser.params])
    images = captured[0].recipe.stages[0].batch
    assert 0 < float(total.norm()) <= 0.001 * 2 * images
