"""Converts what a caller passes (files, Pillow, numpy, torch) to Images, and results back to the same form."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TypeAlias, TypeGuard

import numpy as np

from denoiser import imageio
from denoiser.errors import UnreadableImage, UsageError
from denoiser.image import Image, Pixels, from_numpy
from denoiser.options import ReadOptions

if TYPE_CHECKING:
    from torch import Tensor

    from denoiser.imageio.pillow_bridge import PilImage


class Readable(Protocol):
    """A binary file object, or anything else with such a `read`."""

    def read(self) -> bytes: ...


class Writable(Protocol):
    """A binary file object, or anything else with such a `write`."""

    def write(self, data: bytes, /) -> int | None: ...


FileLike: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Readable"
ImageLike: TypeAlias = "Image | PilImage | Pixels | Tensor | FileLike"

_KINDS = (
    "Images are: denoiser.Image, numpy array (H×W, H×W×C, N×H×W×C), torch tensor (C×H×W, N×C×H×W), Pillow image, "
    "path, bytes or binary file object."
)
_DTYPES = "uint8 (0–255), uint16 (0–65535) and floats (0–1)"


@dataclass(frozen=True, slots=True, eq=False)
class Input:
    """The images of an argument; ``back`` converts as many results to the form of the argument."""

    images: Sequence[Image]
    back: Callable[[Sequence[Image]], Any]
    is_stack: bool = False

    def the_one(self, call: str) -> Image:
        """The only image; raises UsageError for a stack."""
        if self.is_stack:
            raise UsageError(f"{call} takes one image, not a stack.", hint="Call it for each image of the stack.")
        return self.images[0]


def read_input(value: Any, options: ReadOptions = ReadOptions()) -> Input:
    """Return the images in *value*. Never changes it; pixels are copied only where the dtype must change.

    Raises UsageError for other types, shapes and dtypes and for floats outside 0–1, UnreadableImage for a file that
    is not a complete image. An Image may have any float values. Results for files are Images.
    """
    if isinstance(value, Image):
        return _single(value)
    if isinstance(value, str | os.PathLike):
        return _single(imageio.read(Path(os.fsdecode(value)), options))
    if is_contents(value):
        return _single(imageio.read_bytes(*contents(value), options))
    if imageio.is_pil(value):
        return _of_pillow(value)
    if isinstance(value, np.ndarray):
        return _of_array(value)
    if _is_tensor(value):
        return _of_tensor(value)
    hint = "Pass np.asarray(image)." if hasattr(value, "__array__") else _KINDS
    raise UsageError(f"{type(value).__name__} is not an image.", hint=hint)


def is_contents(value: Any) -> TypeGuard[bytes | bytearray | memoryview | Readable]:
    """Whether *value* is the contents of a file, or a file object."""
    return isinstance(value, bytes | bytearray | memoryview) or callable(getattr(value, "read", None))


def contents(value: bytes | bytearray | memoryview | Readable) -> tuple[bytes, str]:
    """Return the contents of a file object or buffer, and a name for messages."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value), "the data"
    name = name_of(value)
    try:
        data = value.read()
    except OSError as error:
        raise UnreadableImage(f"{name}: cannot be read ({error.strerror or error}).") from error
    if not isinstance(data, bytes | bytearray | memoryview):
        raise UsageError(f"{name} is not open in binary mode.", hint='Open it with open(path, "rb").')
    return bytes(data), name


def name_of(file: Any) -> str:
    """Return the path of an open file, or "the file"."""
    name = getattr(file, "name", None)
    return name if isinstance(name, str) and name else "the file"


def _single(image: Image) -> Input:
    return Input([image], lambda results: results[0])


def _of_pillow(picture: PilImage) -> Input:
    image = imageio.from_pil(picture)
    if image.bits == 32:
        _check_range(image.pixels)
    return Input([image], lambda results: imageio.to_pil(results[0], mode=picture.mode))


def _of_array(array: Pixels) -> Input:
    """The images of a channels-last array."""
    if isinstance(array, np.ma.MaskedArray):
        raise UsageError("A masked array has no value for each pixel.", hint="Fill it first: array.filled(…).")
    _check_dtype(array.dtype)
    _check_shape(array.shape, -1, "H×W, H×W×C or N×H×W×C; np.moveaxis(image, 0, -1) moves the channels to the end")
    if array.dtype.kind == "f":
        _check_range(array)
    stored = np.float32 if array.dtype.kind == "f" else array.dtype.newbyteorder("=")
    images = [from_numpy(one) for one in _stack(array).astype(stored, copy=False)]
    return Input(images, lambda results: _as_array(array, images, results), is_stack=array.ndim == 4)


def _as_array(array: Pixels, images: Sequence[Image], results: Sequence[Image]) -> Pixels:
    """A copy of *array* with the pixels of *results*; alpha and unchanged images keep every bit."""
    copied = np.array(array)
    for place, image, result in zip(_stack(copied), images, results, strict=True):
        if result is not image:
            pixels = result.pixels
            place[:, :, : image.channels] = np.clip(pixels, 0, 1) if array.dtype.kind == "f" else pixels
    return copied


def _stack(array: Pixels) -> Pixels:
    """(N, H, W, C), a view."""
    return (
        array if array.ndim == 4 else array[np.newaxis] if array.ndim == 3 else array[np.newaxis, :, :, np.newaxis]
    )


def _is_tensor(value: Any) -> TypeGuard[Tensor]:
    torch = sys.modules.get("torch")  # loaded already if the input is a tensor
    return torch is not None and isinstance(value, torch.Tensor)


def _of_tensor(tensor: Tensor) -> Input:
    import torch

    if tensor.requires_grad:
        raise UsageError("Gradients through the denoiser are not supported.", hint="Pass tensor.detach().")
    _check_shape(tensor.shape, -3, "H×W, C×H×W or N×C×H×W; image.movedim(-1, -3) moves the channels to the front")
    plain = tensor.as_subclass(torch.Tensor)
    if plain.dtype == torch.bfloat16:
        plain = plain.float()  # numpy has no bfloat16
    if plain.ndim > 2:
        plain = plain.movedim(-3, -1)
    given = _of_array(plain.cpu().numpy())

    def back(results: Sequence[Image]) -> Tensor:
        made = torch.from_numpy(given.back(results))
        made = made.movedim(-1, -3) if made.ndim > 2 else made
        made = made.contiguous().to(tensor.device, tensor.dtype)
        return made if type(tensor) is torch.Tensor else made.as_subclass(type(tensor))

    return Input(given.images, back, given.is_stack)


def _check_shape(shape: Sequence[int], channels: int, form: str) -> None:
    if len(shape) not in (2, 3, 4) or (len(shape) > 2 and shape[channels] not in (1, 2, 3, 4)):
        shown = "×".join(map(str, shape)) or "of a single number"
        raise UsageError(f"The shape {shown} is not that of an image.", hint=f"With 1 to 4 channels: {form}.")


def _check_dtype(dtype: np.dtype[Any]) -> None:
    if (dtype.kind, dtype.itemsize) in {("u", 1), ("u", 2), ("f", 2), ("f", 4), ("f", 8)}:
        return
    hint = f"Images are {_DTYPES}."
    if dtype.kind in "iu":
        hint += " For values of 0–255, pass image.astype(np.uint8)."
    elif dtype.kind == "b":
        hint += " Pass image.astype(float)."
    raise UsageError(f"{dtype} is not the dtype of an image.", hint=hint)


def _check_range(values: Pixels) -> None:
    low, high = values.min(initial=0), values.max(initial=0)
    if low >= 0 and high <= 1:  # false for NaN
        return
    if not (np.isfinite(low) and np.isfinite(high)):
        raise UsageError(
            "The image contains NaN or infinite values.", hint="Replace them first: np.nan_to_num(image)."
        )
    raise UsageError(
        f"Float images must be between 0 and 1; this one is between {low:g} and {high:g}.",
        hint="Divide by the value of white, for example image / 255. To keep values above white, pass "
        "denoiser.from_numpy(image).",
    )
