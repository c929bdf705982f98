"""Training of autoencoders: each kind does what its name promises, on the digits of scikit-learn."""

from __future__ import annotations

import csv
import dataclasses
import math
from pathlib import Path

import pytest
import torch

from denoiser.errors import UnusableData
from denoiser.events import CancelToken, TrainingProgress
from denoiser.models.card import read_card
from denoiser.options import AutoencoderOptions
from denoiser.options.autoencoders import CORRUPTIONS, KINDS
from denoiser.training.autoencoder import (
    SQUARED_ERROR,
    augmented,
    corrupted,
    kl_from_normal,
    kl_from_rate,
    pca_error,
    plan_of,
    train_autoencoder,
)
from denoiser.training.image_sets import ImageSet, load_image_set

pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def digits() -> ImageSet:
    return load_image_set("digits")


def _train(digits, folder, **words):
    common = {"epochs": 16, "layers": "64", "code": 12, "batch": 64, "learning_rate": 0.01}
    options = AutoencoderOptions(**(common | words))
    return train_autoencoder(digits, folder, options)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_learns(digits, tmp_path: Path, kind) -> None:
    layers = "8,16" if kind == "convolutional" else "64"
    report = _train(digits, tmp_path / "run", kind=kind, layers=layers, sparsity_weight=0.01)
    untrained = _train(digits, tmp_path / "new", kind=kind, layers=layers, epochs=1)
    assert report.finished and report.weights.name == f"autoencoder-{kind}.safetensors"
    assert report.after.scores[SQUARED_ERROR] < 0.75 * untrained.after.scores[SQUARED_ERROR]
    files = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"loss.svg", "before-after.png", "log.csv", report.weights.name} <= files
    card = read_card(report.weights.with_suffix(".toml"))
    assert card.task == "autoencoder" and card.training["kind"] == kind and card.training["data"] == "digits"


def test_a_sparse_code_is_sparser(digits, tmp_path: Path) -> None:
    def share_active(**words) -> float:
        from denoiser.workbench.autoencoder import load_autoencoder

        report = _train(digits, tmp_path / str(words), kind="sparse", code=40, **words)
        code = load_autoencoder(report.weights).transform(digits.test[:, 0].numpy())
        return float((code > 0.1).mean())

    plain = share_active(sparsity="l1", sparsity_weight=0.0)
    assert share_active(sparsity="l1", sparsity_weight=0.2) < 0.7 * plain
    assert share_active(sparsity="kl", sparsity_weight=0.2) < 0.7 * plain
    assert share_active(sparsity="topk", target_rate=0.1) <= 0.1


def test_beta_lowers_the_divergence(digits, tmp_path: Path) -> None:
    def divergence(beta: float) -> float:
        from denoiser.workbench.autoencoder import load_autoencoder

        report = _train(digits, tmp_path / str(beta), kind="variational", beta=beta)
        network = load_autoencoder(report.weights).network_
        return float(kl_from_normal(*network.distribution(digits.test)).mean())

    assert divergence(4.0) < 0.7 * divergence(0.25)


def test_a_denoising_one_beats_a_basic_one_on_noisy_digits(digits, tmp_path: Path) -> None:
    from denoiser.workbench.autoencoder import load_autoencoder

    noisy = corrupted(digits.test, AutoencoderOptions(kind="denoising"), torch.Generator().manual_seed(5))

    def error(kind: str) -> float:
        network = load_autoencoder(_train(digits, tmp_path / kind, kind=kind).weights).network_
        return float((network.decode(network.encode(noisy)) - digits.test).square().sum() / len(noisy))

    assert error("denoising") < 0.8 * error("basic")


def test_penalties_shrink_what_they_are_on(digits, tmp_path: Path) -> None:
    from denoiser.workbench.autoencoder import load_autoencoder

    def trained(penalty: str, weight: float):
        name = f"{penalty} {weight}"
        words = {"kind": "regularised", "penalty": penalty, "penalty_weight": weight, "epochs": 6}
        return load_autoencoder(_train(digits, tmp_path / name, **words).weights)

    def size(penalty: str, weight: float) -> float:
        model = trained(penalty, weight)
        code = torch.from_numpy(model.transform(digits.test[:, 0].numpy()))
        values = [code] if "code" in penalty else [v for v in model.network_.parameters() if v.ndim > 1]
        return sum(float(value.abs().sum()) for value in values)

    for penalty in ("l1-weights", "l2-weights", "l1-code", "l2-code"):
        assert size(penalty, 0.1) < 0.8 * size(penalty, 0.0), penalty


def test_labels_are_learned_by_the_head(digits, tmp_path: Path) -> None:
    report = _train(digits, tmp_path / "run", label_weight=1.0)
    assert report.after.details["label accuracy"] > 0.85
    without = dataclasses.replace(digits, train_labels=None, test_labels=None)
    with pytest.raises(UnusableData, match="no labels"):
        train_autoencoder(without, tmp_path / "none", AutoencoderOptions(label_weight=1.0))


def test_a_stopped_training_continues_to_the_same_weights(digits, tmp_path: Path) -> None:
    def options(**words) -> AutoencoderOptions:
        return AutoencoderOptions(kind="variational", layers="32", code=4, epochs=40, **words)

    whole = train_autoencoder(digits, tmp_path / "whole", options())
    cancel = CancelToken()

    def stop_half_way(event) -> None:
        if isinstance(event, TrainingProgress) and event.step:
            cancel.cancel()

    cancel_after = train_autoencoder(digits, tmp_path / "half", options(), listener=stop_half_way, cancel=cancel)
    if not cancel_after.finished:
        cancel_after = train_autoencoder(digits, tmp_path / "half", options(), resume=True)
    assert cancel_after.finished
    assert whole.weights.read_bytes() == cancel_after.weights.read_bytes()


def test_the_log_has_points_for_the_curve(digits, tmp_path: Path) -> None:
    report = _train(digits, tmp_path)
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert float(rows[-1][SQUARED_ERROR]) == pytest.approx(report.after.scores[SQUARED_ERROR], abs=1e-3)


def test_divergences_against_closed_forms() -> None:
    mean, log_variance = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, math.log(4.0)]])
    assert float(kl_from_normal(mean, log_variance)) == pytest.approx(0.5 + 0.5 * (4 - 1 - math.log(4)))
    assert kl_from_rate(torch.tensor([0.1, 0.5]), 0.1).tolist() == pytest.approx(
        [0.0, 0.1 * math.log(0.2) + 0.9 * math.log(1.8)], abs=1e-6
    )


def test_pca_against_scikit_learn(digits) -> None:
    from sklearn.decomposition import PCA

    train, test = (half.flatten(1).numpy() for half in (digits.train, digits.test))
    pca = PCA(5).fit(train)
    error = ((pca.inverse_transform(pca.transform(test)) - test) ** 2).sum(axis=1).mean()
    assert pca_error(digits, 5) == pytest.approx(error, rel=1e-4)


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_each_corruption_changes_the_input_by_its_level(digits, corruption) -> None:
    options = AutoencoderOptions(kind="denoising", corruption=corruption, corruption_level=0.4)
    clean = digits.train[:200] * 0.5 + 0.25
    changed = corrupted(clean, options, torch.Generator().manual_seed(0)) - clean
    if corruption == "gaussian":
        assert float(changed.std()) == pytest.approx(0.4, abs=0.02)
    else:
        assert float((changed != 0).float().mean()) == pytest.approx(0.4, abs=0.03)


def test_augmentation_mirrors_shifts_and_rotates() -> None:
    image = torch.zeros(64, 1, 9, 9)
    image[:, :, 4, 6] = 1  # two pixels right of the centre

    def places(**words) -> set[tuple[int, int]]:
        moved = augmented(image, AutoencoderOptions(**words), torch.Generator().manual_seed(0))
        return {divmod(int(one.argmax()), 9) for one in moved}

    assert places() == {(4, 6)}
    assert places(flip=True) == {(4, 6), (4, 2)}
    shifted = places(shift=0.12)  # at most one pixel of nine
    assert shifted == {(4 + y, 6 + x) for y in (-1, 0, 1) for x in (-1, 0, 1)}
    assert {(2, 4), (6, 4)} <= places(rotate=180.0)


def test_whole_pixel_shifts_stay_sharp() -> None:
    images = (torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    moved = augmented(images, AutoencoderOptions(shift=0.2), torch.Generator().manual_seed(0))
    assert torch.allclose(moved, moved.round(), atol=1e-4)


def test_the_plan_follows_the_options(digits) -> None:
    plan = plan_of(AutoencoderOptions(kind="sparse", sparsity="topk", target_rate=0.25, code=16, epochs=3), digits)
    assert plan.settings["top_k"] == 4 and plan.steps == 3 * math.ceil(len(digits.train) / 128)
    assert plan_of(AutoencoderOptions(kind="convolutional"), digits).architecture == "autoencoder-convolutional-1"
