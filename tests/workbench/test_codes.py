"""Interpolation and explanation of codes, on models whose codes have a known meaning."""

from __future__ import annotations

import numpy as np
import pytest
import torch

pytest.importorskip("sklearn")

from denoiser.workbench.autoencoder import Autoencoder
from denoiser.workbench.codes import explain, interpolate, strongest_images


@pytest.fixture(scope="module")
def squares() -> np.ndarray:
    """A bright column at one of eight places."""
    images = np.zeros((400, 8, 8), np.float32)
    images[np.arange(400), :, np.random.default_rng(0).integers(0, 8, 400)] = 1
    return images


@pytest.fixture(scope="module")
def model(squares) -> Autoencoder:
    return Autoencoder(code=4, layers="32", epochs=60, batch=64, learning_rate=0.01).fit(squares)


def test_interpolation_begins_and_ends_at_the_reconstructions(model, squares) -> None:
    between = interpolate(model, squares[0], squares[1], steps=5)
    ends = model.reconstruct(squares[:2])
    assert between.shape == (5, 8, 8)
    assert np.allclose(between[[0, -1]], ends, atol=1e-5)
    middle = model.inverse_transform(model.transform(squares[:2]).mean(axis=0, keepdims=True))
    assert np.allclose(between[2], middle[0], atol=1e-5)


def test_latents_come_by_their_deviation_over_the_training_images(model, squares) -> None:
    measured = model.transform(squares).std(axis=0)
    found = explain(model, squares[0], latents=4)
    assert [latent.index for latent in found] == np.argsort(-measured).tolist()
    assert [latent.deviation for latent in found] == pytest.approx(np.sort(measured)[::-1].tolist(), rel=0.1)
    assert found[0].active


def test_a_strip_changes_one_number_of_the_code(model, squares) -> None:
    latent = explain(model, squares[0], latents=1, steps=7)[0]
    code = model.transform(squares[:1])
    assert np.allclose(latent.strip[3], model.inverse_transform(code)[0], atol=1e-5)
    code[0, latent.index] += 3 * latent.deviation
    assert np.allclose(latent.strip[-1], model.inverse_transform(code)[0], atol=1e-3)
    assert np.abs(latent.strip[0] - latent.strip[-1]).max() > 0.1


def test_a_number_that_never_varies_is_inactive(squares) -> None:
    model = Autoencoder(code=3, layers="16", epochs=3).fit(squares)
    model.network_.get_buffer("code_spread").copy_(torch.diag(torch.tensor([1.0, 0.05, 0.5])))
    assert {latent.index: latent.active for latent in explain(model, squares[0])} == {0: True, 2: True, 1: False}


def test_activations_of_sparse_codes_stay_positive(squares) -> None:
    model = Autoencoder(kind="sparse", sparsity="topk", code=12, layers="16", epochs=3).fit(squares)
    latent = explain(model, squares[0], latents=1)[0]
    code = model.transform(squares[:1])
    code[0, latent.index] = 0
    assert np.allclose(latent.strip[0], model.inverse_transform(code)[0], atol=1e-5)


def test_the_images_that_activate_a_unit_most(squares) -> None:
    model = Autoencoder(kind="sparse", code=16, layers="32", epochs=30, batch=64, learning_rate=0.01).fit(squares)
    codes = model.transform(squares)
    found = strongest_images(model, squares, units=4, count=6)
    assert len(found) == 4
    for unit, images in found.items():
        assert codes[images, unit].min() >= np.sort(codes[:, unit])[-6]
