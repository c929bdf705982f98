"""Thumbnails and noise levels of files. No Qt, no threads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from denoiser.events import CancelToken
from denoiser_gui.model.latent import is_latent, read_latent

if TYPE_CHECKING:
    from denoiser.estimation.estimate import NoiseEstimate
    from denoiser.image import Image

SIDE = 320  # px of the longer side: sharp at 120 px on high-density screens


def make_thumbnail(source: Path | Image, side: int = SIDE) -> Image:
    """The image in a file or in memory as 8-bit sRGB, upright and small."""
    from denoiser import imageio

    if not isinstance(source, Path):
        return imageio.shrunk(source, side)
    return imageio.shrunk(read_latent(source), side) if is_latent(source) else imageio.preview(source, side)


def estimate_noise_of(path: Path, cancel: CancelToken) -> NoiseEstimate:
    """Estimate the noise of a file. Decodes the whole image, so that the result matches all others."""
    from denoiser import imageio
    from denoiser.estimation.estimator import estimate_noise

    image = read_latent(path) if is_latent(path) else imageio.read(path)
    cancel.raise_if_cancelled()
    return estimate_noise(image)
