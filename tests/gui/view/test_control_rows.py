from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from denoiser.options import DenoiseOptions, controls
from denoiser_gui.qt import QApplication, QStyle, QStyleOptionSlider
from denoiser_gui.view import theme
from denoiser_gui.view.control_rows import LevelRow, SliderScale, row_for


@pytest.mark.parametrize("value", [0.0, 5.0, 25.0, 75.0])
def test_ticks_are_where_the_handle_is(qapp: QApplication, qtbot: QtBot, value: float) -> None:
    theme.install(qapp, "dark", "none")
    row = row_for("noise_level", controls(DenoiseOptions)["noise_level"], None)
    qtbot.addWidget(row)
    assert isinstance(row, LevelRow)
    row.resize(280, 70)
    row.show()
    row.show_value(value)
    slider, option = row.slider, QStyleOptionSlider()
    slider.initStyleOption(option)
    part = QStyle.SubControl.SC_SliderHandle
    handle = slider.style().subControlRect(QStyle.ComplexControl.CC_Slider, option, part, slider)
    assert slider.place_of(value) == pytest.approx(handle.center().x(), abs=1.5)
    scale = row.findChild(SliderScale)
    assert scale is not None and scale.width() == slider.width()
    drawn = scale.grab().toImage()
    ratio = drawn.width() / scale.width()
    ground = drawn.pixelColor(drawn.width() // 2, 1)
    across = min(round(slider.place_of(value) * ratio), drawn.width() - 1)
    assert drawn.pixelColor(across, 1) != ground, "there is a tick"
