"""A comparison of codecs as text, as plain values for programs, and as a drawing.

┌ PSNR, dB ───────────┐
│          ___──── latent
│      _──'   ___─ AVIF
│   _─'  __──'     JPEG
└─────────────────────┘
  0.1    0.3    1   bits per pixel
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from denoiser.evaluation.rate_distortion import COMPARED_RATES, Comparison, Curve

_WIDTH, _HEIGHT = 620, 400  # of the axes, pixels
_LEFT, _TOP, _RIGHT, _BOTTOM = 60, 40, 110, 52
_COLOURS = ("#d55e00", "#56b4e9", "#009e73", "#0072b2", "#cc79a7")  # distinguishable by the colour-blind
_RATE_TICKS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_STYLE = (
    "text{font:13px sans-serif;fill:#1c1c1e} .title{font-size:15px} "
    ".grid{stroke:#d8d8d4} .curve{fill:none;stroke-width:2}"
)


def as_text(comparison: Comparison) -> str:
    """A table for each codec, and what ours takes beside the others."""
    lines = [f"{comparison.pictures} pictures, {comparison.megapixels:.1f} MP; seconds are per megapixel"]
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
    lines += [
        f"  {ours.name} against {other.name:<8} {percent(comparison.against(other.name))}" for other in others
    ]
    return "\n".join(lines)


def as_values(comparison: Comparison) -> dict[str, Any]:
    """What ``--json`` prints; null for values that could not be measured."""
    ours, *others = comparison.curves
    return {
        "pictures": comparison.pictures,
        "megapixels": comparison.megapixels,
        "bd_rate_percent": {other.name: _finite(comparison.against(other.name)) for other in others},
        "codecs": {curve.name: _values(curve) for curve in (ours, *others)},
    }


def percent(value: float) -> str:
    """With its sign; a dash where there is nothing to compare."""
    return "–" if math.isnan(value) else f"{value:+.1f} %"


def as_svg(comparison: Comparison) -> str:
    """The curves, bits on a logarithmic axis."""
    points = [point for curve in comparison.curves for point in curve.points]
    rates = [point.bits_per_pixel for point in points]
    low, high = math.log(min(rates)), math.log(max(rates))
    bottom, top = math.floor(min(p.psnr for p in points)), math.ceil(max(p.psnr for p in points))

    def place(rate: float, quality: float) -> tuple[float, float]:
        across = (math.log(rate) - low) / max(high - low, 1e-9)
        up = (quality - bottom) / max(top - bottom, 1)
        return _LEFT + across * _WIDTH, _TOP + (1 - up) * _HEIGHT

    parts = [f'<text class="title" x="{_LEFT}" y="{_TOP - 16}">RGB PSNR in dB over bits per pixel</text>']
    for rate in _RATE_TICKS:
        if low <= math.log(rate) <= high:
            x = place(rate, bottom)[0]
            parts.append(f'<line class="grid" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{_TOP + _HEIGHT}"/>')
            parts.append(f'<text x="{x:.1f}" y="{_TOP + _HEIGHT + 20}" text-anchor="middle">{rate:g}</text>')
    for quality in range(bottom, top + 1, 1 if top - bottom < 10 else 2):
        y = place(rates[0], quality)[1]
        parts.append(f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{_LEFT + _WIDTH}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{quality}</text>')
    for curve, colour in zip(comparison.curves, _COLOURS, strict=False):
        parts.append(_drawn([place(rate, quality) for rate, quality in curve.rates], colour))
    parts += _names(comparison.curves, [place(*curve.rates[-1])[1] for curve in comparison.curves])
    width, height = _LEFT + _WIDTH + _RIGHT, _TOP + _HEIGHT + _BOTTOM
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<style>{_STYLE}</style><rect width="100%" height="100%" fill="#fafaf8"/>{"".join(parts)}</svg>\n'
    )


def _drawn(way: Sequence[tuple[float, float]], colour: str) -> str:
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in way)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{colour}"/>' for x, y in way)
    return f'<polyline class="curve" stroke="{colour}" points="{line}"/>{dots}'


def _names(curves: Sequence[Curve], heights: Sequence[float]) -> list[str]:
    """The names at the right, in the order of their ends, none over another."""
    parts, last = [], -math.inf
    for height, curve, colour in sorted(zip(heights, curves, _COLOURS, strict=False), key=lambda one: one[0]):
        last = max(height, last + 17)
        x = _LEFT + _WIDTH + 10
        parts.append(f'<text x="{x}" y="{last + 4:.1f}" style="fill:{colour}">{escape(curve.name)}</text>')
    return parts


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
