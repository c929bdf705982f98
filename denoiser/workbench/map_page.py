"""A map of embedded images as one HTML page that works offline, and as an image.

The page is made by Bokeh with its scripts inside: WebGL, hover, tap, box and lasso selection. `map_page.js` has
what happens on a selection: details, neighbours, the list as CSV.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from denoiser.errors import UnusableData
from denoiser.image import Image, from_numpy
from denoiser.imageio.backends import libvips
from denoiser.workbench.analysis import Points, needs_workbench
from denoiser.workbench.similar import neighbours

if TYPE_CHECKING:
    from pandas import DataFrame

FEWEST = 4  # images; fewer are no map
_NEIGHBOURS = 8
_COLOURS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c564b", "#7f7f7f", "#bcbd22", "#1b4f72"),
    *("#7b241c", "#145a32", "#6c3483", "#b9770e", "#117864", "#5d6d7e", "#a93226", "#2e86c1", "#28b463", "#d4ac0d"),
)  # the first six are distinguishable by the colour-blind
_CANVAS, _MARGIN = 1600, 80  # of the image, pixels
_STYLE = """
body { margin: 0; background: #fafaf8; color: #1c1c1e; font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 20px; font-weight: 600; margin: 14px 20px 4px; }
p { margin: 0 20px 8px; color: #69696e; }
"""
_PAGE = (
    """\
{% block postamble %}<style>"""
    + _STYLE
    + """</style>{% endblock %}
{% block contents %}
<h1>{{ title | e }}</h1>
<p>Move over a point to see the photo. Click it for its neighbours. Draw a box or a lasso to select photos and save
their list.</p>
{{ super() }}
{% endblock %}
"""
)
_TOOLTIP = """
<div><img src="@thumbnail" alt="" style="display:block; max-width:128px; margin-bottom:4px">
<div style="max-width:220px; overflow-wrap:anywhere">@name</div></div>
"""


@needs_workbench
def map_page(table: DataFrame, space: Points, *, title: str, folder: Path = Path()) -> str:
    """The page for a table with the columns x, y and cluster; links to files are relative to *folder*."""
    from bokeh.embed import file_html
    from bokeh.layouts import column, row
    from bokeh.models import Button, ColumnDataSource, CustomJS, Div, Select
    from bokeh.resources import INLINE

    _refuse_few(table)
    colours = _colours(table)
    source = ColumnDataSource(_columns(table, space, folder) | {"colour": colours["cluster"]})
    plot = _plot(source)
    details = Div(text="", width=360, height=640, css_classes=["details"], styles={"overflow-y": "auto"})
    choice = Select(title="Colour", value="cluster", options=list(colours), width=160)
    choice.js_on_change(
        "value",
        CustomJS(
            args={"source": source, "colours": colours},
            code="source.data.colour = colours.get(this.value); source.change.emit()",
        ),
    )
    save = Button(label="Save list (CSV)", button_type="primary", disabled=True, width=160, align="end")
    script = (Path(__file__).with_name("map_page.js")).read_text(encoding="utf-8")
    arguments = {"source": source, "details": details, "save": save}
    source.selected.js_on_change("indices", CustomJS(args=arguments, code=script + "\nshow(source, details, save)"))
    save.js_on_event("button_click", CustomJS(args=arguments, code=script + "\ndownload(source)"))
    page = column(row(choice, save), row(plot, details, sizing_mode="stretch_width"), sizing_mode="stretch_width")
    page.margin = (0, 20, 20, 20)
    return str(file_html(page, INLINE, title, template=_PAGE))


def _plot(source: Any) -> Any:
    from bokeh.models import HoverTool
    from bokeh.plotting import figure

    plot = figure(
        height=640,
        sizing_mode="stretch_width",
        tools="box_select,lasso_select,pan,wheel_zoom,tap,reset,save",
        active_drag="box_select",
        active_scroll="wheel_zoom",
        output_backend="webgl",
        match_aspect=True,
    )
    plot.grid.visible = plot.axis.visible = False
    plot.toolbar.logo = None
    plot.outline_line_color = "#d8d8d4"
    points = plot.scatter(
        "x", "y", source=source, size=9, color="colour", alpha=0.85, line_color="white", nonselection_alpha=0.2
    )
    plot.add_tools(HoverTool(renderers=[points], tooltips=_TOOLTIP))
    return plot


def _columns(table: DataFrame, space: Points, folder: Path) -> dict[str, Any]:
    paths = table["path"].tolist()
    encoded = (base64.b64encode(one).decode() for one in table["thumbnail"])
    return {
        "x": table["x"].to_numpy(np.float32),
        "y": table["y"].to_numpy(np.float32),
        "name": [Path(path).name for path in paths],
        "path": paths,
        "link": [_link(path, folder) for path in paths],
        "thumbnail": [f"data:image/webp;base64,{one}" for one in encoded],
        "size": [f"{width} × {height}" for width, height in zip(table["width"], table["height"], strict=True)],
        "date": [date[:16].replace("T", " ") for date in table["date"].astype(str)],
        "noise": [round(float(noise), 1) for noise in table["noise"]],
        "cluster": table["cluster"].tolist(),
        "near": neighbours(space, _NEIGHBOURS).tolist(),
    }


def _link(path: str, folder: Path) -> str:
    try:
        return quote(Path(os.path.relpath(path, folder)).as_posix())
    except ValueError:  # another drive of Windows
        return Path(path).absolute().as_uri()


def _colours(table: DataFrame) -> dict[str, list[str]]:
    folders = sorted(set(table["folder"]))
    by_folder = [folders.index(folder) for folder in table["folder"]]
    return {
        "cluster": _categories(table["cluster"]),
        "folder": _categories(by_folder),
        "noise": _scale(table["noise"].to_numpy(np.float64)),
        "date": _scale(table["date"].rank(method="dense").to_numpy(np.float64)),
    }


def _categories(numbers: Sequence[int]) -> list[str]:
    return [_COLOURS[int(number) % len(_COLOURS)] for number in numbers]


def _scale(values: NDArray[np.float64]) -> list[str]:
    """Colours from blue (smallest) to red (largest); outliers do not stretch the scale, missing values are grey."""
    known = values[np.isfinite(values)]
    low, high = np.quantile(known, [0.02, 0.98]) if len(known) else (0.0, 1.0)
    shares = np.clip((values - low) / max(high - low, 1e-9), 0, 1)
    stops = np.array([(49, 54, 149), (116, 173, 209), (254, 224, 144), (244, 109, 67), (165, 0, 38)])
    channels = [np.interp(np.nan_to_num(shares), np.linspace(0, 1, len(stops)), stops[:, c]) for c in range(3)]
    mixed = np.stack(channels, 1).round().astype(int)
    return [
        f"#{r:02x}{g:02x}{b:02x}" if np.isfinite(value) else "#b0b0b0"
        for (r, g, b), value in zip(mixed, values, strict=True)
    ]


def map_image(table: DataFrame) -> Image:
    """The map as an image: each thumbnail at its place, framed in the colour of its cluster."""
    _refuse_few(table)
    side = int(np.clip(1.1 * _CANVAS / len(table) ** 0.5, 12, 128))
    canvas = np.full((_CANVAS, _CANVAS, 3), (250, 250, 248), np.uint8)
    places = table[["x", "y"]].to_numpy(np.float64)
    low, high = places.min(0), places.max(0)
    places = (places - (low + high) / 2) / max((high - low).max(), 1e-9)  # one scale for both axes
    places = _CANVAS / 2 + places * (_CANVAS - 2 * _MARGIN) * (1, -1)
    for (x, y), thumbnail, colour in zip(places, table["thumbnail"], _categories(table["cluster"]), strict=True):
        small = libvips.glance(thumbnail, "webp", side)[:, :, :3]
        framed = np.full((small.shape[0] + 4, small.shape[1] + 4, 3), tuple(bytes.fromhex(colour[1:])), np.uint8)
        framed[2:-2, 2:-2] = small
        top = int(np.clip(y - framed.shape[0] / 2, 0, _CANVAS - framed.shape[0]))
        left = int(np.clip(x - framed.shape[1] / 2, 0, _CANVAS - framed.shape[1]))
        canvas[top : top + framed.shape[0], left : left + framed.shape[1]] = framed
    return from_numpy(canvas)


def _refuse_few(table: DataFrame) -> None:
    if len(table) < FEWEST:
        raise UnusableData(
            f"A map needs at least {FEWEST} images; there {'is' if len(table) == 1 else 'are'} {len(table)}.",
            hint="Add images, or look at them in a file manager.",
        )
