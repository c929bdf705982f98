"""The report of a search for anomalies: images by score as a page with heat maps, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

from denoiser import imageio
from denoiser.atomicfile import whole_file
from denoiser.image import from_numpy

PAGE, TABLE, VALUES = "report.html", "scores.csv", "scores.json"
MAPS = "maps"  # folder of the images and heat maps that the page shows
COLUMNS = ("rank", "path", "score", "anomaly", "image", "heat_map")
_LONGER_SIDE = 512  # pixels of an image on the page
_OPAQUE_FROM, _OPAQUE_AT = 0.7, 1.5  # of the threshold: the heat map begins to show, and is strongest
_COOL, _HOT = (255, 210, 0), (220, 0, 30)
_OPACITY = 0.7


@dataclass(frozen=True, slots=True)
class Scored:
    """An image with its score; its pictures on the page are files below the folder of the report."""

    path: Path
    score: float
    image: str
    heat_map: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What is the same for all images of a report."""

    method: str
    threshold: float
    good_scores: Sequence[float]  # of held-out good images, ascending


def draw_maps(
    folder: Path, number: int, pixels: NDArray[np.uint8], heat: NDArray[np.float32], threshold: float
) -> tuple[str, str]:
    """Write *pixels* (H, W, 3), and the same with *heat* (H, W), as JPEG; return their names in *folder*."""
    step = -(-max(heat.shape) // _LONGER_SIDE)
    small = imageio.shrunk(from_numpy(pixels), _LONGER_SIDE).pixels if step > 1 else pixels
    rows, columns = (
        np.linspace(0, side - 1, count).round().astype(int)
        for side, count in zip(heat.shape, small.shape, strict=False)
    )
    overlay = with_heat(np.asarray(small, np.uint8), heat[np.ix_(rows, columns)], threshold)
    names = f"{MAPS}/{number:05}.jpg", f"{MAPS}/{number:05}-heat.jpg"
    for name, values in zip(names, (small, overlay), strict=True):
        (folder / MAPS).mkdir(parents=True, exist_ok=True)
        imageio.write(from_numpy(np.ascontiguousarray(values)), folder / name)
    return names


def with_heat(pixels: NDArray[np.uint8], heat: NDArray[np.float32], threshold: float) -> NDArray[np.uint8]:
    """*pixels* (H, W, 3) with *heat* (H, W) over them: yellow below the threshold, red above."""
    level = np.clip((heat / threshold - _OPAQUE_FROM) / (_OPAQUE_AT - _OPAQUE_FROM), 0, 1)[:, :, np.newaxis]
    colour = np.array(_COOL) * (1 - level) + np.array(_HOT) * level
    return np.asarray((pixels * (1 - _OPACITY * level) + colour * _OPACITY * level).round(), np.uint8)


def write_report(folder: Path, found: Sequence[Scored], failed: Sequence[str], summary: Summary) -> None:
    """Write page, CSV and JSON to *folder*, each atomically; *failed* are messages on unreadable images."""
    rows = [_row(rank, one, summary) for rank, one in enumerate(_ranked(found), 1)]
    values = {
        "method": summary.method,
        "threshold": round(summary.threshold, 4),
        "false_alarms": round(float((np.array(summary.good_scores) > summary.threshold).mean()), 4),
        "held_out": [round(score, 4) for score in summary.good_scores],
        "images": rows,
        "unreadable": list(failed),
    }
    table = io.StringIO()
    writer = csv.DictWriter(table, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    page = Template((resources.files(__package__) / "report.html").read_text(encoding="utf-8"))
    embedded = json.dumps(values).replace("<", "\\u003c")  # no name of a file ends the script
    contents = {
        TABLE: table.getvalue().encode("utf-8", "surrogateescape"),
        VALUES: (json.dumps(values, indent=1) + "\n").encode(),
        PAGE: page.substitute(data=embedded).encode(),
    }
    for name, content in contents.items():
        with whole_file(folder / name) as file:
            file.write(content)


def _ranked(found: Sequence[Scored]) -> list[Scored]:
    return sorted(found, key=lambda one: (-one.score, str(one.path)))


def _row(rank: int, one: Scored, summary: Summary) -> dict[str, Any]:
    return {
        "rank": rank,
        "path": str(one.path),
        "score": round(one.score, 4),
        "anomaly": one.score > summary.threshold,
        "image": one.image,
        "heat_map": one.heat_map,
    }
