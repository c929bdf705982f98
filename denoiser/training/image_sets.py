"""Sets of small images of one size for autoencoders, with their labels and a part held out for tests.

digits                    the 1,797 digits of 8×8 pixels in scikit-learn
set.npz                   x_train and y_train, x_test and y_test, or a single array of images
folder of torchvision     MNIST, FashionMNIST, KMNIST, CIFAR-10 or CIFAR-100, as torchvision stores them
folder of images          resized to one size; the names of subfolders are labels
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from denoiser import imageio
from denoiser.errors import MissingExtra, UnreadableImage, UnusableData, UsageError
from denoiser.evaluation.samples import image_paths
from denoiser.imageio import screen
from denoiser.training.data import SILENT, Loading, in_threads

HINT = "Pass digits, an .npz file, a folder of images, or a folder with a data set of torchvision."
DIGITS = "digits"
_HELD_OUT = 0.15  # of the images, where the set has no test images of its own
_FEWEST = 10
_DEFAULT_SIDE = 64  # pixels, for folders whose images differ in size
_LARGEST_SIDE = 512
_WIDEST = 4  # ratio of the sides up to which a square has its full resolution

# Folders that torchvision's data sets make below their root, and the classes that read them. The files of CIFAR are
# pickled; torchvision opens them only if their checksums are those of the published ones.
_OF_TORCHVISION = {
    "MNIST": "MNIST",
    "FashionMNIST": "FashionMNIST",
    "KMNIST": "KMNIST",
    "cifar-10-batches-py": "CIFAR10",
    "cifar-100-python": "CIFAR100",
}


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Images (N, C, H, W) in 0..1 or uint8, their labels (N,) as indices into *classes*, and test images."""

    name: str
    train: Tensor
    test: Tensor
    train_labels: Tensor | None = None
    test_labels: Tensor | None = None
    classes: tuple[str, ...] = ()
    unreadable: tuple[UnreadableImage, ...] = ()

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one image."""
        channels, height, width = self.train.shape[1:]
        return channels, height, width


def load_image_set(
    source: str, *, size: int | None = None, colour: bool | None = None, seed: int = 0, loading: Loading = SILENT
) -> ImageSet:
    """Read the set of images in *source*.

    Images in a folder are cropped to squares and resized to *size*; without it, images of one size keep it.
    *colour* chooses RGB or grey; None keeps what the images have.
    """
    path = Path(source)
    if source == DIGITS and not path.exists():
        return _digits(seed)
    if path.suffix == ".npz" and path.is_file():
        return _from_npz(path, seed)
    if not path.is_dir():
        what = "not a set of images" if path.exists() else "no such file or folder"
        raise UsageError(f"{source}: {what}.", hint=HINT)
    for folder, name in _OF_TORCHVISION.items():
        if (path / folder).is_dir():
            return _from_torchvision(path, name)
    return _from_folder(path, size, colour, seed, loading)


def from_arrays(
    images: Any, labels: Any = None, *, seed: int = 0, held_out: float = _HELD_OUT, name: str = "The array"
) -> ImageSet:
    """A set of *images* (N, H, W), (N, H, W, C) or (N, features): uint8, or 0..1; a share of them is held out."""
    pixels = as_images(images, name)
    if labels is not None and len(labels) != len(pixels):
        raise UnusableData(f"{name}: {len(pixels)} images, but {len(labels)} labels.")
    order = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(seed))
    count = round(held_out * len(pixels)) if len(pixels) >= _FEWEST else 0
    test, train = order[:count], order[count:]
    if labels is None:
        return ImageSet(name, pixels[train], pixels[test])
    classes, indices = np.unique(np.asarray(labels), return_inverse=True)
    numbers = torch.from_numpy(indices)
    return ImageSet(name, pixels[train], pixels[test], numbers[train], numbers[test], tuple(map(str, classes)))


def as_images(array: Any, name: str = "The array") -> Tensor:
    """(N, C, H, W) uint8, or float32 in 0..1, from an array of images or of rows of features."""
    values = np.asarray(array)
    if values.ndim not in (2, 3, 4) or not values.size:
        raise UnusableData(f"{name}: no images (N, H, W) or (N, H, W, C), but the shape {values.shape}.")
    if values.dtype == bool or values.dtype.kind not in "uif":
        raise UnusableData(f"{name}: holds {values.dtype}, not numbers from 0 to 255 or from 0 to 1.")
    if values.ndim == 2:
        values = values[:, None, None, :]
    elif values.ndim == 3:
        values = values[:, None]
    elif values.shape[1] not in (1, 3) or values.shape[3] in (1, 3):
        values = np.moveaxis(values, 3, 1)
    if values.shape[1] not in (1, 3):
        raise UnusableData(f"{name}: images have {values.shape[1]} channels, not 1 or 3.")
    return _numbers(np.ascontiguousarray(values), name)


def as_floats(images: Tensor) -> Tensor:
    """*images* in 0..1."""
    return images.float().div_(255) if images.dtype == torch.uint8 else images


def _numbers(values: NDArray[Any], name: str) -> Tensor:
    if values.dtype == np.uint8:
        return torch.from_numpy(values)
    floats = values.astype(np.float32)
    low, high = float(floats.min()), float(floats.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise UnusableData(f"{name}: contains values that are not finite.")
    if values.dtype.kind in "ui" and low >= 0 and high <= 255:
        return torch.from_numpy(values.astype(np.uint8))
    if low < 0 or high > 1:
        raise UnusableData(
            f"{name}: values from {low:g} to {high:g}; images have numbers from 0 to 1, or uint8.",
            hint="Scale them first, for example with MinMaxScaler of scikit-learn.",
        )
    return torch.from_numpy(floats)


def _digits(seed: int) -> ImageSet:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise MissingExtra(
            "The digits come with scikit-learn, which is not installed.", extra="workbench"
        ) from error
    digits = load_digits()
    return from_arrays((digits.images / 16).astype(np.float32), digits.target, seed=seed, name=DIGITS)


def _from_npz(path: Path, seed: int) -> ImageSet:
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = {name.removesuffix(".npy"): _array(archive, name) for name in archive.namelist()}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise UnusableData(f"{path}: cannot be read ({error}).") from error
    if "x_train" not in arrays:
        images = [name for name, array in arrays.items() if array.ndim >= 3]
        if len(images) != 1:
            raise UnusableData(f"{path}: has the arrays {', '.join(arrays) or 'none'}; x_train is not among them.")
        labels = [array for array in arrays.values() if array.ndim == 1 and len(array) == len(arrays[images[0]])]
        return from_arrays(arrays[images[0]], labels[0] if labels else None, seed=seed, name=path.name)
    if "x_test" not in arrays:
        return from_arrays(arrays["x_train"], arrays.get("y_train"), seed=seed, name=path.name)
    train, test = (as_images(arrays[name], path.name) for name in ("x_train", "x_test"))
    return _with_test(train, test, arrays.get("y_train"), arrays.get("y_test"), path.name)


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with archive.open(name) as file:
        array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return array


def _with_test(train: Tensor, test: Tensor, train_labels: Any, test_labels: Any, name: str) -> ImageSet:
    if train.shape[1:] != test.shape[1:]:
        raise UnusableData(f"{name}: training and test images differ in size.")
    if train_labels is None or test_labels is None:
        return ImageSet(name, train, test)
    if (len(train_labels), len(test_labels)) != (len(train), len(test)):
        raise UnusableData(f"{name}: labels and images differ in number.")
    classes, indices = np.unique(np.concatenate([train_labels, test_labels]), return_inverse=True)
    numbers = torch.from_numpy(indices)
    first, second = numbers[: len(train)], numbers[len(train) :]
    return ImageSet(name, train, test, first, second, tuple(map(str, classes)))


def _from_torchvision(path: Path, name: str) -> ImageSet:
    from torchvision import datasets

    try:
        both = [getattr(datasets, name)(str(path), train=train, download=False) for train in (True, False)]
    except (RuntimeError, OSError, ValueError, KeyError, EOFError) as error:
        raise UnusableData(f"{path}: torchvision cannot read {name} ({error}).") from error
    train, test = (as_images(np.asarray(half.data), path.name) for half in both)
    labels, test_labels = (np.asarray(half.targets) for half in both)
    found = _with_test(train, test, labels, test_labels, path.name)
    names: Mapping[int, str] = dict(enumerate(getattr(both[0], "classes", ())))
    classes = tuple(names.get(int(label), label) for label in found.classes)
    return replace(found, classes=classes)


def _from_folder(folder: Path, size: int | None, colour: bool | None, seed: int, loading: Loading) -> ImageSet:
    paths = image_paths(folder, hint=HINT)
    read = _reader(size, colour)
    images, labels, unreadable = [], [], []
    for done, (path, result) in enumerate(zip(paths, in_threads(read, paths), strict=True)):
        loading.report(done + 1, len(paths))
        if isinstance(result, UnreadableImage):
            unreadable.append(result)
        else:
            images.append(result)
            labels.append(path.relative_to(folder).parent.as_posix())
    if len(images) < _FEWEST:
        raise UnusableData(f"{folder}: {len(images)} readable images; at least {_FEWEST} are needed.", hint=HINT)
    if size is None and len({image.shape[:2] for image in images}) > 1:
        images = [square(image, _DEFAULT_SIDE) for image in images]
    if max(images[0].shape[:2]) > _LARGEST_SIDE:
        raise UnusableData(
            f"{folder}: images of {images[0].shape[1]}×{images[0].shape[0]} pixels.", hint="Add --size 64."
        )
    rgb = any(image.shape[2] == 3 for image in images)
    pixels = np.stack([np.repeat(image, 3, axis=2) if rgb and image.shape[2] == 1 else image for image in images])
    found = from_arrays(pixels, labels if len(set(labels)) > 1 else None, seed=seed, name=folder.name)
    return replace(found, unreadable=tuple(unreadable))


def _reader(size: int | None, colour: bool | None) -> Callable[[Path], NDArray[np.uint8] | UnreadableImage]:
    def read(path: Path) -> NDArray[np.uint8] | UnreadableImage:
        try:
            return read_image(path, size, colour)
        except UnreadableImage as error:
            return error

    return read


def read_image(path: Path, size: int | None = None, colour: bool | None = None) -> NDArray[np.uint8]:
    """The pixels (H, W, C) uint8 of *path*, upright in sRGB: a square of *size* from its centre, or all of it."""
    pixels: NDArray[np.uint8] = imageio.preview(path, _WIDEST * (size or _LARGEST_SIDE)).pixels
    if colour is False and pixels.shape[2] == 3:
        pixels = np.rint(pixels @ np.array([0.2126, 0.7152, 0.0722])).astype(np.uint8)[:, :, None]
    elif colour and pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    return pixels if size is None else square(pixels, size)


def square(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The largest square in the centre of *pixels* (H, W, C), resized to *size* pixels."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    cut = np.ascontiguousarray(pixels[top : top + side, left : left + side])
    return cut if side == size else screen.resized(cut, size, size)
