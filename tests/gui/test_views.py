"""The views of the main window: panels, navigator, trust, snapshots, loupe, second window and grid."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from denoiser_gui.model.mask import Fill, Mask
from denoiser_gui.model.open_photos import PhotoStatus
from denoiser_gui.model.requests import State, View
from denoiser_gui.qt import QApplication, QEvent, QPoint, Qt
from denoiser_gui.view.main_window import MainWindow

_PATIENCE = 60_000  # ms; a loaded machine is slow


def _until_exact(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: window.canvas.shown_state is State.EXACT, timeout=_PATIENCE)


def _until(qtbot: QtBot, condition: Callable[[], object]) -> None:
    qtbot.waitUntil(lambda: bool(condition()), timeout=_PATIENCE)


def test_tab_hides_what_is_around_the_photo_and_escape_shows_it(opened: MainWindow, qtbot: QtBot) -> None:
    around = (opened.top, opened.tabs, opened.strip, opened.status)
    opened.panel.level.slider.setFocus()
    qtbot.keyClick(opened.focusWidget(), Qt.Key.Key_Tab)
    assert all(part.isVisible() for part in around), "elsewhere Tab moves the focus"
    opened.canvas.setFocus()
    for key in (Qt.Key.Key_Tab, Qt.Key.Key_Escape):
        qtbot.keyClick(opened.canvas, Qt.Key.Key_Tab)
        assert not any(part.isVisible() for part in around) and opened.canvas.isVisible()
        qtbot.keyClick(opened.canvas, key)
        assert all(part.isVisible() for part in around)
    opened.batch.set_open(True)
    for _ in range(2):
        opened.actions_["panels"].trigger()
    assert opened.batch.isVisible() and not opened.strip.isVisible(), "what was closed before stays closed"


def test_full_screen_has_no_panels_and_escape_leaves_it(opened: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(opened.canvas, Qt.Key.Key_F11)
    assert opened.isFullScreen() and not opened.top.isVisible()
    qtbot.keyClick(opened.canvas, Qt.Key.Key_Tab)
    assert opened.isFullScreen() and opened.top.isVisible(), "Tab shows the panels in full screen, too"
    qtbot.keyClick(opened.canvas, Qt.Key.Key_Tab)
    qtbot.keyClick(opened.canvas, Qt.Key.Key_Escape)
    assert not opened.isFullScreen() and opened.top.isVisible()
    opened.actions_["full_screen"].trigger()
    opened.commands.close_photo()
    assert opened.top.isVisible(), "without a photo nothing is hidden"


def test_the_navigator_shows_and_moves_the_visible_part(opened: MainWindow, qtbot: QtBot) -> None:
    navigator, viewer = opened.middle.navigator, opened.controller.viewer
    _until(qtbot, lambda: navigator._overview is not None)
    assert not navigator.isVisible(), "all of the photo is visible"
    opened.canvas.zoom(4.0)
    _until(qtbot, navigator.isVisible)
    assert opened.canvas.rect().contains(navigator.geometry())
    qtbot.mousePress(navigator, Qt.MouseButton.LeftButton, pos=QPoint(1, 1))  # 0, 0 means the centre
    assert viewer.viewport is not None and viewer.viewport.visible.left == viewer.viewport.visible.top == 0
    qtbot.mouseMove(navigator, navigator.rect().bottomRight())
    assert viewer.viewport.visible.right == 420 and viewer.viewport.visible.bottom == 300
    opened.actions_["navigator"].trigger()
    assert not navigator.isVisible() and not opened.controller.preferences.navigator
    opened.actions_["navigator"].trigger()
    assert navigator.isVisible()


def test_the_trust_bar_has_numbers_a_colour_and_a_button(opened: MainWindow, qtbot: QtBot) -> None:
    bar, canvas = opened.middle.trust, opened.canvas
    assert not bar.isVisible()
    opened.controller.viewer.set_view(View.TRUST)
    _until(qtbot, lambda: canvas.shown_state is State.EXACT and canvas.frame.trust is not None)
    assert bar.isVisible()
    value = float(bar.numbers.text().split()[1])
    assert value == pytest.approx(canvas.frame.trust.mean(), abs=0.006)
    qtbot.mouseMove(canvas, canvas.rect().center())
    assert "at the pointer" in bar.numbers.text()
    before = canvas.frame.right.copy()

    bar.colour.setCurrentIndex(bar.colour.findData("blue"))
    bar.colour.activated.emit(bar.colour.currentIndex())
    _until(qtbot, lambda: canvas.shown_state is State.EXACT)
    assert opened.controller.preferences.trust_colour == "blue"
    assert (canvas.frame.right.astype(int) - before)[:, :, 0].max() > 5, "the tint is blue now"
    bar.keep.click()
    _until(qtbot, lambda: opened.controller.settings.mask is not None)
    _until(qtbot, lambda: canvas.shown_state is State.EXACT and canvas.frame.request.mask is not None)
    opened.actions_["undo"].trigger()
    assert opened.controller.settings.mask is None


def test_a_snapshot_is_compared_swapped_and_used(opened: MainWindow, qtbot: QtBot) -> None:
    canvas, controller, bar = opened.canvas, opened.controller, opened.middle.snapshot
    assert not opened.actions_["compare_snapshot"].isEnabled() and not bar.isVisible()
    controller.change(noise_level=9.0)
    _until_exact(opened, qtbot)
    of_a = canvas.frame.right_values.copy()
    qtbot.keyClick(canvas, "a", Qt.KeyboardModifier.ShiftModifier)
    controller.change(noise_level=30.0, strength=0.8)
    _until(qtbot, lambda: canvas.shown_state is State.EXACT and canvas.frame.left_state is State.EXACT)
    assert np.array_equal(canvas.frame.left_values, of_a), "A is exact, too"
    assert bar.isVisible()
    for text in ("9", "30", "80 %"):
        assert text in bar.differences.text()
    qtbot.keyClick(canvas, "x")
    assert controller.settings.denoise.noise_level == 9.0
    _until(qtbot, lambda: canvas.shown_state is State.EXACT and canvas.frame.left_state is State.EXACT)
    assert np.array_equal(canvas.frame.right_values, of_a) and not np.array_equal(canvas.frame.left_values, of_a)
    qtbot.keyClick(canvas, "a")
    assert not bar.isVisible() and controller.viewer.request.snapshot is None
    opened.actions_["apply_snapshot"].trigger()
    assert controller.settings.denoise.noise_level == 30.0
    controller.undo()
    assert controller.settings.denoise.noise_level == 9.0
    opened.commands.close_photo()
    assert not opened.actions_["take_snapshot"].isEnabled() and not bar.isVisible()


def test_a_snapshot_has_its_own_mask(opened: MainWindow, qtbot: QtBot) -> None:
    controller, canvas = opened.controller, opened.canvas
    controller.change(noise_level=20.0)
    controller.set_mask(Mask((Fill(0.0),)))  # black everywhere
    opened.actions_["take_snapshot"].trigger()
    _until(qtbot, lambda: canvas.shown_state is State.EXACT and canvas.frame.left_state is State.EXACT)
    masked = canvas.frame.left_values.copy()
    assert np.array_equal(masked, canvas.frame.right_values)
    controller.set_mask(None)
    _until(qtbot, lambda: canvas.shown_state is State.EXACT and canvas.frame.left_state is State.EXACT)
    is_kept = opened.middle.snapshot.snapshot.mask.is_portable
    assert np.array_equal(canvas.frame.left_values, masked) == is_kept
    assert not np.array_equal(canvas.frame.right_values, masked)


def test_the_loupe_shows_the_place_below_the_pointer_while_its_key_is_held(
    opened: MainWindow, qtbot: QtBot
) -> None:
    loupe, canvas = opened.middle.loupe, opened.canvas
    opened.controller.viewer.set_view(View.CLEAN)
    qtbot.mouseMove(canvas, canvas.rect().center())
    for modifier, scale in ((Qt.KeyboardModifier.NoModifier, 1.0), (Qt.KeyboardModifier.ShiftModifier, 2.0)):
        qtbot.keyPress(canvas, Qt.Key.Key_L, modifier)
        assert loupe.isVisible() and loupe.viewer.viewport.scale == scale
        _until(qtbot, lambda: loupe.frame is not None and loupe.frame.state is State.EXACT)
        viewport = loupe.viewer.viewport
        assert (viewport.x, viewport.y) == pytest.approx(canvas.pointed_at, abs=1)
        part, frame = loupe.frame.region, loupe.frame
        _until_exact(opened, qtbot)
        whole = opened.controller.viewer._preview.result(frame.request).finish(frame.request.options.look)
        assert np.array_equal(frame.right_values, whole.cleaned.image.pixels[part.slices])
        qtbot.keyRelease(canvas, Qt.Key.Key_L, modifier)
        assert not loupe.isVisible() and loupe.viewer.request is None
    qtbot.keyPress(canvas, Qt.Key.Key_L)
    canvas.set_original(True)
    QApplication.sendEvent(opened, QEvent(QEvent.Type.ActivationChange))
    assert loupe.isVisible(), "the window is active"
    opened.commands.second.open()
    qtbot.waitActive(opened.commands.second)
    _until(qtbot, lambda: not loupe.isVisible() and not canvas._original)


def test_the_second_window_shows_the_photo_with_its_own_zoom_and_view(opened: MainWindow, qtbot: QtBot) -> None:
    second, main = opened.commands.second, opened.controller.viewer
    opened.actions_["second_window"].trigger()
    qtbot.waitExposed(second)
    assert second.viewer.view is View.CLEAN and "portrait.png" in second.windowTitle()
    second.canvas.zoom(1.0)
    _until(qtbot, lambda: second.canvas.shown_state is State.EXACT)
    assert main.viewport is not None and main.viewport.scale != 1.0 and main.view is View.SIDE_BY_SIDE
    opened.controller.change(noise_level=31.0)
    _until(qtbot, lambda: second.canvas.shown_state is State.EXACT)
    assert second.canvas.frame.request.options.noise_level == 31.0
    qtbot.keyClick(second.canvas, "2")
    assert second.viewer.view is View.SPLIT and main.view is View.SIDE_BY_SIDE
    second.close()
    assert second.viewer.request is None and not opened.actions_["second_window"].isChecked()
    opened.actions_["second_window"].trigger()
    assert second.isVisible() and second.viewer.request is not None


def test_the_grid_takes_the_place_of_photo_and_strip(opened: MainWindow, photo: Path, qtbot: QtBot) -> None:
    other = photo.with_name("other.png")
    other.write_bytes(photo.read_bytes())
    opened.controller.open([other])
    _until(qtbot, lambda: opened.controller.current is not None and opened.controller.current.path == other)
    grid = opened.middle.grid
    qtbot.keyClick(opened.canvas, "g")
    assert grid.isVisible() and not opened.strip.isVisible()
    qtbot.keyClick(opened.focusWidget(), Qt.Key.Key_Left)
    assert opened.controller.current.path == photo and grid.isVisible(), "stepping stays in the grid"
    qtbot.keyClick(opened.focusWidget(), Qt.Key.Key_Return)
    assert opened.canvas.isVisible() and opened.strip.isVisible() and not grid.isVisible()
    grid.status.setCurrentIndex(grid.status.findData(PhotoStatus.SAVED))
    grid.status.activated.emit(grid.status.currentIndex())
    assert "0 of 2" in opened.windowTitle()


def test_the_strip_saves_the_photo_of_its_menu(opened: MainWindow, qtbot: QtBot) -> None:
    menu = opened.strip.menu()
    assert menu is not None
    next(action for action in menu.actions() if action.text() == "Save").trigger()
    _until(qtbot, lambda: opened.controller.current.status is PhotoStatus.SAVED)
    menu.deleteLater()
