"""Layouts, clusters, probes: groups stay together, results are repeatable, small tables work."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from denoiser.errors import MissingExtra, UnusableData, UsageError

pytest.importorskip("sklearn")

from denoiser.workbench.analysis import (
    cluster,
    feature_space,
    lay_out,
    located,
    probe,
    reconstruction_errors,
)

Scenes = Callable[[int], list[Path]]


def _groups(count: int = 3, of: int = 20) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(count), of)
    return (random.normal(0, 6, (count, 10))[labels] + random.normal(0, 1, (count * of, 10))).astype(
        np.float32
    ), labels


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_a_layout_keeps_groups_together_and_is_repeatable(method: str) -> None:
    points, labels = _groups()
    places = lay_out(points, method)
    assert np.array_equal(places, lay_out(points, method))
    distances = np.linalg.norm(places[:, None] - places[None], axis=2) + np.eye(len(places)) * 1e9
    assert np.mean(labels[distances.argmin(1)] == labels) > 0.95


@pytest.mark.long
def test_umap_keeps_groups_together_and_is_repeatable() -> None:
    pytest.importorskip("umap")
    points, labels = _groups()
    places = lay_out(points, "umap")
    assert np.array_equal(places, lay_out(points, "umap"))
    distances = np.linalg.norm(places[:, None] - places[None], axis=2) + np.eye(len(places)) * 1e9
    assert np.mean(labels[distances.argmin(1)] == labels) > 0.95


@pytest.mark.parametrize("method", ["pca", "tsne"])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 6])
def test_few_images_are_laid_out_too(method: str, count: int) -> None:
    places = lay_out(_groups()[0][:count], method)
    assert places.shape == (count, 2) and np.isfinite(places).all()


def test_an_unknown_layout_is_refused() -> None:
    with pytest.raises(UsageError, match="layout must be one of pca, tsne, umap"):
        lay_out(_groups()[0], "circle")


def test_clusters_are_found_counted_and_numbered_by_size() -> None:
    points, labels = _groups()
    points, labels = points[:50], labels[:50]  # the last group is the smallest
    found = cluster(points)
    assert found.max() == 2
    assert all(len(set(found[labels == label])) == 1 for label in range(3))
    assert found[-1] == 2
    assert cluster(points, 5).max() == 4


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_images_have_clusters(count: int) -> None:
    assert len(cluster(_groups()[0][:count])) == count


def test_more_clusters_than_different_images_are_refused() -> None:
    with pytest.raises(UsageError, match="5 clusters need as many different images; there are 1"):
        cluster(np.zeros((9, 2), np.float32), 5)


def test_a_probe_finds_labels_and_none_in_chance() -> None:
    points, labels = _groups()
    accuracy, folds = probe(points, labels.astype(str).tolist())
    assert accuracy > 0.95 and folds == 5
    shuffled = np.random.default_rng(1).permutation(labels).astype(str).tolist()
    assert probe(points, shuffled)[0] < 0.6


@pytest.mark.parametrize(
    ("labels", "words"), [(["a"] * 6, "at least two folders"), (["a"] * 5 + ["b"], "b has one")]
)
def test_a_probe_needs_labels(labels: list[str], words: str) -> None:
    with pytest.raises(UnusableData, match=words):
        probe(_groups()[0][:6], labels)


def test_pca_is_compared_at_the_same_dimension() -> None:
    from sklearn.decomposition import PCA

    points = _groups()[0]
    ours, pca = reconstruction_errors(PCA(4).fit(points), points)
    assert ours == pytest.approx(pca, rel=1e-4) and ours > 0
    worse, better = reconstruction_errors(PCA(4).fit(points[:5]), points)
    assert worse > better == pytest.approx(pca, rel=1e-4)


def test_the_space_has_unit_vectors_and_codes_stay_as_they_are(scenes: Scenes) -> None:
    from denoiser.workbench.embedding import embed

    table = embed(scenes(5))
    space = feature_space(table)
    np.testing.assert_allclose(np.linalg.norm(space, axis=1), 1, rtol=1e-5)
    table.attrs["codes"] = True
    assert np.array_equal(feature_space(table), np.stack(list(table["features"])))


def test_a_located_table_has_places_and_clusters(scenes: Scenes) -> None:
    from denoiser.workbench.embedding import embed

    table = located(embed(scenes(6)))
    assert np.isfinite(table[["x", "y"]].to_numpy()).all()
    assert table["cluster"].min() == 0


def test_the_extra_is_named_where_scikit_learn_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.decomposition", None)
    with pytest.raises(MissingExtra, match="sklearn"):
        lay_out(_groups()[0], "pca")
