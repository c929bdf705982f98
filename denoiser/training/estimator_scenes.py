"""Clean crops to noisy ones whose noise is known, saved as files are: in float, in 8 bits, or as JPEG."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from denoiser import noise
from denoiser.networks.estimator import Quantisation
from denoiser.noise import Dice
from denoiser.training.estimator_jpeg import saved_as_jpeg
from denoiser.training.graininess import add_grain

_SHARES = (0.18, 0.26, 0.3, 0.26)  # white, camera, grain, nearly clean
_JPEG_SHARES = (0.25, 0.65, 0.75, 0.65)  # of each of these
_KNOWN_SHARE = 0.6  # of the JPEGs: the others were decoded and stored as something else
_GREY_SHARE = 0.12
_GREY_NOISE_SHARE, _EIGHT_BIT_SHARE = 0.1, 0.6  # of the white noise
_SHARPENED_SHARE, _SHARPENING = 0.35, (0.2, 2.0)
_ENLARGED_SHARE, _ENLARGING = 0.12, (1.2, 2.0)


@dataclass(frozen=True, slots=True)
class Scene:
    """One noisy picture (3, H, W) in 0..1 and what is known of its noise, in the same shape and scale."""

    noisy: Tensor
    error: Tensor  # noisy minus clean
    added: Tensor  # the noise before JPEG
    survived: Tensor  # noisy minus the clean picture saved in the same way; 0 for a clean JPEG
    correlated: Tensor  # 0 or 1
    quantisation: Quantisation | None  # None: unknown, or no JPEG


def scenes(clean: Tensor, generator: torch.Generator) -> Iterator[Scene]:
    """A scene of each of *clean* (B, 3, H, W) in 0..1, with noise of a random kind."""
    dice = Dice(generator)
    edges = torch.tensor(_SHARES).cumsum(0)[:-1]
    kinds = torch.bucketize(torch.rand(len(clean), generator=generator), edges)
    for picture, kind in zip(clean, kinds.tolist(), strict=True):
        noisy, truth, added = (_white, _camera, _grain, _nearly_clean)[kind](_finished(picture, dice), generator)
        if dice.number(0, 1) < _GREY_SHARE:
            noisy, truth, added = (each.mean(dim=1, keepdim=True).expand_as(each) for each in (noisy, truth, added))
        correlated = torch.tensor(float(kind in (1, 2)))
        if dice.number(0, 1) >= _JPEG_SHARES[kind]:
            yield Scene(noisy[0], added[0], added[0], added[0], correlated, None)
            continue
        (saved, saved_clean), tables = saved_as_jpeg(torch.cat([noisy, truth]), dice)
        known = tables if dice.number(0, 1) < _KNOWN_SHARE else None
        yield Scene(saved, saved - truth[0], added[0], saved - saved_clean, correlated, known)


def _finished(clean: Tensor, dice: Dice) -> Tensor:
    """*clean* (3, H, W) as one picture (1, 3, H, W), sharpened or enlarged as some are."""
    picture = clean.unsqueeze(0)
    if dice.number(0, 1) < _ENLARGED_SHARE:
        size, factor = picture.shape[2:], dice.number(*_ENLARGING)
        part = picture[:, :, : round(size[0] / factor), : round(size[1] / factor)]
        picture = functional.interpolate(part, size=size, mode="bicubic", align_corners=False)
    if dice.number(0, 1) < _SHARPENED_SHARE:
        blurred = functional.avg_pool2d(functional.pad(picture, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
        picture = picture + dice.number(*_SHARPENING) * (picture - blurred)
    return noise.as_8_bit(picture)


# Each takes and gives pictures (1, 3, H, W): the noisy one, the clean one, and how far they count as being apart.


def _white(clean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    # Evenly over the logarithm, so that small levels are learned as well as large ones.
    sigma = 0.5 * (75 / 0.5) ** torch.rand(1, generator=generator)
    noisy = noise.add_white(clean, sigma, generator, grey=_chance(_GREY_NOISE_SHARE, generator))
    # The level that papers and people name: what was added, not what clipping left of that.
    added = noisy - clean
    return noise.as_8_bit(noisy) if _chance(_EIGHT_BIT_SHARE, generator) else noisy, clean, added


def _camera(clean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    noisy, target = noise.photograph(clean, generator)
    return _measured(noise.as_8_bit(noisy), target)


def _grain(clean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    return _measured(noise.as_8_bit(add_grain(clean, generator)), clean)


def _nearly_clean(clean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    sigma = (torch.rand(1, generator=generator) * 3 - 2).clamp_min(0)
    return _measured(noise.as_8_bit(noise.add_white(clean, sigma, generator)), clean)


def _measured(noisy: Tensor, clean: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return noisy, clean, noisy - clean


def _chance(share: float, generator: torch.Generator) -> bool:
    return bool(torch.rand((), generator=generator) < share)
