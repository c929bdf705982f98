"""Raw development and its inverse: white balance, colour matrix, tone curve.

raw ─ gains ─ matrix ─ sRGB curve ─ S-curve (some) ─► picture
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from denoiser.noise.dice import Dice

# sRGB from white-balanced camera colours, as cameras of four makers have them; rows sum to one. Mixtures are drawn.
_MATRICES = (
    ((1.68, -0.57, -0.11), (-0.22, 1.55, -0.33), (0.02, -0.52, 1.50)),
    ((1.82, -0.72, -0.10), (-0.18, 1.46, -0.28), (0.01, -0.40, 1.39)),
    ((1.47, -0.36, -0.11), (-0.26, 1.63, -0.37), (0.05, -0.62, 1.57)),
    ((1.60, -0.45, -0.15), (-0.14, 1.38, -0.24), (0.00, -0.33, 1.33)),
)
_RED_GAIN, _BLUE_GAIN = (1.5, 2.4), (1.3, 2.2)
_S_CURVE_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class Development:
    """The settings for each picture of a batch."""

    to_srgb: Tensor  # (B, 3, 3)
    gains: Tensor  # (B, 3, 1, 1) white balance
    s_curve: Tensor  # (B, 1, 1, 1) whether the contrast is raised, as cameras do


def draw_development(batch: int, dice: Dice) -> Development:
    """Random settings for *batch* pictures."""
    shares = -torch.log(dice.uniform(1e-6, 1.0, batch, len(_MATRICES)))
    shares = shares / shares.sum(dim=1, keepdim=True)  # uniform over the mixtures
    matrices = torch.einsum("bm,mij->bij", shares, torch.tensor(_MATRICES, device=dice.device))
    gains = [
        dice.uniform(*_RED_GAIN, batch),
        torch.ones(batch, device=dice.device),
        dice.uniform(*_BLUE_GAIN, batch),
    ]
    return Development(
        to_srgb=matrices / matrices.sum(dim=2, keepdim=True),
        gains=torch.stack(gains, dim=1).reshape(batch, 3, 1, 1),
        s_curve=dice.uniform(0, 1, batch, 1, 1, 1) < _S_CURVE_SHARE,
    )


def undevelop(picture: Tensor, settings: Development) -> Tensor:
    """The raw colours (B, 3, H, W) in 0..1 that those *settings* would have made the *picture* of."""
    tone = picture.clamp(0, 1)
    # The inverse of 3x^2 - 2x^3, after Brooks et al.
    flat = torch.asin(1 - 2 * tone).div_(-3).sin_().add_(0.5)
    linear = _light_of_srgb(torch.where(settings.s_curve, flat, tone))
    # inv_ex does not look whether it worked, for which a GPU would be waited for; these matrices have inverses.
    to_camera = torch.linalg.inv_ex(settings.to_srgb).inverse
    return _mixed(to_camera, linear).div_(settings.gains).clamp_(0, 1)


def develop(raw: Tensor, settings: Development) -> Tensor:
    """The picture (B, 3, H, W) in 0..1 of *raw* colours."""
    balanced = (raw * settings.gains).clamp_(0, 1)
    tone = _srgb_of_light(_mixed(settings.to_srgb, balanced).clamp_(0, 1)).clamp_(0, 1)
    return torch.where(settings.s_curve, tone * tone * (3 - 2 * tone), tone)


def _mixed(matrices: Tensor, colours: Tensor) -> Tensor:
    return torch.bmm(matrices, colours.flatten(2)).reshape(colours.shape)


# Both curves are a power above a knee and a line below it, written as a sum without a choice for each pixel.


def _light_of_srgb(tone: Tensor) -> Tensor:
    curve = tone.clamp_min(0.04045).add_(0.055).div_(1.055).pow_(2.4)
    return curve.add_((tone - 0.04045).clamp_max_(0), alpha=1 / 12.92)


def _srgb_of_light(light: Tensor) -> Tensor:
    curve = light.clamp_min(0.0031308).pow_(1 / 2.4).mul_(1.055).sub_(0.055)
    return curve.add_((light - 0.0031308).clamp_max_(0), alpha=12.92)
