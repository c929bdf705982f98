"""The estimator: scikit-learn's own checks, and what codes, scores and samples must be."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from denoiser.errors import MissingModel, UntrustedWeights, UnusableData
from denoiser.options import AutoencoderOptions
from denoiser.workbench.autoencoder import Autoencoder, load_autoencoder

_QUICK = {"epochs": 16, "batch": 64, "learning_rate": 0.01}


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return (load_digits().images / 16).astype(np.float32)


@pytest.fixture(scope="module")
def variational(images) -> Autoencoder:
    return Autoencoder(kind="variational", code=6, layers="64", **_QUICK).fit(images)


def test_the_checks_of_scikit_learn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(Autoencoder(epochs=1), on_fail=None)
    failed = {result["check_name"]: result["exception"] for result in results if result["status"] == "failed"}
    assert not failed and len(results) > 40


def test_parameters_are_those_of_the_options() -> None:
    fields = {field.name: field.default for field in dataclasses.fields(AutoencoderOptions)}
    assert Autoencoder().get_params() == fields


def test_codes_do_not_depend_on_batch_or_order(variational, images) -> None:
    whole = variational.transform(images[:40])
    alone = np.concatenate([variational.transform(images[number : number + 1]) for number in range(40)])
    backwards = variational.transform(images[:40][::-1])[::-1]
    assert np.allclose(whole, alone, atol=1e-5) and np.allclose(whole, backwards, atol=1e-5)


def test_codes_decode_to_the_reconstruction(variational, images) -> None:
    decoded = variational.inverse_transform(variational.transform(images[:9]))
    assert decoded.shape == (9, 8, 8)
    assert np.array_equal(decoded, variational.reconstruct(images[:9]))


def test_a_model_is_saved_and_loaded(variational, images, tmp_path: Path) -> None:
    variational.save(tmp_path / "m.safetensors")
    loaded = load_autoencoder(tmp_path / "m.safetensors")
    assert loaded.get_params() == variational.get_params()
    assert np.array_equal(loaded.transform(images[:5]), variational.transform(images[:5]))
    assert loaded.image_shape == (1, 8, 8)
    (tmp_path / "m.safetensors").write_bytes(b"0" * 100)
    with pytest.raises(UntrustedWeights):
        load_autoencoder(tmp_path / "m.safetensors")


def test_a_denoiser_is_not_an_autoencoder(pytestconfig) -> None:
    weights = pytestconfig.rootpath / "weights" / "denoiser-fast.safetensors"
    with pytest.raises(MissingModel, match="is a denoiser, not an autoencoder"):
        load_autoencoder(weights)


def test_noise_is_less_familiar_than_digits(variational, images) -> None:
    noise = np.random.default_rng(0).random((50, 8, 8), dtype=np.float32)
    assert variational.score_samples(noise).max() < np.median(variational.score_samples(images))
    assert variational.score(images) == pytest.approx(variational.score_samples(images).mean())


def test_more_samples_tighten_the_bound(variational, images) -> None:
    part = images[:60]
    elbo = variational.log_likelihood(part, samples=1, seed=1).mean()
    tight = variational.log_likelihood(part, samples=200).mean()
    assert tight > elbo + 0.3
    # Against numerical integration over a grid, for a code of one number.
    narrow = Autoencoder(kind="variational", code=1, layers="16", epochs=2).fit(images)
    grid = np.linspace(-6, 6, 4001)[:, None].astype(np.float32)
    decoded = narrow.inverse_transform(grid).reshape(len(grid), -1).clip(1e-7, 1 - 1e-7)
    image = images[0].reshape(-1)
    log_likelihood = (image * np.log(decoded) + (1 - image) * np.log(1 - decoded)).sum(axis=1)
    prior = -0.5 * grid[:, 0] ** 2 - 0.5 * np.log(2 * np.pi)
    exact = np.log(np.exp(log_likelihood + prior).sum() * (grid[1, 0] - grid[0, 0]))
    assert narrow.log_likelihood(images[:1], samples=4000)[0] == pytest.approx(exact, abs=0.05)


def test_only_variational_ones_have_a_likelihood(images) -> None:
    with pytest.raises(UnusableData, match="Only variational"):
        Autoencoder(epochs=1).fit(images[:50]).log_likelihood(images[:1])


def test_samples_differ_and_look_like_digits(variational, images) -> None:
    drawn = variational.sample(30, seed=1)
    assert drawn.shape == (30, 8, 8)
    assert np.array_equal(drawn, variational.sample(30, seed=1))
    assert not np.array_equal(drawn, variational.sample(30, seed=2))
    assert np.std(drawn, axis=0).mean() > 0.05
    noise = np.random.default_rng(0).random((30, 8, 8), dtype=np.float32)

    def distance(those) -> float:
        pairs = those.reshape(len(those), 1, -1) - images.reshape(1, len(images), -1)
        return float(np.square(pairs).sum(axis=2).min(axis=1).mean())

    assert distance(drawn) < 0.5 * distance(noise)


def test_it_drops_into_a_pipeline() -> None:
    digits = load_digits()
    model = make_pipeline(Autoencoder(code=16, **_QUICK), LogisticRegression(max_iter=2000))
    assert cross_val_score(model, digits.data / 16, digits.target, cv=2).mean() > 0.75


def test_labels_are_predicted(images) -> None:
    target = np.array([f"digit {number}" for number in load_digits().target])
    model = Autoencoder(label_weight=1.0, **_QUICK).fit(images[:1500], target[:1500])
    assert (model.predict(images[1500:]) == target[1500:]).mean() > 0.8
    assert not hasattr(Autoencoder(), "predict")


def test_images_of_another_size_are_refused(variational) -> None:
    with pytest.raises(UnusableData, match="takes 64 values"):
        variational.transform(np.zeros((2, 9, 9), np.float32))
