"""The one door to torchvision, which fails at import beside a torch that it was not built for."""

from __future__ import annotations

import functools
from importlib import import_module
from types import ModuleType

import torch
from torch import Tensor

from denoiser.errors import BrokenInstall

_QUALITY = (60, 100)


@functools.cache
def image_io() -> ModuleType:
    """torchvision.io, or BrokenInstall with the remedy."""
    try:
        return import_module("torchvision.io")
    except (ImportError, RuntimeError, OSError, AttributeError) as error:
        raise BrokenInstall(
            f"torchvision cannot be used beside torch {torch.__version__}: {error}",
            hint="Install the two together: `pip install --force-reinstall torch torchvision`, from one index.",
        ) from error


def jpeg_round_trip(images: Tensor, chosen: Tensor, generator: torch.Generator) -> Tensor:
    """*images* (B, 3, H, W) in 0..1 with the *chosen* rows (B,) packed as JPEG at quality 60 to 100, 4:2:0."""
    io = image_io()
    low, high = _QUALITY
    out = images.clone()
    for row in chosen.nonzero().flatten().tolist():
        quality = int(torch.randint(low, high + 1, (), generator=generator, device=images.device))
        as_bytes = images[row].clamp(0, 1).mul(255).round().to(torch.uint8).cpu()
        packed = io.encode_jpeg(as_bytes, quality=quality)
        out[row] = io.decode_jpeg(packed, mode=io.ImageReadMode.RGB).to(images.device) / 255
    return out
