"""The validation of a codec in training: held-out crops at some quality steps, compared with JPEG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from denoiser.evaluation.bd_rate import bd_rate
from denoiser.imageio import rivals
from denoiser.imageio.sheet import Row
from denoiser.networks.codec.latent_codec import SIZE_MULTIPLE, Estimate
from denoiser.networks.conditioning import Condition
from denoiser.training.validation import ValidationResult, as_image

_COLUMN = "bits against JPEG"
_STEPS = (2, 14, 26, 38, 50, 61)  # of the 64
_SHOWN = 20  # the step that examples are shown at
_CROP = 512
_JPEG = "JPEG"
_JPEG_QUALITIES = (5, 10, 20, 35, 50, 65, 80, 90, 95)
_JPEG_HEADER = 620  # bytes of tables, which count more in a crop than in a photo


@dataclass(frozen=True, slots=True)
class CodecValidator:
    """Validates on crops (1, 3, H, W) in 0..1; *jpeg* has bits per pixel and PSNR of JPEG files of them."""

    crops: tuple[Tensor, ...]
    jpeg: tuple[tuple[float, float], ...]
    unit: str = "%"

    @classmethod
    def of(cls, photos: Sequence[Tensor]) -> CodecValidator:
        """A validator on the middles of *photos* (3, H, W) uint8."""
        crops = tuple(crop for photo in photos if (crop := _middle(photo)).numel())
        jpeg = tuple(_mean([_by_jpeg(crop, q) for crop in crops]) for q in _JPEG_QUALITIES) if crops else ()
        return cls(crops, jpeg)

    @property
    def columns(self) -> tuple[str, ...]:
        """One column; none if nothing was held out."""
        return (_COLUMN,) if self.crops else ()

    @property
    def details(self) -> tuple[str, ...]:
        """Bits and PSNR by step."""
        if not self.crops:
            return ()
        return tuple(name for step in _STEPS for name in (_bits_at(step), _psnr_at(step)))

    def validate(self, network: Any, device: torch.device) -> ValidationResult:
        """BD-rate against JPEG, with the bits that the network estimates."""
        if not self.crops:
            return ValidationResult({}, math.nan)
        points = [_mean([_by_network(network, crop, step, device) for crop in self.crops]) for step in _STEPS]
        score = bd_rate(points, self.jpeg)
        details: dict[str, float] = {}
        for step, (bits, quality) in zip(_STEPS, points, strict=True):
            details |= {_bits_at(step): bits, _psnr_at(step): quality}
        return ValidationResult({_COLUMN: score}, -score, details)

    def examples(self, network: Any, device: torch.device) -> list[Row]:
        """JPEG and the codec at about the same bits, on three of the crops."""
        return [_example(network, crop, device) for crop in self.crops[:3]]


def _example(network: Any, crop: Tensor, device: torch.device) -> Row:
    estimate, bits = _estimated(network, crop, _SHOWN, device)
    eight_bit = _eight_bit(crop)
    files = [rivals.encode(_JPEG, eight_bit, quality) for quality in _JPEG_QUALITIES]
    nearest = min(files, key=lambda data: abs(_jpeg_bits(data, crop) - bits))
    jpeg = torch.from_numpy(rivals.decode(_JPEG, nearest).copy()).permute(2, 0, 1).float() / 255
    before, after = _caption(_jpeg_bits(nearest, crop), jpeg, crop), _caption(bits, estimate.pixels[0], crop)
    title = f"JPEG and this codec at about {bits:.1f} bits per pixel"
    one, two, reference = (as_image(values) for values in (jpeg, estimate.pixels[0], crop[0]))
    return Row(title, one, two, reference, before, after, ("JPEG", "This codec", "Difference"))


def _caption(bits: float, pixels: Tensor, crop: Tensor) -> str:
    return f"{bits:.2f} bits per pixel, {_psnr(pixels, crop[0]):.2f} dB"


def _by_network(network: Any, crop: Tensor, step: int, device: torch.device) -> tuple[float, float]:
    estimate, bits = _estimated(network, crop, step, device)
    return bits, _psnr(estimate.pixels[0], crop[0])


@torch.no_grad()
def _estimated(network: Any, crop: Tensor, step: int, device: torch.device) -> tuple[Estimate, float]:
    planes = Condition(0.0, 0.0).planes().reshape(1, -1, 1, 1).to(device)
    network.eval()
    estimate: Estimate = network(crop.to(device), planes, torch.tensor([step], device=device))
    estimate = Estimate(
        *(value.float().cpu() for value in (estimate.pixels, estimate.latent_bits, estimate.hyper_bits))
    )
    return estimate, float(estimate.latent_bits + estimate.hyper_bits) / crop[0, 0].numel()


def _by_jpeg(crop: Tensor, quality: int) -> tuple[float, float]:
    data = rivals.encode(_JPEG, _eight_bit(crop), quality)
    decoded = torch.from_numpy(rivals.decode(_JPEG, data).copy()).permute(2, 0, 1).float() / 255
    return _jpeg_bits(data, crop), _psnr(decoded, crop[0])


def _jpeg_bits(data: bytes, crop: Tensor) -> float:
    return 8 * max(1, len(data) - _JPEG_HEADER) / crop[0, 0].numel()


def _psnr(pixels: Tensor, truth: Tensor) -> float:
    eight_bit = pixels.clamp(0, 1).mul(255).round().div(255)
    return -10 * math.log10(float((eight_bit - truth).square().mean()) + 1e-12)


def _eight_bit(crop: Tensor) -> Any:
    return as_image(crop[0]).pixels


def _middle(photo: Tensor) -> Tensor:
    height, width = (min(_CROP, side // SIZE_MULTIPLE * SIZE_MULTIPLE) for side in photo.shape[1:])
    top, left = (photo.shape[1] - height) // 2, (photo.shape[2] - width) // 2
    return photo[None, :, top : top + height, left : left + width].float().div(255)


def _mean(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return sum(rate for rate, _ in points) / len(points), sum(quality for _, quality in points) / len(points)


def _bits_at(step: int) -> str:
    return f"step {step}, bits"


def _psnr_at(step: int) -> str:
    return f"step {step}, dB"
