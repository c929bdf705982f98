"""Sets of images: each source, sizes, labels, and what is refused."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from denoiser import imageio
from denoiser.errors import UnusableData, UsageError
from denoiser.image import from_numpy
from denoiser.training.image_sets import as_images, from_arrays, load_image_set, read_image


def _folder(path: Path, sizes=((20, 20),), count=12, channels=3, sub=("a", "b")) -> Path:
    dice = np.random.default_rng(0)
    for number in range(count):
        height, width = sizes[number % len(sizes)]
        target = path / sub[number % len(sub)] / f"{number}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        imageio.write(from_numpy(dice.integers(0, 256, (height, width, channels), dtype=np.uint8)), target)
    return path


def test_the_digits_of_scikit_learn() -> None:
    pytest.importorskip("sklearn")
    found = load_image_set("digits")
    assert found.shape == (1, 8, 8) and len(found.train) + len(found.test) == 1797
    assert found.classes == tuple("0123456789")
    assert float(found.train.max()) == 1.0


def test_images_are_held_out_by_the_seed_and_not_shared() -> None:
    images = np.arange(100, dtype=np.uint8).reshape(100, 1, 1).repeat(4, axis=1).repeat(4, axis=2)
    one, same, other = (from_arrays(images, range(100), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one.test, same.test) and not torch.equal(one.test, other.test)
    values = {int(image[0, 0, 0]) for half in (one.train, one.test) for image in half}
    assert len(one.test) == 15 and values == set(range(100))
    assert [int(image[0, 0, 0]) for image in one.train] == one.train_labels.tolist()


def test_an_npz_file_with_test_images_keeps_them(tmp_path: Path) -> None:
    train, test = np.zeros((30, 6, 5), np.uint8), np.full((4, 6, 5), 9, np.uint8)
    np.savez(tmp_path / "a.npz", x_train=train, y_train=["u", "v"] * 15, x_test=test, y_test=["v"] * 4)
    found = load_image_set(str(tmp_path / "a.npz"))
    assert found.shape == (1, 6, 5) and found.classes == ("u", "v")
    assert torch.equal(found.test, torch.full((4, 1, 6, 5), 9, dtype=torch.uint8))
    assert found.test_labels.tolist() == [1] * 4 and found.train_labels.tolist()[:2] == [0, 1]


def test_an_npz_file_with_one_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=np.zeros((20, 6, 5, 3), np.uint8))
    assert load_image_set(str(tmp_path / "a.npz")).shape == (3, 6, 5)


@pytest.mark.parametrize("arrays", [{}, {"a": np.zeros(3)}, {"a": np.zeros((3, 4, 4)), "b": np.zeros((3, 4, 4))}])
def test_an_npz_file_without_clear_images_is_refused(tmp_path: Path, arrays) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(UnusableData, match=r"a\.npz: has the arrays"):
        load_image_set(str(tmp_path / "a.npz"))


def test_a_file_that_is_no_npz_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"nothing")
    with pytest.raises(UnusableData, match="cannot be read"):
        load_image_set(str(tmp_path / "a.npz"))


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=np.array([{}], dtype=object))
    with pytest.raises(UnusableData, match="cannot be read"):
        load_image_set(str(tmp_path / "a.npz"))


def test_a_folder_of_torchvision(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, count in (("train", 20), ("t10k", 5)):
        pixels = np.arange(count * 28 * 28, dtype=np.uint32).astype(np.uint8)
        header = struct.pack(">iiii", 2051, count, 28, 28)
        (raw / f"{name}-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
        labels = struct.pack(">ii", 2049, count) + bytes(number % 10 for number in range(count))
        (raw / f"{name}-labels-idx1-ubyte").write_bytes(labels)
        (raw / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(b""))
    found = load_image_set(str(tmp_path))
    assert found.shape == (1, 28, 28) and (len(found.train), len(found.test)) == (20, 5)
    assert found.train_labels.tolist()[:3] == [0, 1, 2] and found.classes[3] == "3 - three"
    assert int(found.train[0, 0, 0, 5]) == 5


def test_a_folder_of_images_has_its_subfolders_as_labels(tmp_path: Path) -> None:
    found = load_image_set(str(_folder(tmp_path)))
    assert found.shape == (3, 20, 20) and found.classes == ("a", "b")
    assert len(found.train) + len(found.test) == 12


def test_mixed_sizes_become_squares(tmp_path: Path) -> None:
    folder = str(_folder(tmp_path, sizes=((20, 30), (40, 25)), sub=(".",)))
    assert load_image_set(folder).shape == (3, 64, 64)
    found = load_image_set(folder, size=16, colour=False)
    assert found.shape == (1, 16, 16) and found.train_labels is None


def test_unreadable_images_are_listed(tmp_path: Path) -> None:
    _folder(tmp_path)
    (tmp_path / "a" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    found = load_image_set(str(tmp_path))
    assert [error.message for error in found.unreadable if "broken.png" in error.message]
    assert len(found.train) + len(found.test) == 12


def test_too_few_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableData, match="3 readable images; at least 10"):
        load_image_set(str(_folder(tmp_path, count=3)))


def test_large_images_need_a_size(tmp_path: Path) -> None:
    folder = str(_folder(tmp_path, sizes=((600, 600),), count=10))
    with pytest.raises(UnusableData, match="600×600"):
        load_image_set(folder)
    assert load_image_set(folder, size=32).shape == (3, 32, 32)


def test_what_does_not_exist_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file or folder"):
        load_image_set(str(tmp_path / "nowhere"))
    (tmp_path / "a.dlf").write_bytes(b"DLF")
    with pytest.raises(UsageError, match="not a set of images"):
        load_image_set(str(tmp_path / "a.dlf"))


def test_a_square_comes_from_the_centre(tmp_path: Path) -> None:
    pixels = np.zeros((10, 30, 1), np.uint8)
    pixels[:, 10:20] = 200
    imageio.write(from_numpy(pixels), tmp_path / "a.png")
    assert (read_image(tmp_path / "a.png", 10, colour=False) == 200).all()


@pytest.mark.parametrize(
    ("array", "problem"),
    [
        (np.full((2, 3, 3), 1.5), "values from"),
        (np.full((2, 3, 3), -1), "values from"),
        (np.full((2, 3, 3), np.nan), "not finite"),
        (np.zeros((2, 4, 5, 2)), "2 channels"),
        (np.zeros(5), "no images"),
        (np.zeros((0, 3, 3)), "no images"),
        (np.array(["a"] * 4).reshape(1, 2, 2), "not numbers"),
    ],
)
def test_arrays_that_are_no_images_are_refused(array, problem) -> None:
    with pytest.raises(UnusableData, match=problem):
        as_images(array)


def test_arrays_in_every_layout() -> None:
    assert as_images(np.zeros((5, 4, 3), bool).astype(np.uint8)).shape == (5, 1, 4, 3)
    assert as_images(np.zeros((5, 4, 4, 3))).shape == (5, 3, 4, 4)
    assert as_images(np.zeros((5, 3, 4, 4))).shape == (5, 3, 4, 4)
    assert as_images(np.zeros((5, 7))).shape == (5, 1, 1, 7)
    assert as_images(np.full((5, 4, 4), 255, np.int64)).dtype == torch.uint8
