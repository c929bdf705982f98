"""The curves of a run as SVG: the loss, and PSNR on held-out pictures, over minutes of work.

┌ loss ──────────┐ ┌ PSNR, dB ──────┐
    │ ─┐             │ │      ┌──────── │ white 15
    │  └──┐          │ │  ┌───┘    ┌─── │ white 25
    │     └────────  │ │ ─┘ ───────┘    │
└────────────────┘ └────────────────┘
 0      30     60   0      30     60  minutes

Besides, a sheet of held-out crops before and after.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import torch
from torch import Tensor, nn

from denoiser.image import Image, from_numpy
from denoiser.imageio.sheet import Row, contact_sheet
from denoiser.training.validation import Judging

_WIDTH, _HEIGHT = 420, 300  # of a panel's axes, pixels
_LEFT, _TOP, _RIGHT, _BOTTOM = 64, 44, 150, 48  # around them: ticks, title, names of the curves, minutes
_TICKS = 7  # at most so many on each axis, about
_LINE = 15  # pixels between two names of curves that end close together
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # distinguishable by the colour-blind
_STYLE = (
    "text{font:12px sans-serif;fill:#1c1c1e} .title{font-size:15px} "
    ".grid{stroke:#d8d8d4} .curve{fill:none;stroke-width:1.6}"
)
_TITLES = {"dB": "PSNR on held-out pictures, dB"}

Points = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class _Scale:
    """Values to pixels along one axis."""

    low: float
    high: float
    begins: float
    ends: float

    def at(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.begins + share * (self.ends - self.begins)


def curves_as_svg(rows: Sequence[Mapping[str, str]], columns: Sequence[str], unit: str = "dB") -> str:
    """The log's *rows*: its loss, and the *columns* of validation; a curve without points is left out."""
    losses = {"loss": _points(rows, "loss")}
    scores = {column: _points(rows, column) for column in columns}
    across = _LEFT + _WIDTH + _RIGHT
    panels = _panel("Loss", losses, 0) + _panel(_TITLES.get(unit, f"Held-out pictures, {unit}"), scores, across)
    height = _TOP + _HEIGHT + _BOTTOM
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * across}" height="{height}" '
        f'viewBox="0 0 {2 * across} {height}"><style>{_STYLE}</style>'
        f'<rect width="100%" height="100%" fill="#fafaf8"/>{panels}</svg>\n'
    )


def _points(rows: Sequence[Mapping[str, str]], column: str) -> Points:
    filled = (row for row in rows if row.get("seconds") and row.get(column))
    return [(float(row["seconds"]) / 60, float(row[column])) for row in filled]


def _panel(title: str, curves: Mapping[str, Points], offset: float) -> str:
    parts = [f'<text class="title" x="{_LEFT}" y="{_TOP - 18}">{escape(title)}</text>']
    shown = {name: points for name, points in curves.items() if points}
    if not shown:
        parts.append(f'<text x="{_LEFT}" y="{_TOP + 20}">nothing yet</text>')
        return f'<g transform="translate({offset:g} 0)">{"".join(parts)}</g>'
    everything = [point for points in shown.values() for point in points]
    minutes = _scale([0.0, *(x for x, _ in everything)], _LEFT, _LEFT + _WIDTH)
    values = _scale([y for _, y in everything], _TOP + _HEIGHT, _TOP)
    parts += [_vertical(minutes, tick) for tick in _ticks(minutes.low, minutes.high)]
    parts += [_horizontal(values, tick) for tick in _ticks(values.low, values.high)]
    parts.append(f'<text x="{_LEFT + _WIDTH}" y="{_TOP + _HEIGHT + 38}" text-anchor="end">minutes of work</text>')
    labels = _apart([values.at(points[-1][1]) for points in shown.values()])
    for number, (name, points) in enumerate(shown.items()):
        way = [(minutes.at(x), values.at(y)) for x, y in points]
        text = f"{escape(name)} {points[-1][1]:.4g}"
        parts.append(_curve(way, text, labels[number], _COLOURS[number % len(_COLOURS)]))
    return f'<g transform="translate({offset:g} 0)">{"".join(parts)}</g>'


def _curve(way: Points, text: str, label: float, colour: str) -> str:
    last_x, last_y = way[-1]
    return (
        f'<polyline class="curve" stroke="{colour}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in way)}"/>'
        f'<circle cx="{last_x:.1f}" cy="{last_y:.1f}" r="2.5" fill="{colour}"/>'
        f'<text x="{last_x + 7:.1f}" y="{label + 4:.1f}" style="fill:{colour}">{text}</text>'
    )


def _apart(heights: Sequence[float]) -> list[float]:
    """*heights* for text, in their order from top to bottom, such that no two lines overlap."""
    placed = list(heights)
    below = -math.inf
    for number in sorted(range(len(heights)), key=heights.__getitem__):
        placed[number] = below = max(heights[number], below + _LINE)
    return placed


def _vertical(minutes: _Scale, tick: float) -> str:
    x = minutes.at(tick)
    return (
        f'<line class="grid" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{_TOP + _HEIGHT}"/>'
        f'<text x="{x:.1f}" y="{_TOP + _HEIGHT + 18}" text-anchor="middle">{tick:g}</text>'
    )


def _horizontal(values: _Scale, tick: float) -> str:
    y = values.at(tick)
    return (
        f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{_LEFT + _WIDTH}" y2="{y:.1f}"/>'
        f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>'
    )


def _scale(values: Sequence[float], begins: float, ends: float) -> _Scale:
    low, high = min(values), max(values)
    if high - low < 1e-9:  # one point, or a flat line: it stands in the middle
        reach = max(abs(high) * 0.05, 1e-3)
        low, high = low - reach, high + reach
    return _Scale(low, high, begins, ends)


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers within the range."""
    rough = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 12) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def before_and_after(judge: Judging, network: nn.Module, device: torch.device) -> Image | None:
    """A row for each of the examples of *judge*; None where there are none."""
    rows = [
        Row(
            title=example.title,
            noisy=_picture(example.before),
            clean=_picture(example.after),
            reference=_picture(example.truth),
            noisy_score=example.score_before,
            clean_score=example.score_after,
            labels=example.labels,
        )
        for example in judge.examples(network, device)
    ]
    return contact_sheet(rows) if rows else None


def _picture(values: Tensor) -> Image:
    eight_bit = values.clamp(0, 1).mul(255).round().to(torch.uint8)
    return from_numpy(np.ascontiguousarray(eight_bit.permute(1, 2, 0).numpy()))
