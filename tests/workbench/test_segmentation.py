"""Segmentation: different textures get different labels, labels agree between images, and files are written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from denoiser import imageio
from denoiser.batch import Settings
from denoiser.errors import Cancelled, UnsafeOutput, UnusableData
from denoiser.events import CancelToken, Event, FileFailed
from denoiser.image import Pixels, from_numpy
from denoiser.options import BatchOptions, SegmentOptions
from denoiser.workbench.segmentation import Labels, Segmenter, segment, segment_images

SIDE = 192


def texture(name: str, seed: int) -> Pixels:
    """Stripes, checks or grain of one mean and contrast (SIDE, SIDE)."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    pattern = {
        "stripes": np.sign(np.sin(rows * 0.8)),
        "checks": np.sign(np.sin(rows * 0.45) * np.sin(columns * 0.45)),
        "grain": np.sign(random.standard_normal((SIDE, SIDE))),
    }[name]
    return np.clip(128 + 50 * pattern + random.normal(0, 8, (SIDE, SIDE)), 0, 255).astype(np.uint8)


def mosaic(seed: int = 0) -> tuple[Pixels, Labels]:
    """An image of three textures (SIDE, SIDE, 3), and which one each pixel has."""
    truth = np.zeros((SIDE, SIDE), np.uint8)
    truth[:, SIDE // 2 :] = 1
    truth[SIDE // 2 :, : SIDE // 2] = 2
    textures = np.stack([texture(name, seed) for name in ("stripes", "checks", "grain")])
    grey = np.take_along_axis(textures, truth[np.newaxis], axis=0)[0]
    return np.repeat(grey[..., np.newaxis], 3, axis=2), truth


def test_textures_of_one_brightness_are_separated_where_colours_are_not() -> None:
    image, truth = mosaic()
    by_colour = KMeans(3, n_init=3, random_state=0).fit_predict(image.reshape(-1, 3))
    assert adjusted_rand_score(truth.ravel(), by_colour) < 0.2
    assert adjusted_rand_score(truth.ravel(), segment([image], 3)[0].ravel()) > 0.85


def test_labels_agree_between_images_and_are_the_same_in_every_call() -> None:
    first, second = mosaic()[0], np.fliplr(mosaic(1)[0]).copy()
    labels, mirrored = segment([first, second], 3, seed=3)
    assert (labels == np.fliplr(mirrored)).mean() > 0.9
    again = segment([first, second], 3, seed=3)
    assert np.array_equal(again[0], labels) and np.array_equal(again[1], mirrored)
    sizes = np.bincount(np.concatenate([labels, mirrored]).ravel(), minlength=3)
    assert sizes.argmax() == 0 and sizes.min() > 0


@pytest.mark.parametrize("pixels", [
    np.zeros((50, 90), np.uint8), np.zeros((51, 33, 4), np.uint16), np.ones((64, 64, 3), np.float32),
])  # fmt: skip
def test_labels_have_the_size_of_the_image_for_every_kind_of_array(pixels: Pixels) -> None:
    labels = segment([pixels + np.random.default_rng(0).integers(0, 2, pixels.shape).astype(pixels.dtype)], 2)[0]
    assert labels.shape == pixels.shape[:2]
    assert labels.dtype == np.uint8
    assert labels.max() <= 1


def test_a_large_image_is_encoded_at_the_size_of_the_options() -> None:
    image, truth = mosaic()
    large = from_numpy(np.kron(image, np.ones((4, 4, 1), np.uint8)))
    segmenter = Segmenter(SegmentOptions(clusters=3, size=SIDE)).fit([lambda: large])
    labels = segmenter.predict(large)
    assert labels.shape == (4 * SIDE, 4 * SIDE)
    assert adjusted_rand_score(truth.ravel(), labels[::4, ::4].ravel()) > 0.85


def test_averaging_makes_larger_regions() -> None:
    cells = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)
    image = from_numpy(np.kron(cells, np.ones((8, 8, 1), np.uint8)))

    def borders(averaging: float) -> float:
        segmenter = Segmenter(SegmentOptions(clusters=3, averaging=averaging)).fit([lambda: image])
        labels = segmenter.predict(image)
        return float((labels[:, 1:] != labels[:, :-1]).mean())

    assert borders(16) < borders(1) / 2


def test_more_clusters_than_pixels_are_refused() -> None:
    with pytest.raises(UnusableData, match="fewer pixels than clusters"):
        segment([np.zeros((8, 8), np.uint8)], 64)


def test_files_get_labels_and_an_overlay_in_the_tree_of_the_inputs(tmp_path: Path) -> None:
    image, truth = mosaic()
    imageio.write(from_numpy(image), tmp_path / "imgs" / "a.png")
    imageio.write(from_numpy(image), tmp_path / "imgs" / "deep" / "b.jpg")
    (tmp_path / "imgs" / "broken.png").write_bytes(b"no image")
    events: list[Event] = []
    out = tmp_path / "labels"
    report = segment_images([tmp_path / "imgs"], out, SegmentOptions(clusters=3), listener=events.append)
    assert (report.done, len(report.failures), report.left, report.exit_code) == (2, 1, 0, 1)
    assert [event.source.name for event in events if isinstance(event, FileFailed)] == ["broken.png"]
    labels = imageio.read(out / "a.png")
    assert (labels.channels, labels.bits) == (1, 8)
    assert adjusted_rand_score(truth.ravel(), labels.pixels.ravel()) > 0.85
    assert imageio.read(out / "deep" / "b-overlay.jpg").pixels.shape == image.shape
    assert sorted(path.name for path in out.rglob("*.*")) == ["a-overlay.jpg", "a.png", "b-overlay.jpg", "b.png"]


def test_a_cancelled_call_writes_nothing(tmp_path: Path) -> None:
    imageio.write(from_numpy(mosaic()[0]), tmp_path / "a.png")
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        segment_images([tmp_path / "a.png"], tmp_path / "labels", cancel=cancel)
    assert not (tmp_path / "labels").exists()


def test_the_input_folder_is_no_output_folder(tmp_path: Path) -> None:
    imageio.write(from_numpy(mosaic()[0]), tmp_path / "a.png")
    with pytest.raises(UnsafeOutput):
        segment_images([tmp_path], tmp_path, settings=Settings(batch=BatchOptions(overwrite=True)))
