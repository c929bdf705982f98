"""Denoising with the interface of skimage.restoration."""

from __future__ import annotations

import numbers
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from denoiser.api.calls import denoise
from denoiser.errors import UsageError
from denoiser.options import DenoiseKeywords

_WHITE = {"u1": 255.0, "u2": 65535.0}  # of integer images, by dtype


def denoise_autoencoder(
    image: NDArray[Any],
    sigma: float | None = None,
    *,
    channel_axis: int | None = None,
    **keywords: Unpack[DenoiseKeywords],
) -> NDArray[np.floating[Any]]:
    """Return the denoised image as floats, as `skimage.restoration.denoise_wavelet` does.

    Parameters
    ----------
    image
        Grey (M, N), or with 1 to 4 channels along *channel_axis*. Floats must be between 0 and 1 and keep their
        dtype, except that float16 becomes float32; uint8 and uint16 become float64 from 0 to 1.
    sigma
        Standard deviation of the noise in the units of *image*, as from `skimage.restoration.estimate_sigma`.
        None estimates the noise.
    channel_axis
        The axis of the channels; None for a grey image.
    **keywords
        The options of `denoiser.denoise` except noise_level, which is *sigma*.
    """
    image = np.asarray(image)
    if channel_axis is None and image.ndim != 2:
        raise UsageError(
            f"A grey image must have 2 dimensions, not {image.ndim}.",
            hint="Pass channel_axis=-1 for an image whose channels come last.",
        )
    if "noise_level" in keywords:
        raise UsageError("noise_level is not an option here.", hint="Pass sigma, in the units of the image.")
    white = _WHITE.get(f"{image.dtype.kind}{image.dtype.itemsize}", 1.0)
    if white != 1:
        image = image / white
    elif image.dtype == np.float16:
        image = image.astype(np.float32)
    if channel_axis is not None:
        image = np.moveaxis(image, channel_axis, -1)
    keywords["noise_level"] = None if sigma is None else _number(sigma) * 255 / white
    clean: NDArray[np.floating[Any]] = denoise(image, **keywords)
    return clean if channel_axis is None else np.moveaxis(clean, -1, channel_axis)


def _number(sigma: Any) -> float:
    if not isinstance(sigma, numbers.Real):  # skimage also accepts one for each channel
        raise UsageError(f"sigma must be one number, not {sigma!r}.", hint="For several channels, pass their mean.")
    return float(sigma)
