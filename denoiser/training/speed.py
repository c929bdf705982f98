"""Training speed as a share of the device's peak."""

from __future__ import annotations

import time

import torch
from torch.nn import functional

from denoiser.training.run import Run

_WIDTH, _SIDE = 256, 128  # of the reference convolution: dense, 3x3, in the cache of a CPU
_PICTURES = {"cuda": 32}  # at once, to fill the device
_TRIES = 3
_PASSES = 3  # forward, gradient of the input, gradient of the kernel: each the same work


def speed_note(run: Run, megapixels_per_second: float) -> str:
    """One line: the speed, and the share of what this device's own convolutions reach."""
    peak = peak_flops(run.device, bf16=run.autocast) * run.team.size
    kmac = run.spec.kmac_per_pixel
    share = training_flops(megapixels_per_second, kmac) / peak
    number = "bf16" if run.autocast else "fp32"
    reach = f"the {peak / 1e12:.3g} TFLOP/s that {run.device.type} reaches in {number}"
    return f"{megapixels_per_second:.3g} MP/s, {share:.0%} of {reach}"


def training_flops(megapixels_per_second: float, kmac_per_pixel: float) -> float:
    """Floating-point operations per second of a training at that speed: two for each multiplication and pass."""
    return megapixels_per_second * 1e6 * kmac_per_pixel * 1e3 * 2 * _PASSES


@torch.inference_mode()
def peak_flops(device: torch.device, *, bf16: bool) -> float:
    """Floating-point operations per second of a dense convolution on *device*: the best of three."""
    dtype = torch.bfloat16 if bf16 else torch.float32
    pictures = _PICTURES.get(device.type, 1)
    x = torch.randn(pictures, _WIDTH, _SIDE, _SIDE, device=device, dtype=dtype)
    x = x.contiguous(memory_format=torch.channels_last)
    kernel = torch.randn(_WIDTH, _WIDTH, 3, 3, device=device, dtype=dtype).contiguous(
        memory_format=torch.channels_last
    )
    times = []
    for _ in range(_TRIES + 1):
        began = time.perf_counter()
        functional.conv2d(x, kernel, padding=1)
        _wait(device)
        times.append(time.perf_counter() - began)
    return 2 * 9 * _WIDTH**2 * _SIDE**2 * pictures / min(times[1:])  # the first one warms up


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
