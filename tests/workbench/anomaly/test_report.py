"""Heat maps and the files of a report."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np

from denoiser import imageio
from denoiser.workbench.anomaly.report import COLUMNS, Scored, Summary, draw_maps, with_heat, write_report

FOUND = [
    Scored(Path("a.png"), 0.9, "maps/1.jpg", "maps/1-heat.jpg"),
    Scored(Path("b </script>.png"), 3.25, "maps/2.jpg", "maps/2-heat.jpg"),
]
SUMMARY = Summary("patches", 1.2, [0.8, 1.0, 1.1, 1.3])


def test_images_are_ranked_with_the_oddest_first(tmp_path: Path) -> None:
    write_report(tmp_path, FOUND, ["c.png: truncated."], SUMMARY)
    with (tmp_path / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(COLUMNS)
    assert [(row["rank"], row["path"], row["anomaly"]) for row in rows] == [
        ("1", "b </script>.png", "True"),
        ("2", "a.png", "False"),
    ]
    values = json.loads((tmp_path / "scores.json").read_text())
    assert [one["score"] for one in values["images"]] == [3.25, 0.9]
    assert values["threshold"] == 1.2 and values["false_alarms"] == 0.25
    assert values["unreadable"] == ["c.png: truncated."] and values["method"] == "patches"


def test_the_page_embeds_the_scores_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    write_report(tmp_path, FOUND, [], SUMMARY)
    page = (tmp_path / "report.html").read_text()
    embedded = re.search(r"^const data = (.*);$", page, re.MULTILINE)
    assert embedded and json.loads(embedded[1]) == json.loads((tmp_path / "scores.json").read_text())
    assert page.count("</script>") == 1, "a file name cannot end the script"
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert 'type="range"' in page


def test_heat_is_drawn_where_the_map_is_high() -> None:
    pixels = np.full((4, 4, 3), 100, np.uint8)
    heat = np.zeros((4, 4), np.float32)
    heat[1, 2] = 5
    drawn = with_heat(pixels, heat, threshold=1.5)
    changed = (drawn != pixels).any(axis=2)
    assert changed[1, 2] and changed.sum() == 1
    assert drawn[1, 2, 0] > drawn[1, 2, 1]
    assert np.array_equal(with_heat(pixels, heat, threshold=50), pixels)


def test_large_images_are_shown_smaller(tmp_path: Path) -> None:
    pixels = np.zeros((900, 1400, 3), np.uint8)
    heat = np.zeros((900, 1400), np.float32)
    heat[:450] = 9
    names = draw_maps(tmp_path, 7, pixels, heat, 1.0)
    image, overlay = (imageio.read(tmp_path / name) for name in names)
    assert (image.width, image.height) == (overlay.width, overlay.height) == (512, 329)
    assert overlay.pixels[:150].mean() > 50 > overlay.pixels[180:].mean()
