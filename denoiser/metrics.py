"""PSNR, SSIM and MS-SSIM, as defined in the papers.

Arrays are (H, W) or (H, W, C) of any integer or float type, both of the same shape; *white* is the value of white,
255 for 8 bits (see `Image.white`). Values are not clipped, rounded or converted, and no border is cropped.
Computation is in double precision, in bands of rows, so that a large image needs little extra memory. Images that
differ in shape or are too small raise UnusableData.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from denoiser.errors import UnusableData, UsageError

Plane = NDArray[np.float64]

_RADIUS = 5  # a window of 11 × 11, as in the paper
_SIGMA = 1.5
_K1, _K2 = 0.01, 0.03
_BAND = 256  # rows processed at once: little overhead, little memory
_STRIP = 16  # rows per product with the window matrix: more would multiply more zeros
# From Wang, Simoncelli and Bovik 2003; finest scale first.
_SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)

SSIM_SMALLEST = 2 * _RADIUS + 1
MS_SSIM_SMALLEST = SSIM_SMALLEST * 2 ** (len(_SCALE_WEIGHTS) - 1)  # 176: the coarsest scale must contain a window


def psnr(a: NDArray[Any], b: NDArray[Any], *, white: float) -> float:
    """Peak signal-to-noise ratio in dB over all values of all channels together; infinite for equal images.

    10 log10(white² / mean((a − b)²)). The mean is over all channels before the logarithm, without
    conversion to luma, as in papers on colour denoising.
    """
    _check_pair(a, b, white, smallest=1)
    total = 0.0
    for top in range(0, a.shape[0], _BAND):
        rows = slice(top, top + _BAND)
        total += float(np.square(np.subtract(a[rows], b[rows], dtype=np.float64)).sum())
    if total in (0, math.inf):
        return math.inf if total == 0 else -math.inf
    return 10 * math.log10(white * white * a.size / total)


def ssim(a: NDArray[Any], b: NDArray[Any], *, white: float) -> float:
    """Structural similarity, at most 1: the mean over the image and the channels.

    Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to structural similarity",
    IEEE Trans. Image Processing 13(4), 2004: Gaussian window of 11 × 11 with sigma 1.5, K1 = 0.01, K2 = 0.03, only
    where the window lies inside the image, population variances. At full resolution: the authors' program first
    halves images larger than about 384 pixels, but their paper and most tables do not. The same as scikit-image's
    ``structural_similarity`` with ``gaussian_weights=True, use_sample_covariance=False``.
    """
    _check_pair(a, b, white, smallest=SSIM_SMALLEST)
    return _mean_of_planes(a, b, lambda x, y: _similarity(x, y, white)[0])


def ms_ssim(a: NDArray[Any], b: NDArray[Any], *, white: float) -> float:
    """Structural similarity over five scales, 0 to 1: computed for each channel, then averaged.

    Wang, Simoncelli and Bovik, "Multiscale structural similarity for image quality assessment", Asilomar 2003: the
    product of contrast and structure at each scale and of luminance at the coarsest, to the powers of the paper
    (0.0448, 0.2856, 0.3001, 0.2363, 0.1333). Each scale is the mean of 2 × 2 pixels of the one before; a last odd
    row or column is omitted. A negative mean counts as 0. The shorter side must have at least 176 pixels.
    """
    _check_pair(a, b, white, smallest=MS_SSIM_SMALLEST)
    return _mean_of_planes(a, b, lambda x, y: _over_scales(x, y, white))


def _over_scales(x: Plane, y: Plane, white: float) -> float:
    product = 1.0
    for scale, weight in enumerate(_SCALE_WEIGHTS):
        if scale:
            x, y = _halved(x), _halved(y)
        whole, contrast = _similarity(x, y, white)
        is_coarsest = scale == len(_SCALE_WEIGHTS) - 1
        product *= max(whole if is_coarsest else contrast, 0.0) ** weight
    return product


def _similarity(x: Plane, y: Plane, white: float) -> tuple[float, float]:
    """The mean of the SSIM map, and of its contrast and structure terms alone."""
    c1, c2 = (_K1 * white) ** 2, (_K2 * white) ** 2
    height, width = x.shape[0] - 2 * _RADIUS, x.shape[1] - 2 * _RADIUS
    whole = contrast = 0.0
    for top in range(0, height, _BAND):
        rows = slice(top, min(top + _BAND, height) + 2 * _RADIUS)
        u, v = x[rows].astype(np.float64), y[rows].astype(np.float64)
        mean_u, mean_v = _windowed(u), _windowed(v)
        # Only the sum of both variances is needed, which saves a fifth of the time.
        squares, products = _windowed(u * u + v * v), _windowed(u * v)
        mean_squares, mean_products = mean_u * mean_u + mean_v * mean_v, mean_u * mean_v
        structure = (2 * (products - mean_products) + c2) / (squares - mean_squares + c2)
        contrast += float(structure.sum())
        whole += float((structure * (2 * mean_products + c1) / (mean_squares + c1)).sum())
    return whole / (height * width), contrast / (height * width)


def _windowed(plane: Plane) -> Plane:
    """The weighted mean around each position where the window lies inside; the result is transposed."""
    return _down_columns(np.ascontiguousarray(_down_columns(plane).T))


def _down_columns(plane: Plane) -> Plane:
    height = plane.shape[0] - 2 * _RADIUS
    out = np.empty((height, plane.shape[1]))
    for top in range(0, height, _STRIP):
        rows = min(_STRIP, height - top)
        source = plane[top : top + rows + 2 * _RADIUS]
        np.matmul(_WINDOW_MATRIX[:rows, : rows + 2 * _RADIUS], source, out=out[top : top + rows])
    return out


def _window_matrix() -> Plane:
    """The window along one axis, shifted by one position in each row."""
    places = np.arange(-_RADIUS, _RADIUS + 1)
    window = np.exp(-0.5 * (places / _SIGMA) ** 2)
    matrix = np.zeros((_STRIP, _STRIP + 2 * _RADIUS))
    for row in range(_STRIP):
        matrix[row, row : row + window.size] = window / window.sum()
    return matrix


_WINDOW_MATRIX = _window_matrix()


def _halved(plane: Plane) -> Plane:
    even = plane[: plane.shape[0] // 2 * 2, : plane.shape[1] // 2 * 2].astype(np.float64)
    return (even[0::2, 0::2] + even[1::2, 0::2] + even[0::2, 1::2] + even[1::2, 1::2]) / 4


def _mean_of_planes(a: NDArray[Any], b: NDArray[Any], score: Callable[[Plane, Plane], float]) -> float:
    if a.ndim == 2:
        return score(a, b)
    channels = int(a.shape[2])
    return sum(score(a[:, :, c], b[:, :, c]) for c in range(channels)) / channels


def _check_pair(a: NDArray[Any], b: NDArray[Any], white: float, *, smallest: int) -> None:
    if a.shape != b.shape:
        raise UnusableData(f"Only images of the same size can be compared, not {a.shape} and {b.shape}.")
    if a.ndim not in (2, 3) or a.dtype.kind not in "uif" or b.dtype.kind not in "uif":
        raise UsageError(f"An image is a numeric array (H, W) or (H, W, C), not {a.shape} of {a.dtype}.")
    if a.size == 0 or min(a.shape[:2]) < smallest:
        raise UnusableData(
            f"An image of {a.shape[1]} × {a.shape[0]} is too small: each side needs {smallest} pixels."
        )
    if not 0 < white < math.inf:
        raise UsageError(f"White must be a positive number, not {white}.")
