"""The validation of a codec in training: held-out crops at some quality steps, compared with JPEG."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from denoiser.evaluation.bd_rate import bd_rate
from denoiser.image import Image
from denoiser.imageio import rivals
from denoiser.imageio.sheet import Row, contact_sheet
from denoiser.networks.codec.latent_codec import SIZE_MULTIPLE, Estimate
from denoiser.networks.condition import Condition
from denoiser.networks.conditioning import planes_of
from denoiser.training.validation import ValidationResult, as_image, middle, psnr

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
        middles = (middle(photo.float().div(255), _CROP, SIZE_MULTIPLE) for photo in photos)
        crops = tuple(crop for crop in middles if crop.numel())
        jpeg = [_mean(crops, [_by_jpeg(crop, q) for crop in crops]) for q in _JPEG_QUALITIES] if crops else []
        return cls(crops, tuple(jpeg))

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
        points: list[tuple[float, float]] = []
        details: dict[str, float] = {}
        for step in _STEPS:
            coded = [_by_network(network, crop, step, device) for crop in self.crops]
            bits, quality = _mean(self.crops, coded)
            points.append((bits, quality))
            details |= {_bits_at(step): bits, _psnr_at(step): quality}
        score = bd_rate(points, self.jpeg)
        return ValidationResult({_COLUMN: score}, -score, details)

    def examples(self, network: Any, device: torch.device) -> Image | None:
        """JPEG and the codec at about the same bits, on three of the crops."""
        rows = [_example(network, crop, device) for crop in self.crops[:3]]
        return contact_sheet(rows) if rows else None


def _example(network: Any, crop: Tensor, device: torch.device) -> Row:
    coded, bits = _by_network(network, crop, _SHOWN, device)
    files = [_by_jpeg(crop, quality) for quality in _JPEG_QUALITIES]
    jpeg, jpeg_bits = min(files, key=lambda file: abs(file[1] - bits))
    before, after = (
        f"{rate:.2f} bits per pixel, {_psnr(pixels, crop[0]):.2f} dB"
        for pixels, rate in ((jpeg, jpeg_bits), (coded, bits))
    )
    title = f"JPEG and this codec at about {bits:.1f} bits per pixel"
    labels = ("JPEG", "This codec", "Difference")
    return Row(title, as_image(jpeg), as_image(coded), as_image(crop[0]), before, after, labels)


@torch.no_grad()
def _by_network(network: Any, crop: Tensor, step: int, device: torch.device) -> tuple[Tensor, float]:
    """Decoded pixels (3, H, W) and bits per pixel."""
    planes = planes_of(Condition(0.0, 0.0)).to(device)
    network.eval()
    estimate: Estimate = network(crop.to(device), planes, torch.tensor([step], device=device))
    return estimate.pixels[0].float().cpu(), float(estimate.latent_bits + estimate.hyper_bits) / crop[0, 0].numel()


def _by_jpeg(crop: Tensor, quality: int) -> tuple[Tensor, float]:
    """Decoded pixels (3, H, W) and bits per pixel."""
    data = rivals.encode(_JPEG, as_image(crop[0]).pixels, quality)
    decoded = torch.from_numpy(rivals.decode(_JPEG, data).copy()).permute(2, 0, 1).float() / 255
    return decoded, 8 * max(1, len(data) - _JPEG_HEADER) / crop[0, 0].numel()


def _mean(crops: Sequence[Tensor], coded: Sequence[tuple[Tensor, float]]) -> tuple[float, float]:
    """Mean bits per pixel and PSNR."""
    qualities = [_psnr(pixels, crop[0]) for (pixels, _), crop in zip(coded, crops, strict=True)]
    return statistics.fmean(bits for _, bits in coded), statistics.fmean(qualities)


def _psnr(pixels: Tensor, truth: Tensor) -> float:
    return psnr(pixels.clamp(0, 1).mul(255).round().div(255), truth)


def _bits_at(step: int) -> str:
    return f"step {step}, bits"


def _psnr_at(step: int) -> str:
    return f"step {step}, dB"
