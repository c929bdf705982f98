"""Turns a batch of clean crops into what a network trains on: noisy, target, and what it is told."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from denoiser import noise
from denoiser.networks.conditioning import luma_and_chroma_sigma, planes_of_batch
from denoiser.training.packing import pack_some
from denoiser.training.recipe import NoiseShares

_GREY_SHARE = 0.15
_UNKNOWN_SHARE = 0.25  # neither level nor kind is told: the network must judge
_KIND_UNKNOWN_SHARE = 0.15  # the level is told alone, as a person with a slider does
_CLIPPED_SHARE = 0.5  # of the white noise: as an 8-bit file would keep it
_JPEG_SHARE = 0.5  # of the camera noise
_TOLD_SPREAD = 0.08  # the level that is told is off by this much, as estimates are


@dataclass(frozen=True, slots=True)
class Sample:
    """A batch: noisy and target (B, 3, H, W) in 0..1, planes (B, 4, 1, 1)."""

    noisy: Tensor
    target: Tensor
    planes: Tensor


def degrade(clean: Tensor, shares: NoiseShares, generator: torch.Generator) -> Sample:
    """Draws a kind of noise for each crop of *clean* (B, 3, H, W) in 0..1 and applies it."""
    batch, device = clean.shape[0], clean.device
    clean = _some_grey(clean, generator)
    draw = torch.rand(batch, generator=generator, device=device)
    edges = torch.tensor([shares.white, shares.camera, shares.shaped], device=device).cumsum(0)
    kind_of = torch.bucketize(draw, edges)  # 0 white, 1 camera, 2 shaped, 3 clean
    noisy, target = clean.clone(), clean.clone()
    told = torch.zeros(2, batch, device=device)
    for number, apply in enumerate((_white, _camera, _shaped, _nearly_clean)):
        rows = (kind_of == number).nonzero().squeeze(1)
        if len(rows):
            noisy[rows], target[rows], told[:, rows] = apply(clean[rows], shares.max_sigma, generator)
    correlated = ((kind_of == 1) | (kind_of == 2)).float()
    return Sample(noisy, target, _planes(told, correlated, generator))


def _planes(told: Tensor, correlated: Tensor, generator: torch.Generator) -> Tensor:
    batch, device = told.shape[1], told.device
    spread = torch.exp(_TOLD_SPREAD * torch.randn(batch, generator=generator, device=device))
    draw = torch.rand(batch, generator=generator, device=device)
    level_known = draw >= _UNKNOWN_SHARE
    kind_known = draw >= _UNKNOWN_SHARE + _KIND_UNKNOWN_SHARE
    # White noise is told exactly: papers and people who add noise know its level.
    luma, chroma = told * torch.where(correlated > 0, spread, 1.0)
    return planes_of_batch(luma, chroma, correlated, level_known, kind_known).reshape(batch, -1, 1, 1)


def _white(clean: Tensor, max_sigma: float, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    sigma = torch.rand(len(clean), generator=generator, device=clean.device) * max_sigma
    noisy = noise.add_white(clean, sigma, generator)
    grey_rows = _is_grey(clean)
    noisy = torch.where(grey_rows, noise.add_white(clean, sigma, generator, grey=True), noisy)
    clipped = _chance(_CLIPPED_SHARE, clean, generator)
    # Grey noise has luma alone: three times the variance of one channel's share, and no chroma.
    luma = torch.where(grey_rows.flatten(), sigma * 3**0.5, sigma)
    chroma = torch.where(grey_rows.flatten(), 0.0, sigma)
    return torch.where(clipped, noise.as_8_bit(noisy), noisy), clean, torch.stack([luma, chroma])


def _camera(clean: Tensor, _max_sigma: float, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    noisy, target = noise.shoot(clean, generator)
    grey_rows = _is_grey(clean)
    noisy = torch.where(grey_rows, noisy.mean(dim=1, keepdim=True), noisy)
    target = torch.where(grey_rows, target.mean(dim=1, keepdim=True), target)
    packed = _chance(_JPEG_SHARE, clean, generator)
    noisy = torch.where(packed, pack_some(noisy, packed.flatten(), generator), noise.as_8_bit(noisy))
    return noisy, target, torch.stack(luma_and_chroma_sigma(noisy - target))


def _shaped(clean: Tensor, max_sigma: float, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    sigma = torch.rand(len(clean), generator=generator, device=clean.device).square() * max_sigma * 0.7
    noisy = noise.add_shaped(clean, sigma, generator)
    noisy = torch.where(_is_grey(clean), noisy.mean(dim=1, keepdim=True), noisy)
    clipped = _chance(_CLIPPED_SHARE, clean, generator)
    noisy = torch.where(clipped, noise.as_8_bit(noisy), noisy)
    return noisy, clean, torch.stack(luma_and_chroma_sigma(noisy - clean))


def _nearly_clean(clean: Tensor, _max_sigma: float, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    # Up to sigma 2, half of them 0; the target is the input: teaches to do no harm.
    sigma = (torch.rand(len(clean), generator=generator, device=clean.device) * 4 - 2).clamp_min(0)
    noisy = noise.as_8_bit(noise.add_white(clean, sigma, generator))
    noisy = torch.where(_is_grey(clean), noisy.mean(dim=1, keepdim=True), noisy)
    return noisy, noisy, torch.stack([sigma, sigma])


def _some_grey(clean: Tensor, generator: torch.Generator) -> Tensor:
    return torch.where(_chance(_GREY_SHARE, clean, generator), clean.mean(dim=1, keepdim=True), clean)


def _is_grey(clean: Tensor) -> Tensor:
    same = (clean[:, 0] == clean[:, 1]) & (clean[:, 1] == clean[:, 2])
    return same.all(dim=2).all(dim=1).reshape(-1, 1, 1, 1)


def _chance(share: float, like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.rand(len(like), 1, 1, 1, generator=generator, device=like.device) < share
