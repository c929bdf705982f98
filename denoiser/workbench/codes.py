"""What the numbers of a code mean: interpolation, what each number changes, the images that activate it most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from denoiser.workbench.autoencoder import Autoencoder

Values = NDArray[np.float32]

_ACTIVE_VARIANCE = 0.01  # of a mean code over images, from which a number is active (Burda et al., ICLR 2016)
_REACH = 3.0  # standard deviations to both sides of a strip


@dataclass(frozen=True, slots=True)
class Latent:
    """One number of a code: its variation over the training images, and what it changes in one image."""

    index: int
    deviation: float  # standard deviation over the training images
    active: bool
    strip: Values  # (steps, H, W) or (steps, H, W, C): decoded with this number from low to high


def interpolate(model: Autoencoder, first: Any, second: Any, steps: int = 10) -> Values:
    """Images decoded from *steps* codes between those of two images, both included."""
    codes = model.transform(np.stack([np.asarray(first), np.asarray(second)]))
    share = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    return model.inverse_transform(codes[0] * (1 - share) + codes[1] * share)


def explain(model: Autoencoder, image: Any, *, latents: int = 16, steps: int = 9) -> list[Latent]:
    """The numbers of the code that vary most, with what each of them changes in *image*."""
    network = model.network_
    spread: NDArray[np.float64] = network.get_buffer("code_spread").double().numpy()
    deviations = np.sqrt(np.diag(spread @ spread))
    code = model.transform(np.asarray(image)[None])[0]
    moves = np.linspace(-_REACH, _REACH, steps, dtype=np.float32)
    bounded = not isinstance(network.code_activation, torch.nn.Identity)
    found = []
    for index in np.argsort(-deviations, kind="stable")[:latents].tolist():
        codes = np.repeat(code[None], steps, axis=0)
        codes[:, index] += moves * np.float32(deviations[index])
        if bounded:
            codes[:, index] = np.linspace(0, max(code[index], _REACH * deviations[index]), steps)
        active = bool(deviations[index] ** 2 > _ACTIVE_VARIANCE)
        found.append(Latent(index, float(deviations[index]), active, model.inverse_transform(codes)))
    return found


def strongest_images(
    model: Autoencoder, images: Any, *, units: int = 16, count: int = 8
) -> dict[int, NDArray[np.int64]]:
    """For the *units* with the largest activations: the indices of the *count* images that activate each most."""
    codes = model.transform(images)
    peaks = np.sort(codes, axis=0)[-count:].mean(axis=0)
    order = np.argsort(-peaks, kind="stable")[:units]
    return {int(unit): np.argsort(-codes[:, unit], kind="stable")[:count] for unit in order}
