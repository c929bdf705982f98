"""What type checkers infer for the calls: mypy checks this file with the package, and a test runs it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, assert_type

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage

import denoiser
from denoiser import DenoiseOptions, EncodeOptions, Image
from denoiser.estimation.estimate import NoiseEstimate
from denoiser.restoration import denoise_autoencoder
from denoiser.transforms import Denoise


def all_forms(folder: Path) -> None:
    """Each form of an image, with keywords and with options."""
    array = np.zeros((64, 64, 3), np.uint8)
    floats: NDArray[np.float64] = array / 255
    tensor = torch.zeros(3, 64, 64)
    picture = PillowImage.fromarray(array)
    image = denoiser.from_numpy(array)
    path = folder / "a.png"
    denoiser.save_image(array, path)
    denoiser.save_image(picture, str(path), strip=True)

    assert_type(denoiser.denoise(image), Image)
    assert_type(denoiser.denoise(path, noise_level=25), Image)
    assert_type(denoiser.denoise(str(path), DenoiseOptions(strength=0.5)), Image)
    assert_type(denoiser.denoise(path.read_bytes(), device="cpu", precision="fp32"), Image)
    assert_type(denoiser.denoise(picture, options=DenoiseOptions()), PillowImage.Image)
    assert_type(denoiser.denoise(array), NDArray[np.uint8])
    assert_type(denoiser.denoise(floats, noise_level=None, detail=0.2), NDArray[np.float64])
    assert_type(denoiser.denoise(tensor, model="fast", tile=None), torch.Tensor)

    assert_type(denoiser.estimate_noise(image), NoiseEstimate)
    assert_type(denoiser.estimate_noise(array), NoiseEstimate | Any)
    assert_type(denoiser.encode(image, lossless=True), bytes)
    assert_type(denoiser.encode(path, EncodeOptions(lossless=True)), bytes)
    data: bytes = denoiser.encode(array, lossless=True)
    assert_type(denoiser.decode(data), Image)
    assert_type(denoiser.decode(io.BytesIO(data), region="0,0,32,32"), Image)

    with open(path, "rb") as file:
        assert_type(denoiser.open_image(file, max_pixels=10_000), Image)
    with open(path, "wb") as file:
        denoiser.save_image(tensor, file, format="png")
    denoiser.save_image(floats, io.BytesIO())

    assert_type(denoise_autoencoder(array, 20, channel_axis=-1), NDArray[np.floating[Any]])
    assert_type(np.asarray(image), NDArray[Any])
    Denoise(noise_level=25, device="cpu")(tensor)


def mistakes(folder: Path) -> None:
    """What a type checker reports: an unused `type: ignore` is an error, too."""
    denoiser.denoise(folder, noise="much")  # type: ignore[call-overload]
    denoiser.denoise(folder, strength="full")  # type: ignore[call-overload]
    denoiser.denoise(5)  # type: ignore[call-overload]
    denoiser.decode(np.zeros(4))  # type: ignore[arg-type]
    denoiser.save_image(folder, 5)  # type: ignore[arg-type]
