"""Line charts as SVG, side by side: the curves of a training run, and rate-distortion curves.

┌ title ─────────┐
│      ┌──────── │ name
│  ┌───┘    ┌─── │ name
│ ─┘ ───────┘    │
└────────────────┘
 0      30     60   unit of the x-axis
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 420, 300  # of the axes, pixels
_LEFT, _TOP, _RIGHT, _BOTTOM = 64, 44, 150, 48  # around them: ticks, title, names of the curves, x-axis
_TICKS = 7  # about the maximum number on each axis
_LINE = 15  # pixels between two names of curves that end close together
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # distinguishable by the colour-blind
_STYLE = (
    "text{font:12px sans-serif;fill:#1c1c1e} .title{font-size:15px} "
    ".grid{stroke:#d8d8d4} .curve{fill:none;stroke-width:1.6}"
)

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Chart:
    """Curves by name over one x-axis; *logarithmic* applies to x. Curves without points are left out."""

    title: str
    curves: Mapping[str, Points]
    x_title: str
    logarithmic: bool = False


def draw(charts: Sequence[Chart]) -> str:
    """The charts beside each other as one SVG document."""
    across, height = _LEFT + _WIDTH + _RIGHT, _TOP + _HEIGHT + _BOTTOM
    width = across * len(charts)
    panels = "".join(
        f'<g transform="translate({number * across} 0)">{_panel(chart)}</g>' for number, chart in enumerate(charts)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}"><style>{_STYLE}</style>'
        f'<rect width="100%" height="100%" fill="#fafaf8"/>{panels}</svg>\n'
    )


def _panel(chart: Chart) -> str:
    parts = [f'<text class="title" x="{_LEFT}" y="{_TOP - 18}">{escape(chart.title)}</text>']
    scale = math.log10 if chart.logarithmic else float
    curves = {name: [(scale(x), y) for x, y in points] for name, points in chart.curves.items() if points}
    if not curves:
        return f'{parts[0]}<text x="{_LEFT}" y="{_TOP + 20}">nothing yet</text>'
    xs, ys = zip(*(point for points in curves.values() for point in points), strict=True)
    left, right = _range(xs if chart.logarithmic else (0.0, *xs))
    low, high = _range(ys)

    def place(point: tuple[float, float]) -> tuple[float, float]:
        across, up = (point[0] - left) / (right - left), (point[1] - low) / (high - low)
        return _LEFT + across * _WIDTH, _TOP + (1 - up) * _HEIGHT

    for tick in _logarithmic_ticks(left, right) if chart.logarithmic else _ticks(left, right):
        x = place((scale(tick), low))[0]
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{_TOP + _HEIGHT}"/>')
        parts.append(f'<text x="{x:.1f}" y="{_TOP + _HEIGHT + 18}" text-anchor="middle">{tick:g}</text>')
    for tick in _ticks(low, high):
        y = place((left, tick))[1]
        parts.append(f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{_LEFT + _WIDTH}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    bottom = _TOP + _HEIGHT + 38
    parts.append(f'<text x="{_LEFT + _WIDTH}" y="{bottom}" text-anchor="end">{escape(chart.x_title)}</text>')
    lines = [[place(point) for point in points] for points in curves.values()]
    labels = _spread_out([line[-1][1] for line in lines])
    for number, name in enumerate(curves):
        parts.append(_curve(name, lines[number], labels[number], _COLOURS[number % len(_COLOURS)]))
    return "".join(parts)


def _curve(name: str, line: Points, label: float, colour: str) -> str:
    last_x, last_y = line[-1]
    return (
        f'<polyline class="curve" stroke="{colour}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in line)}"/>'
        f'<circle cx="{last_x:.1f}" cy="{last_y:.1f}" r="2.5" fill="{colour}"/>'
        f'<text x="{last_x + 7:.1f}" y="{label + 4:.1f}" style="fill:{colour}">{escape(name)}</text>'
    )


def _spread_out(heights: Sequence[float]) -> list[float]:
    """*heights* of text moved down, in their order from top to bottom, so that no two lines overlap."""
    placed = list(heights)
    above = -math.inf
    for number in sorted(range(len(heights)), key=heights.__getitem__):
        placed[number] = above = max(heights[number], above + _LINE)
    return placed


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    if high - low >= 1e-9:
        return low, high
    margin = max(abs(high) * 0.05, 1e-3)  # one point or a flat line is shown in the middle
    return low - margin, high + margin


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers within the range."""
    rough = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 12) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _logarithmic_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten within the range, which is given as logarithms."""
    powers = range(math.floor(low), math.ceil(high) + 1)
    ticks = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    return [tick for tick in ticks if low <= math.log10(tick) <= high]
