"""The canvas with mouse, wheel and keyboard."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from denoiser.image import from_numpy
from denoiser.tiling import Region
from denoiser_gui.controller import Controller
from denoiser_gui.model.requests import EngineStatus, PreviewFrame, State, View
from denoiser_gui.qt import (
    QApplication,
    QPoint,
    QPointF,
    QRectF,
    Qt,
    QWheelEvent,
)
from denoiser_gui.view.canvas import PhotoCanvas
from denoiser_gui.view.painting import DIVIDER, GAP, Panes

_PATIENCE = 120_000  # ms; a busy machine is slow


@pytest.fixture
def canvas(controller: Controller, qtbot: QtBot) -> Iterator[PhotoCanvas]:
    canvas = PhotoCanvas(controller.viewer)
    qtbot.addWidget(canvas)
    canvas.resize(400, 300)
    canvas.show()
    pixels = np.random.default_rng(0).normal(128, 20, (350, 450, 3)).clip(0, 255).astype(np.uint8)
    controller.open_pasted("noise", from_numpy(pixels))
    qtbot.waitUntil(lambda: canvas.frame is not None, timeout=_PATIENCE)
    yield canvas
    canvas.hide()


def _turn(canvas: PhotoCanvas, at: QPointF, notches: float, *, pixels: QPoint | None = None) -> None:
    event = QWheelEvent(
        at,
        canvas.mapToGlobal(at),
        pixels or QPoint(),
        QPoint(0, round(120 * notches)),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas, event)


def test_the_wheel_zooms_at_the_pointer(canvas: PhotoCanvas, controller: Controller) -> None:
    before = controller.viewer.viewport
    assert before is not None and before.fits
    point = QPointF(40, 130)  # in the left pane
    x, y = before.to_photo(point.x(), point.y())
    _turn(canvas, point, 9)
    after = controller.viewer.viewport
    assert after is not None and after.scale > before.scale
    assert after.to_photo(point.x(), point.y()) == pytest.approx((x, y), abs=1.5 / after.scale)


def test_two_fingers_pan(canvas: PhotoCanvas, controller: Controller) -> None:
    canvas.zoom(2.0)
    before = controller.viewer.viewport
    _turn(canvas, QPointF(100, 100), 0, pixels=QPoint(-30, -10))
    after = controller.viewer.viewport
    assert before is not None and after is not None
    assert (after.x - before.x, after.y - before.y) == pytest.approx((15, 5))


def test_a_double_click_goes_to_one_hundred_percent_and_back(
    canvas: PhotoCanvas, controller: Controller, qtbot: QtBot
) -> None:
    middle = canvas.rect().center() - QPoint(100, 0)
    qtbot.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=middle)
    assert controller.viewer.viewport is not None and controller.viewer.viewport.scale == 1.0
    qtbot.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=middle)
    assert controller.viewer.viewport.fits


def test_dragging_pans_and_a_flick_scrolls_on(
    canvas: PhotoCanvas, controller: Controller, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("denoiser_gui.view.canvas._FLICK_SECONDS", 10.0)  # a slow machine may take longer
    canvas.zoom(3.0)
    before = controller.viewer.viewport
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(150, 150))
    for step in range(1, 6):
        qtbot.mouseMove(canvas, QPoint(150 - 12 * step, 150))
    dragged = controller.viewer.viewport
    assert before is not None and dragged is not None
    assert dragged.x - before.x == pytest.approx(60 / 3, abs=0.5)
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(90, 150))
    assert canvas._scroll_timer.isActive()
    qtbot.waitUntil(lambda: not canvas._scroll_timer.isActive(), timeout=10_000)
    assert controller.viewer.viewport.x > dragged.x


def test_shift_and_arrows_pan(canvas: PhotoCanvas, controller: Controller, qtbot: QtBot) -> None:
    canvas.zoom(2.0)
    before = controller.viewer.viewport
    qtbot.keyClick(canvas, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert before is not None and controller.viewer.viewport.x > before.x


def test_the_panes_follow_the_view(canvas: PhotoCanvas, controller: Controller) -> None:
    assert controller.viewer.viewport is not None
    assert (controller.viewer.viewport.pane_width, controller.viewer.viewport.pane_height) == (
        (400 - GAP) // 2,
        300,
    )
    controller.viewer.set_view(View.STACKED)
    viewport = controller.viewer.viewport
    assert (viewport.pane_width, viewport.pane_height) == (400, (300 - GAP) // 2)
    above, below = Panes(400, 300, View.STACKED).all
    assert above.is_left and not below.is_left and below.place == QRectF(0, 152, 400, 148)
    pane, point = Panes(400, 300, View.STACKED).under(QPointF(30, 160))
    assert pane == below and point == QPointF(30, 8), "relative to the lower pane"
    controller.viewer.set_view(View.CLEAN)
    assert [pane.is_left for pane in Panes(400, 300, View.CLEAN).all] == [False]
    controller.viewer.set_view(View.SPLIT)
    assert controller.viewer.viewport.pane_width == 400
    panes = Panes(400, 300, View.SPLIT, 0.25)
    assert panes.divider_x == 100
    assert panes.is_divider(QPointF(100 + DIVIDER / 2, 10)) and not panes.is_divider(
        QPointF(100 + DIVIDER / 2 + 1, 10)
    )
    left, right = panes.all
    assert (left.place, right.place) == (QRectF(0, 0, 100, 300), QRectF(100, 0, 300, 300))
    assert panes.origin(right) == QPointF(0, 0), "both halves look through one and the same viewport"


def test_the_label_is_exact_only_for_the_current_request(
    canvas: PhotoCanvas, controller: Controller, qtbot: QtBot
) -> None:
    qtbot.waitUntil(lambda: canvas.shown_state is State.EXACT, timeout=_PATIENCE)
    frame = canvas.frame
    assert isinstance(frame, PreviewFrame) and frame.region == Region(0, 0, 350, 450)
    controller.change(noise_level=12.0, strength=0.7)
    assert canvas.shown_state is State.DRAFT
    qtbot.waitUntil(lambda: canvas.shown_state is State.EXACT, timeout=_PATIENCE)
    assert isinstance(controller.viewer.status, EngineStatus)


def test_what_is_drawn_are_the_pixels_of_the_photo(
    canvas: PhotoCanvas, controller: Controller, qtbot: QtBot
) -> None:
    controller.viewer.set_view(View.SPLIT)
    canvas.zoom(1.0)
    qtbot.waitUntil(lambda: canvas.shown_state is State.EXACT, timeout=_PATIENCE)
    canvas._pointer = None
    drawn = canvas.grab().toImage()
    viewport, frame = controller.viewer.viewport, canvas.frame
    assert viewport is not None and frame is not None
    for across, down in ((30, 200), (180, 150), (390, 295)):
        x, y = viewport.to_photo(across, down)
        colour = drawn.pixelColor(across, down)
        values = frame.left_values if across < 200 else frame.right_values
        shown = (colour.red(), colour.green(), colour.blue())
        assert shown == tuple(values[int(y) - frame.region.top, int(x) - frame.region.left])
