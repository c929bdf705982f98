"""Duplicates and look-alikes: copies are found, other photos are not, and the best copy is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageEnhance

from denoiser.errors import Cancelled
from denoiser.events import CancelToken

pytest.importorskip("sklearn")
pytest.importorskip("pandas")

from denoiser.workbench.embedding import embed
from denoiser.workbench.similar import DUPLICATES, LOOK_ALIKES, find_like, find_similar, neighbours

Scenes = Callable[[int], list[Path]]


def _cropped(image: PillowImage.Image) -> PillowImage.Image:
    width, height = image.size
    return image.crop((round(0.1 * width), 0, width, round(0.92 * height)))


COPIES = {
    "small": lambda image: image.resize((image.width // 2, image.height // 2)),
    "large": lambda image: image.resize((image.width * 2, image.height * 2)),
    "cropped": _cropped,
    "bright": lambda image: ImageEnhance.Brightness(ImageEnhance.Color(image).enhance(0.85)).enhance(1.15),
    "turned": lambda image: image.transpose(PillowImage.Transpose.ROTATE_90),
    "turned back": lambda image: image.transpose(PillowImage.Transpose.ROTATE_270),
    "upside down": lambda image: image.transpose(PillowImage.Transpose.ROTATE_180),
}


def _copy(path: Path, name: str, change: Callable[[PillowImage.Image], PillowImage.Image], **words: object) -> Path:
    target = path.with_name(name)
    change(PillowImage.open(path)).save(target, **words)
    return target


@pytest.mark.parametrize("kind", COPIES)
@pytest.mark.parametrize("first", [True, False])
def test_a_copy_is_a_duplicate_and_other_scenes_are_not(scenes: Scenes, kind: str, first: bool) -> None:
    paths = scenes(6)
    copy = _copy(paths[2], "copy.jpg", COPIES[kind], quality=60)
    groups = find_similar(embed([copy, *paths] if first else [*paths, copy]))
    duplicates = groups[groups["kind"] == DUPLICATES]
    assert set(duplicates["path"]) == {str(paths[2]), str(copy)}


def test_the_copy_with_the_most_detail_is_kept(scenes: Scenes) -> None:
    path = scenes(1)[0]
    for name in ("small", "large", "cropped"):
        _copy(path, f"{name}.jpg", COPIES[name], quality=90)
    groups = find_similar(embed(sorted(path.parent.iterdir())))
    assert groups["path"][groups["keep"]].tolist() == [str(path)] == groups["path"][:1].tolist()
    assert len(groups) == 4 and set(groups["group"]) == {1}


def test_photos_of_different_times_are_look_alikes(scenes: Scenes) -> None:
    table = embed([scenes(1)[0], _copy(scenes(1)[0], "next.jpg", lambda image: image)])
    assert set(find_similar(table)["kind"]) == {DUPLICATES}
    table["taken"] = ["2024-05-31T18:00:00", "2024-05-31T18:00:01"]
    groups = find_similar(table)
    assert set(groups["kind"]) == {LOOK_ALIKES} and groups["keep"].all()


def test_a_scene_whose_things_have_moved_is_no_duplicate(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    background = random.uniform(90, 160, (24, 32, 3)).repeat(8, 0).repeat(8, 1)
    paths = []
    for number in range(2):
        pixels = background.copy()
        for _ in range(10):
            top, left = random.integers(0, 150), random.integers(0, 210)
            pixels[top : top + 40, left : left + 40] = random.uniform(0, 255, 3)
        paths.append(tmp_path / f"{number}.png")
        PillowImage.fromarray(pixels.astype(np.uint8)).save(paths[-1])
    assert DUPLICATES not in set(find_similar(embed(paths))["kind"])


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_images_have_no_groups(scenes: Scenes, count: int) -> None:
    assert len(find_similar(embed(scenes(count)))) == 0


def test_flat_images_are_not_compared(tmp_path: Path) -> None:
    for number in range(3):
        PillowImage.new("RGB", (40, 40), (number * 90, 20, 20)).save(tmp_path / f"{number}.png")
    assert DUPLICATES not in set(find_similar(embed(sorted(tmp_path.iterdir())))["kind"])


def test_a_query_finds_its_copies_first(scenes: Scenes) -> None:
    paths = scenes(6)
    copy = _copy(paths[4], "copy.jpg", _cropped, quality=80)
    found = find_like(embed([*paths, copy]), 4, count=3)
    assert found["path"][:2].tolist() == [str(paths[4]), str(copy)]
    assert found["kind"].tolist()[:2] == [DUPLICATES] * 2 and len(found) == 5


def test_neighbours_are_the_nearest_without_itself() -> None:
    points = np.random.default_rng(0).normal(size=(700, 4)).astype(np.float32)
    found = neighbours(points, 3)
    distances = np.linalg.norm(points[:, None] - points[None], axis=2) + np.eye(700) * 1e9
    assert np.array_equal(found[:, 0], distances.argmin(1)) and found.shape == (700, 3)
    assert neighbours(points[:1], 3).shape == (1, 0)


def test_the_search_can_be_cancelled(scenes: Scenes) -> None:
    cancel = CancelToken()
    table = embed(scenes(3))
    cancel.cancel()
    with pytest.raises(Cancelled):
        find_similar(table, cancel=cancel)
