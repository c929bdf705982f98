"""What JPEG does to a noisy picture: noise is quantised away in some places and smeared into blocks in others."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from denoiser.imageio.recompress import recompressed

QUALITY_RANGE = (60, 100)
_HALF_CHROMA_SHARE = 0.6  # cameras' default; the rest keeps full chroma


def pack_some(images: Tensor, chosen: Tensor, generator: torch.Generator) -> Tensor:
    """*images* (B, 3, H, W) in 0..1 with the *chosen* rows (B,) packed as JPEG of a random quality.

    Runs on the CPU, about a tenth of a millisecond for a crop of 96 pixels.
    """
    low, high = QUALITY_RANGE
    out = images.clone()
    for row in chosen.nonzero().flatten().tolist():
        quality = int(torch.randint(low, high + 1, (), generator=generator, device=generator.device))
        draw = float(torch.rand((), generator=generator, device=generator.device))
        as_bytes = (
            images[row].clamp(0, 1).mul(255).round().to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy()
        )
        kept = recompressed(as_bytes, quality, half_chroma=draw < _HALF_CHROMA_SHARE)
        out[row] = torch.from_numpy(np.ascontiguousarray(kept.transpose(2, 0, 1))).to(images.device) / 255
    return out
