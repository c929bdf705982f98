"""Self-made defects."""

from __future__ import annotations

import numpy as np
import pytest

from denoiser.workbench.anomaly.defects import COMPARED_KINDS, TRAINED_KINDS, painted, poisson_blended

KINDS = tuple(dict.fromkeys((*TRAINED_KINDS, *COMPARED_KINDS)))


@pytest.fixture
def images(cloth) -> list[np.ndarray]:
    return [image.astype(np.float32) / 255 for image in cloth(2, seed=3)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_defect_changes_what_its_map_shows_and_nothing_else(images, kind: str) -> None:
    image, other = images
    changed, defective = painted(image, other, [kind], np.random.default_rng(1))
    difference = np.abs(changed - image).max(axis=2)
    assert changed.dtype == np.float32 and changed.min() >= 0 and changed.max() <= 1
    assert defective.max() > 0 and defective.min() == 0 and defective.max() <= 1
    assert difference[defective == 0].max() <= 0.031
    assert (defective > 0).mean() < 0.6


def test_the_same_random_numbers_give_the_same_defects(images) -> None:
    first, second = (painted(*images, TRAINED_KINDS, np.random.default_rng(5))[0] for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, painted(*images, TRAINED_KINDS, np.random.default_rng(6))[0])


def test_the_head_is_not_compared_on_the_kinds_it_was_trained_on() -> None:
    assert not set(TRAINED_KINDS) & set(COMPARED_KINDS)


def test_where_nothing_can_change_there_is_no_defect() -> None:
    black = np.zeros((32, 32, 3), np.float32)
    changed, defective = painted(black, black, ["blended", "blurred", "twisted"], np.random.default_rng(0))
    assert np.array_equal(changed, black) and not defective.any()


def test_blending_keeps_the_border_and_the_gradients_of_the_patch() -> None:
    rng = np.random.default_rng(0)
    below = np.full((20, 30, 3), 0.4, np.float32)
    patch = rng.uniform(0, 0.2, below.shape).astype(np.float32)
    patch[[0, -1]] = patch[:, [0, -1]] = 0.1  # as even at its border as the image
    blended = poisson_blended(below, patch)
    np.testing.assert_array_equal(blended[[0, -1]], below[[0, -1]])
    np.testing.assert_allclose(blended - blended[0, 0], patch - patch[0, 0], atol=1e-5)


def test_steeper_gradients_of_the_image_stay() -> None:
    below = np.tile(np.linspace(0, 1, 20, dtype=np.float32)[:, None, None], (1, 24, 3))
    np.testing.assert_allclose(poisson_blended(below, np.full_like(below, 0.9)), below, atol=1e-5)
