"""Similar and odd photos: groups, the best copy, odd ones, progress and cancel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pandas")
pytest.importorskip("sklearn")

from denoiser import imageio
from denoiser.errors import Cancelled
from denoiser.events import CancelToken
from denoiser.image import from_numpy
from denoiser.options import WriteOptions
from denoiser_gui.model.finding import FoundPhoto, FoundStrip, PhotoFinder, Sorting, StripKind


def scene(seed: int, side: int = 240) -> np.ndarray:
    """Overlapping discs of colour with fine grain."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side] / side
    values = np.full((side, side, 3), 128.0)
    for _ in range(40):
        (y, x), radius = random.random(2), random.uniform(0.03, 0.15)
        values[(rows - y) ** 2 + (columns - x) ** 2 < radius**2] = random.uniform(20, 235, 3)
    return np.clip(values + random.normal(0, 3, values.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Ten scenes, a copy of the first at half the size, a drawing of stripes, and a file that is no image."""
    paths = [tmp_path / f"{number}.png" for number in range(10)]
    for number, path in enumerate(paths):
        imageio.write(from_numpy(scene(number)), path)
    half = scene(0).reshape(120, 2, 120, 2, 3).mean(axis=(1, 3)).round().astype(np.uint8)
    imageio.write(from_numpy(half), tmp_path / "copy.jpg", WriteOptions(quality=90))
    stripes = np.zeros((240, 240, 3), np.uint8)
    stripes[:, ::4] = 255
    imageio.write(from_numpy(stripes), tmp_path / "stripes.png")
    (tmp_path / "broken.png").write_bytes(b"no image")
    return [*paths, tmp_path / "copy.jpg", tmp_path / "stripes.png", tmp_path / "broken.png"]


def test_copies_and_odd_photos_are_found_and_the_best_copy_is_marked(photos: list[Path]) -> None:
    shares: list[float] = []
    found = PhotoFinder().find(photos, shares.append, CancelToken())
    assert (found.compared, found.unreadable) == (12, 1)
    copies = found.strips[0]
    assert copies.kind is StripKind.COPIES
    assert [(photo.path.name, photo.is_best) for photo in copies.photos] == [("0.png", True), ("copy.jpg", False)]
    odd = [strip for strip in found.strips if strip.kind is StripKind.ODD]
    assert [photo.path.name for strip in odd for photo in strip.photos][:1] == ["stripes.png"]
    assert shares == sorted(shares) and 0.5 < shares[-1] < 1


def test_photos_are_read_once(photos: list[Path]) -> None:
    finder = PhotoFinder()
    first = finder.find(photos[:12], lambda _: None, CancelToken())
    shares: list[float] = []
    assert finder.find(photos[:12], shares.append, CancelToken()) == first
    assert not shares


def test_a_cancelled_search_keeps_what_was_read(photos: list[Path]) -> None:
    finder, cancel = PhotoFinder(), CancelToken()
    with pytest.raises(Cancelled):
        finder.find(photos[:12], lambda _: cancel.cancel(), cancel)
    shares: list[float] = []
    finder.find(photos[:12], shares.append, CancelToken())
    assert 0 < len(shares) < 12


def test_few_photos_have_no_odd_ones(photos: list[Path]) -> None:
    found = PhotoFinder().find([*photos[:3], photos[11]], lambda _: None, CancelToken())
    assert found.strips == ()


def test_a_strip_is_sorted_by_what_is_asked_for() -> None:
    photos = (
        FoundPhoto(Path("b.png"), 10, 10, 0.3, 1.0),
        FoundPhoto(Path("C.png"), 30, 10, 0.1, 0.8),
        FoundPhoto(Path("a.png"), 20, 10, 0.2, 0.9),
    )
    strip = FoundStrip(StripKind.LOOK_ALIKES, photos)
    names = {sorting: [photo.path.stem for photo in strip.sorted_by(sorting)] for sorting in Sorting}
    assert names == {
        Sorting.SIMILARITY: ["b", "a", "C"],
        Sorting.SIZE: ["C", "a", "b"],
        Sorting.SHARPNESS: ["b", "a", "C"],
        Sorting.NAME: ["a", "b", "C"],
    }
