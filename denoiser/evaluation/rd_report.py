"""A comparison of codecs as text, as plain values for programs, and as a chart."""

from __future__ import annotations

import math
from typing import Any

from denoiser.evaluation.chart import Chart, draw
from denoiser.evaluation.rate_distortion import COMPARED_RATES, Comparison, Curve


def as_text(comparison: Comparison) -> str:
    """A table for each codec, and the BD-rate against the other codecs."""
    lines = [f"{comparison.images} images, {comparison.megapixels:.1f} MP; seconds are per megapixel"]
    for curve in comparison.curves:
        lines += [
            "",
            curve.settings,
            f"{'quality':>10}{'bits/pixel':>12}{'PSNR dB':>10}{'MS-SSIM':>10}{'encode s':>10}{'decode s':>10}",
        ]
        for point in curve.points:
            likeness = "–" if point.ms_ssim is None else f"{point.ms_ssim:.4f}"
            lines.append(
                f"{point.quality:>10}{point.bits_per_pixel:>12.3f}{point.psnr:>10.2f}{likeness:>10}"
                f"{point.encode_seconds:>10.3f}{point.decode_seconds:>10.3f}"
            )
    low, high = COMPARED_RATES
    lines += ["", f"Bits for equal PSNR, over {low:g} to {high:g} bits per pixel of the other (BD-rate):"]
    ours, *others = comparison.curves
    rates = {other.name: percent(comparison.against(other.name)) for other in others}
    lines += [f"  {ours.name} against {name:<8} {rate}" for name, rate in rates.items()]
    return "\n".join(lines)


def as_values(comparison: Comparison) -> dict[str, Any]:
    """The values for ``--json``; null for values that could not be measured."""
    ours, *others = comparison.curves
    return {
        "pictures": comparison.images,
        "megapixels": comparison.megapixels,
        "bd_rate_percent": {other.name: _finite(comparison.against(other.name)) for other in others},
        "codecs": {curve.name: _values(curve) for curve in (ours, *others)},
    }


def percent(value: float) -> str:
    """A percentage with its sign; a dash for NaN."""
    return "–" if math.isnan(value) else f"{value:+.1f} %"


def as_svg(comparison: Comparison) -> str:
    """The curves, with the bits on a logarithmic axis."""
    curves = {curve.name: curve.rates for curve in comparison.curves}
    return draw([Chart("RGB PSNR in dB over bits per pixel", curves, "bits per pixel", logarithmic=True)])


def _values(curve: Curve) -> dict[str, Any]:
    points = [
        {
            "quality": point.quality,
            "bits_per_pixel": round(point.bits_per_pixel, 5),
            "psnr": _finite(round(point.psnr, 4)),
            "ms_ssim": None if point.ms_ssim is None else round(point.ms_ssim, 6),
            "encode_seconds_per_megapixel": round(point.encode_seconds, 5),
            "decode_seconds_per_megapixel": round(point.decode_seconds, 5),
        }
        for point in curve.points
    ]
    return {"settings": curve.settings, "points": points}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
