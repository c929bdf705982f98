"""How well a network under training does on the pictures that were held out: white noise, fixed seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from denoiser.networks.conditioning import Condition
from denoiser.noise import add_white, shoot

_LEVELS = (15, 25, 50)
_CROP = 256
_SHRINK = 2  # what the files lost in compression would count as error
_SHOT = 4e-3  # a camera at high sensitivity, for the last column


@torch.inference_mode()
def validate(network: nn.Module, pictures: Sequence[Tensor], device: torch.device) -> dict[str, float]:
    """Mean PSNR over *pictures* (3, H, W) uint8 by kind of noise; empty when there are none."""
    crops = [_centre(picture) for picture in pictures]
    crops = [crop for crop in crops if min(crop.shape[1:]) >= 64]
    if not crops:
        return {}
    results = {f"white {level}": _white(network, crops, level, device) for level in _LEVELS}
    results["camera, blind"] = _camera(network, crops, device)
    return results


def _white(network: nn.Module, crops: list[Tensor], level: int, device: torch.device) -> float:
    planes = Condition(level, level, 0.0).planes().reshape(1, -1, 1, 1).to(device)
    scores = []
    for number, crop in enumerate(crops):
        clean = crop.unsqueeze(0)
        noisy = add_white(clean, float(level), torch.Generator().manual_seed(number))
        scores.append(_psnr(network(noisy.to(device), planes).cpu(), clean))
    return sum(scores) / len(scores)


def _camera(network: nn.Module, crops: list[Tensor], device: torch.device) -> float:
    planes = Condition().planes().reshape(1, -1, 1, 1).to(device)
    scores = []
    for number, crop in enumerate(crops):
        noisy, target = shoot(crop.unsqueeze(0), torch.Generator().manual_seed(number), shot=torch.tensor([_SHOT]))
        scores.append(_psnr(network(noisy.to(device), planes).cpu(), target))
    return sum(scores) / len(scores)


def _centre(picture: Tensor) -> Tensor:
    small = torch.nn.functional.interpolate(
        picture.unsqueeze(0).float().div(255), scale_factor=1 / _SHRINK, mode="bicubic", antialias=True
    )[0].clamp(0, 1)
    height, width = (min(_CROP, side // 8 * 8) for side in small.shape[1:])
    top, left = (small.shape[1] - height) // 2, (small.shape[2] - width) // 2
    return small[:, top : top + height, left : left + width]


def _psnr(output: Tensor, target: Tensor) -> float:
    return -10 * math.log10(float((output - target).square().mean()) + 1e-12)
