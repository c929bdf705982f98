from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from denoiser.image import from_numpy
from denoiser.options import DenoiseOptions
from denoiser_gui.model.pyramid import make_pyramid
from denoiser_gui.model.rendering import Renderer
from denoiser_gui.model.requests import Overview, PreviewRequest
from denoiser_gui.model.viewport import viewport_of
from denoiser_gui.qt import QApplication, QColor
from denoiser_gui.view import theme
from denoiser_gui.view.histogram import Histogram


@pytest.fixture
def overview() -> Overview:
    pyramid = make_pyramid(1, from_numpy(np.full((40, 60, 3), 120, np.uint8)))
    request = PreviewRequest(1, pyramid, DenoiseOptions(), viewport_of(60, 40, 100, 100))
    return Renderer().overview(request, None)


def _amber(histogram: Histogram) -> tuple[bool, bool]:
    """Whether the left and the right upper corner have the colour of a mark."""
    shown = histogram.grab().toImage()
    ratio = shown.devicePixelRatio()

    def is_marked(x: float) -> bool:
        colour = QColor(shown.pixel(round(x * ratio), round(4 * ratio)))
        return colour.red() > colour.blue() + 40

    return is_marked(4), is_marked(histogram.width() - 4)


@pytest.mark.parametrize(
    ("clipped", "marks"),
    [((0.0, 0.0), (False, False)), ((0.05, 0.0), (True, False)), ((0.0001, 0.05), (False, True))],
)
def test_clipped_sides_are_marked(
    overview: Overview,
    clipped: tuple[float, float],
    marks: tuple[bool, bool],
    qapp: QApplication,
    qtbot: QtBot,
) -> None:
    theme.install(qapp, "dark")
    histogram = Histogram()
    qtbot.addWidget(histogram)
    histogram.resize(200, histogram.height())
    histogram.show_counts(dataclasses.replace(overview, clipped_before=(0.5, 0.25), clipped_after=clipped))
    assert _amber(histogram) == marks
    text = f"Shadows clipped: {100 * clipped[0]:.2f} % (original 50.00 %)"
    assert histogram.toolTip().startswith(text) and text in histogram.accessibleDescription()
    histogram.show_counts(None)
    assert _amber(histogram) == (False, False) and not histogram.toolTip()
