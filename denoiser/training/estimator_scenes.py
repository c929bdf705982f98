"""Noisy crops with known noise, made from clean ones and stored as files are: in float, in 8 bits, or as JPEG.

Some noise is grain as in developed photos: a falling spectrum, colours in larger blotches, strength that depends on
brightness. Its spectra are drawn around those of camera JPEGs: luma falls slowly from coarse to fine and ends
before the finest detail; chroma has only the coarse quarter, since cameras smooth it most. JPEG files come from a
random program or camera, and some are saved twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from denoiser.networks.estimator import along_axes
from denoiser.networks.window_statistics import WINDOW, Quantisation
from denoiser.noise import camera, simple
from denoiser.noise.dice import Dice
from denoiser.noise.jpeg import tables_of, through_tables
from denoiser.training.recipe import NoiseShares

_LOWEST, _HIGHEST = 50, 100  # quality; high ones are drawn more often
_HALF_CHROMA_SHARE = 0.6
_TWICE_SHARE = 0.3
_SHIFTED_SHARE = 0.5  # of these: cropped in between, so that the blocks of both lie differently
# Tables of cameras, around those of libjpeg: how steeply steps grow with frequency, and how large they are.
_OWN_TABLE_SHARE = 0.35
_STEEPNESS = (0.4, 1.1)
_SIZE = (0.6, 1.6)


def saved_as_jpeg(images: Tensor, dice: Dice) -> tuple[Tensor, Quantisation]:
    """*images* (N, 3, H, W) in 0..1, all saved with the same settings, and the tables that were used last."""
    if dice.number(0, 1) < _TWICE_SHARE:
        down = across = 0
        if dice.number(0, 1) < _SHIFTED_SHARE:
            down, across = int(dice.number(0, WINDOW)), int(dice.number(0, WINDOW))
        images = _saved(images.roll((down, across), dims=(2, 3)), _drawn(dice)).roll((-down, -across), dims=(2, 3))
    last = _drawn(dice)
    return _saved(images, last), last


def _saved(images: Tensor, how: Quantisation) -> Tensor:
    steps = (torch.from_numpy(table).float() for table in (how.luma, how.chroma))
    tables = (table.unsqueeze(0).expand(len(images), -1) for table in steps)
    return through_tables(images, *tables, half_chroma=how.half_chroma)


def _drawn(dice: Dice) -> Quantisation:
    quality = torch.floor(_HIGHEST - (_HIGHEST - _LOWEST) * dice.uniform(0, 1, 1) ** 1.25)
    luma, chroma = (table[0] for table in tables_of(quality))
    if dice.number(0, 1) < _OWN_TABLE_SHARE:
        luma, chroma = _own(luma, dice), _own(chroma, dice)
    return Quantisation(luma.double().numpy(), chroma.double().numpy(), dice.number(0, 1) < _HALF_CHROMA_SHARE)


def _own(table: Tensor, dice: Dice) -> Tensor:
    steps = table.log()
    steps = steps.mean() + dice.number(*_STEEPNESS) * (steps - steps.mean())
    return (steps.exp() * dice.log_uniform(*_SIZE, 1)).round().clamp(1, 255)


LUMA_RANGE = (0.5, 30.0)  # sigma in 8-bit units


def add_grain(clean: Tensor, generator: torch.Generator) -> Tensor:
    """*clean* (B, 3, H, W) in 0..1 with grain of a random strength and shape; neither clipped nor rounded."""
    batch, _, height, width = clean.shape
    device = clean.device

    def draw(low: float, high: float, *, evenly_in_log: bool = False) -> Tensor:
        luck = torch.rand(batch, 1, 1, 1, generator=generator, device=device)
        return low * (high / low) ** luck if evenly_in_log else low + (high - low) * luck

    down, across = torch.fft.fftfreq(height, device=device), torch.fft.rfftfreq(width, device=device)
    radius = torch.hypot(down.unsqueeze(1), across)
    knee, fall, end = draw(0.02, 0.4, evenly_in_log=True), draw(0, 1.5), draw(0.15, 0.7)
    luma = _field((radius, knee, fall, end), 1, clean, generator)
    knee, fall, end = draw(0.02, 0.3, evenly_in_log=True), draw(0, 2.0), draw(0.05, 0.6, evenly_in_log=True)
    chroma = _field((radius, knee, fall, end), 2, clean, generator)
    both = torch.cat([luma, chroma * draw(0.15, 1.3, evenly_in_log=True)], dim=1)
    # The strength varies with the light by up to a factor of four, either way.
    brightness = clean.mean(dim=1, keepdim=True)
    gain = torch.exp(draw(-1.4, 1.4) * (brightness - 0.5))
    sigma = draw(*LUMA_RANGE, evenly_in_log=True) / 255
    return clean + _to_rgb(both) * gain * sigma


def _field(
    shape: tuple[Tensor, Tensor, Tensor, Tensor], planes: int, like: Tensor, generator: torch.Generator
) -> Tensor:
    """Noise (B, planes, H, W) of unit variance: flat up to the knee, falling after, nothing past the end."""
    radius, knee, fall, end = shape
    batch, _, height, width = like.shape
    white = torch.randn(batch, planes, height, width, generator=generator, device=like.device)
    response = (1 + (radius / knee).square()).pow(-fall / 2) / (1 + (radius / end).pow(8)).sqrt()
    response[..., 0, 0] = 0
    field: Tensor = torch.fft.irfft2(torch.fft.rfft2(white) * response, s=(height, width))
    return field / field.square().mean(dim=(1, 2, 3), keepdim=True).sqrt().clamp_min(1e-6)


def _to_rgb(planes: Tensor) -> Tensor:
    # The axes are orthonormal: the way back is the transpose, whose columns are the images of the unit vectors.
    unit = torch.eye(3, dtype=planes.dtype, device=planes.device).reshape(3, 3, 1, 1)
    axes = along_axes(unit).reshape(3, 3)  # row i: where RGB's i-th colour goes
    return torch.einsum("ij,bjhw->bihw", axes, planes)


_JPEG_SHARES = (0.25, 0.65, 0.75, 0.65)  # of white noise, camera noise, grain, and nearly clean crops
_KNOWN_SHARE = 0.6  # of the JPEGs: the others were decoded and stored as something else
_GREY_SHARE = 0.12
_GREY_NOISE_SHARE, _EIGHT_BIT_SHARE = 0.1, 0.6  # of the white noise
_SHARPENED_SHARE, _SHARPENING = 0.35, (0.2, 2.0)
_ENLARGED_SHARE, _ENLARGING = 0.12, (1.2, 2.0)


@dataclass(frozen=True, slots=True)
class Scene:
    """One noisy image (3, H, W) in 0..1 and what is known of its noise, in the same shape and scale."""

    noisy: Tensor
    error: Tensor  # noisy minus clean
    added: Tensor  # the noise before JPEG
    survived: Tensor  # noisy minus the clean image saved in the same way; 0 for a clean JPEG
    correlated: Tensor  # 0 or 1
    quantisation: Quantisation | None  # None: unknown, or no JPEG


def scenes(clean: Tensor, shares: NoiseShares, generator: torch.Generator) -> Iterator[Scene]:
    """A scene of each of *clean* (B, 3, H, W) in 0..1, with a random kind of noise."""
    dice = Dice(generator)
    edges = torch.tensor([shares.white, shares.camera, shares.shaped, shares.clean]).cumsum(0)[:-1]
    kinds = torch.bucketize(torch.rand(len(clean), generator=generator), edges)
    for image, kind in zip(clean, kinds.tolist(), strict=True):
        noisy, truth, added = (_white, _camera, _grain, _nearly_clean)[kind](_finished(image, dice), generator)
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
    """*clean* (3, H, W) as a batch of one, sharpened or enlarged as some images are."""
    image = clean.unsqueeze(0)
    if dice.number(0, 1) < _ENLARGED_SHARE:
        size, factor = image.shape[2:], dice.number(*_ENLARGING)
        part = image[:, :, : round(size[0] / factor), : round(size[1] / factor)]
        image = functional.interpolate(part, size=size, mode="bicubic", align_corners=False)
    if dice.number(0, 1) < _SHARPENED_SHARE:
        blurred = functional.avg_pool2d(functional.pad(image, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
        image = image + dice.number(*_SHARPENING) * (image - blurred)
    return simple.as_8_bit(image)


# Each returns images (1, 3, H, W): noisy, clean, and the difference that counts as noise.


def _white(clean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    # Evenly over the logarithm, so that small levels are as frequent as large ones.
    sigma = 0.5 * (75 / 0.5) ** torch.rand(1, generator=generator)
    noisy = simple.add_white(clean, sigma, generator, grey=_chance(_GREY_NOISE_SHARE, generator))
    # The level that papers and people name: what was added, not what clipping left of that.
    added = noisy - clean
    return simple.as_8_bit(noisy) if _chance(_EIGHT_BIT_SHARE, generator) else noisy, clean, added


def _camera(clean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    noisy, target = camera.photograph(clean, generator)
    return _measured(simple.as_8_bit(noisy), target)


def _grain(clean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    return _measured(simple.as_8_bit(add_grain(clean, generator)), clean)


def _nearly_clean(clean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    sigma = (torch.rand(1, generator=generator) * 3 - 2).clamp_min(0)
    return _measured(simple.as_8_bit(simple.add_white(clean, sigma, generator)), clean)


def _measured(noisy: Tensor, clean: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return noisy, clean, noisy - clean


def _chance(share: float, generator: torch.Generator) -> bool:
    return bool(torch.rand((), generator=generator) < share)
