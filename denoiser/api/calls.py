"""The functions of `import denoiser` that take images: each reads its input, works, and gives back the same form.

Options are keywords, or one options object as the second argument. Any thread; models stay loaded between calls.
"""

from __future__ import annotations

import dataclasses
import inspect
import os
from collections.abc import Callable, Sequence
from io import TextIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, Unpack, overload

import numpy as np
from numpy.typing import NDArray

from denoiser import imageio
from denoiser.api import opened
from denoiser.api.inputs import FileLike, ImageLike, Writable, contents, is_contents, name_of, read_input
from denoiser.atomicfile import as_unwritable
from denoiser.errors import UnwritableImage, UsageError
from denoiser.events import CancelToken, Listener, ignore
from denoiser.image import Image, Mask
from denoiser.imageio import formats, masks
from denoiser.options import (
    DecodeKeywords,
    DecodeOptions,
    DenoiseKeywords,
    DenoiseOptions,
    EncodeKeywords,
    EncodeOptions,
    ReadKeywords,
    ReadOptions,
    WriteKeywords,
    WriteOptions,
    options_of,
)

if TYPE_CHECKING:
    from torch import Tensor

    from denoiser.estimation.estimate import NoiseEstimate
    from denoiser.estimation.estimator import Estimator
    from denoiser.imageio.pillow_bridge import PilImage


Function = TypeVar("Function", bound=Callable[..., Any])


def with_keywords_of(kind: type[Any]) -> Callable[[Function], Function]:
    """Decorate a function whose `**keywords` are the fields of this options class. Only changes what is shown."""

    def decorated(function: Function) -> Function:
        shown = inspect.signature(function)
        own = [one for one in shown.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
        fields = [
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type
            )
            for field in dataclasses.fields(kind)
        ]
        function.__signature__ = shown.replace(parameters=[*own, *fields])  # type: ignore[attr-defined]
        return function

    return decorated


D = TypeVar("D", bound=np.generic)


@overload
def denoise(
    image: Image | FileLike,
    options: DenoiseOptions | None = None,
    *,
    mask: ImageLike | None = None,
    listener: Listener = ...,
    cancel: CancelToken | None = None,
    **keywords: Unpack[DenoiseKeywords],
) -> Image: ...
@overload
def denoise(
    image: PilImage,
    options: DenoiseOptions | None = None,
    *,
    mask: ImageLike | None = None,
    listener: Listener = ...,
    cancel: CancelToken | None = None,
    **keywords: Unpack[DenoiseKeywords],
) -> PilImage: ...
@overload
def denoise(
    image: NDArray[D],
    options: DenoiseOptions | None = None,
    *,
    mask: ImageLike | None = None,
    listener: Listener = ...,
    cancel: CancelToken | None = None,
    **keywords: Unpack[DenoiseKeywords],
) -> NDArray[D]: ...
@overload
def denoise(
    image: Tensor,
    options: DenoiseOptions | None = None,
    *,
    mask: ImageLike | None = None,
    listener: Listener = ...,
    cancel: CancelToken | None = None,
    **keywords: Unpack[DenoiseKeywords],
) -> Tensor: ...
@with_keywords_of(DenoiseOptions)
def denoise(
    image: ImageLike,
    options: DenoiseOptions | None = None,
    *,
    mask: ImageLike | None = None,
    listener: Listener = ignore,
    cancel: CancelToken | None = None,
    **keywords: Unpack[DenoiseKeywords],
) -> Any:
    """Return the clean image in the form of *image*: same type, shape, dtype and range; a file gives an Image.

    Parameters
    ----------
    image
        An Image, a numpy array (H×W, H×W×C or N×H×W×C), a torch tensor (H×W, C×H×W or N×C×H×W, on any device), a
        Pillow image, or a path, bytes or binary file object. Arrays and tensors are uint8, uint16, or floats from
        0 (black) to 1 (white), with 1 to 4 channels; the last of 2 or 4 is alpha. It is never changed.
    options
        A DenoiseOptions instead of keywords.
    mask
        The strength of each pixel, for a single image: a grey image of the same size, where white is full strength
        and black leaves pixels unchanged. Anything that can be an image.
    listener, cancel
        Receives a TileDone for each tile; stops the call, from any thread, with Cancelled.
    **keywords
        The fields of DenoiseOptions, such as noise_level (standard deviation on the 0–255 scale) and strength.

    Raises
    ------
    UsageError
        For other types, shapes, dtypes and ranges, and for options out of range.
    UnreadableImage
        For a file that is not a complete image in a supported format.
    """
    chosen = options_of(DenoiseOptions, options, keywords)
    given = read_input(image)
    local = None
    if mask is not None:
        one = given.the_one("denoise with a mask")
        name = os.fsdecode(mask) if isinstance(mask, str | os.PathLike) else "the mask"
        local = masks.mask_of(read_input(mask).the_one("denoise"), name, (one.width, one.height))
    return given.back(_cleaned(given.images, chosen, local, listener, cancel))


def _cleaned(
    images: Sequence[Image],
    options: DenoiseOptions,
    mask: Mask | None,
    listener: Listener,
    cancel: CancelToken | None,
) -> list[Image]:
    session = opened.session(options)
    if len(images) == 1:
        return [session.clean(images[0], mask=mask, listener=listener, cancel=cancel).image]
    return [cleaned.image for cleaned in session.clean_stack(images, listener=listener, cancel=cancel)]


@overload
def estimate_noise(image: Image | PilImage | FileLike, *, estimator: Estimator | None = None) -> NoiseEstimate: ...
@overload
def estimate_noise(
    image: NDArray[Any] | Tensor, *, estimator: Estimator | None = None
) -> NoiseEstimate | Any: ...  # Any: a list for a stack
def estimate_noise(image: ImageLike, *, estimator: Estimator | None = None) -> Any:
    """Return a NoiseEstimate of the image, whose levels are standard deviations on the 0–255 scale.

    *image* is anything that `denoise` takes; a stack (N×H×W×C or N×C×H×W) gives a list. The default
    *estimator* is the bundled one; `denoiser.estimation.estimator.load_estimator` loads others.
    """
    from denoiser.estimation import estimator as estimation  # torch

    given = read_input(image)
    estimates = [estimation.estimate_noise(one, estimator=estimator) for one in given.images]
    return estimates if given.is_stack else estimates[0]


@overload
def encode(
    image: Image | PilImage | FileLike,
    options: EncodeOptions | None = None,
    *,
    listener: Listener = ...,
    cancel: CancelToken | None = None,
    **keywords: Unpack[EncodeKeywords],
) -> bytes: ...
@overload
def encode(
    image: NDArray[Any] | Tensor,
    options: EncodeOptions | None = None,
    *,
    listener: Listener = ...,
    cancel: CancelToken | None = None,
    **keywords: Unpack[EncodeKeywords],
) -> bytes | Any: ...  # Any: a list for a stack
@with_keywords_of(EncodeOptions)
def encode(
    image: ImageLike,
    options: EncodeOptions | None = None,
    *,
    listener: Listener = ignore,
    cancel: CancelToken | None = None,
    **keywords: Unpack[EncodeKeywords],
) -> Any:
    """Return the bytes of a latent file.

    *image* is anything that `denoise` takes; a stack (N×H×W×C or N×C×H×W) gives a list. *keywords* are the fields
    of EncodeOptions, such as quality=60; *options* is an EncodeOptions instead. *listener* receives a TileDone for
    each tile; *cancel* stops the call, from any thread, with Cancelled. Raises UnwritableImage if the aim
    (target_size, bpp, min_psnr, min_msssim) is out of reach.
    """
    encoder = opened.encoder(options_of(EncodeOptions, options, keywords))
    given = read_input(image)
    files = [encoder.encode(one, listener=listener, cancel=cancel).data for one in given.images]
    return files if given.is_stack else files[0]


@with_keywords_of(DecodeOptions)
def decode(
    data: FileLike,
    options: DecodeOptions | None = None,
    *,
    listener: Listener = ignore,
    cancel: CancelToken | None = None,
    **keywords: Unpack[DecodeKeywords],
) -> Image:
    """Return the image in a latent file.

    *data* is its bytes, its path, or a binary file object. *keywords* are the fields of DecodeOptions, such as
    region="0,0,640,480"; *options* is a DecodeOptions instead. *listener* receives a TileDone for each tile;
    *cancel* stops the call, from any thread, with Cancelled. Raises DamagedLatent for a truncated or corrupt file.
    """
    from denoiser.codec import container

    decoder = opened.decoder(options_of(DecodeOptions, options, keywords))
    if isinstance(data, str | os.PathLike):
        name = os.fsdecode(data)
        file = container.read(Path(name))
    elif is_contents(data):
        held, name = contents(data)
        name = "the latent file" if data is held else name
        file = container.read_bytes(held, name)
    else:
        raise UsageError(
            f"{type(data).__name__} is not a latent file.", hint="Pass its bytes, its path or a binary file object."
        )
    return decoder.decode(file, name, listener=listener, cancel=cancel).image


@with_keywords_of(ReadOptions)
def open_image(image: ImageLike, options: ReadOptions | None = None, **keywords: Unpack[ReadKeywords]) -> Image:
    """Return the upright image in a file, with its profile and metadata.

    *image* is a path, bytes or a binary file object, or anything else that `denoise` takes, but no stack.
    *keywords* are the fields of ReadOptions; *options* is a ReadOptions instead. Raises UnreadableImage, naming the
    file, if there is no complete image in it.
    """
    return read_input(image, options_of(ReadOptions, options, keywords)).the_one("open_image")


@with_keywords_of(WriteOptions)
def save_image(
    image: ImageLike,
    path: str | os.PathLike[str] | BinaryIO | Writable,
    options: WriteOptions | None = None,
    **keywords: Unpack[WriteKeywords],
) -> None:
    """Write an image to a file: whole, or not at all.

    *image* is anything that `denoise` takes, but no stack. *path* is a path, or a binary file object, which may
    keep a part if writing fails. The suffix or the keyword format chooses the format; without either, a file object
    gets the format that the image was read from, or PNG. *keywords* are the fields of WriteOptions; *options* is a
    WriteOptions instead. Raises UnwritableImage if the format cannot hold the image, or the disk fails.
    """
    chosen = options_of(WriteOptions, options, keywords)
    held = read_input(image).the_one("save_image")
    if isinstance(path, str | os.PathLike):
        target = Path(os.fsdecode(path))
        imageio.write(held, target, chosen, format=formats.of_name(target, chosen).key)
        return
    name = name_of(path)
    _write(path, name, imageio.encode(held, _format_of(Path(name), held, chosen), chosen))


def _write(file: Any, name: str, data: bytes) -> None:
    if isinstance(file, TextIOBase) or not callable(getattr(file, "write", None)):
        raise UsageError(
            f"{type(file).__name__} is neither a path nor a binary file object.",
            hint='Pass a path, or open the file with open(path, "wb").',
        )
    try:
        written = file.write(data)
    except OSError as error:
        raise as_unwritable(Path(name), error) from error
    if written is not None and written != len(data):
        raise UnwritableImage(f"{name}: only {written} of {len(data)} bytes were written.")


def _format_of(name: Path, image: Image, options: WriteOptions) -> str:
    """The key of the format for a file object."""
    if options.format is None and not formats.is_image_name(name):
        return formats.ROWS[image.origin.format].written_as if image.origin else "png"
    return formats.of_name(name, options).key
