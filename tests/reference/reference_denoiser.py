"""Reference implementation: denoises the image in one piece; tests compare the tiles with it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from denoiser.engine.local_means import keep_local_means, limits_of
from denoiser.engine.sanity import repair, without_non_finite
from denoiser.networks.condition import Condition
from denoiser.networks.conditioning import Denoiser, planes_of
from denoiser.tiling import SMALLEST_TILE, rounded_up


@torch.inference_mode()
def clean_whole(
    network: Denoiser, noisy: NDArray[np.float32], condition: Condition, noise: Condition | None = None
) -> NDArray[np.float32]:
    """Denoise *noisy* (H, W, 3) in 0..1 in fp32 on the CPU; *noise* is the estimated noise."""
    height, width = noisy.shape[:2]
    multiple = network.spec(halo=0).size_multiple
    below = rounded_up(max(height, SMALLEST_TILE), multiple) - height
    beside = rounded_up(max(width, SMALLEST_TILE), multiple) - width
    padded = np.pad(noisy, ((0, below), (0, beside), (0, 0)), mode="symmetric")
    tensor = network(torch.from_numpy(padded.transpose(2, 0, 1)[np.newaxis].copy()), planes_of(condition))
    batch, clean = padded[np.newaxis], np.ascontiguousarray(tensor.numpy().transpose(0, 2, 3, 1))
    limits = limits_of(noise or condition)[np.newaxis]
    clean, bad = without_non_finite(batch, clean)
    clean, _ = repair(batch, keep_local_means(batch, clean, limits), limits[:, 2], bad)
    return np.ascontiguousarray(clean[0, :height, :width])
