"""The main window with real photos and the real model, offscreen."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from denoiser import imageio
from denoiser.image import from_numpy
from denoiser.options import DenoiseOptions, WriteOptions, controls
from denoiser_gui.model.open_photos import PhotoStatus
from denoiser_gui.model.requests import State, View
from denoiser_gui.qt import (
    QApplication,
    QComboBox,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QGuiApplication,
    QLineEdit,
    QMimeData,
    QPointF,
    QPushButton,
    QSlider,
    Qt,
    QToolButton,
    QUrl,
    QWidget,
)
from denoiser_gui.view.control_rows import ChoiceRow, LevelRow, LimitRow, ShareRow
from denoiser_gui.view.dialogs import SaveDialog
from denoiser_gui.view.main_window import MainWindow

_PATIENCE = 60_000  # ms; a loaded machine is slow


def _until_exact(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: window.canvas.shown_state is State.EXACT, timeout=_PATIENCE)


def _until(qtbot: QtBot, condition: Callable[[], object]) -> None:
    qtbot.waitUntil(lambda: bool(condition()), timeout=_PATIENCE)


def _drag(window: MainWindow, kind: type[QDragEnterEvent] | type[QDropEvent], data: QMimeData) -> bool:
    """Send a drag or drop event to the centre of the window; return whether it was accepted."""
    event = kind(
        QPointF(window.rect().center()),  # type: ignore[arg-type]
        Qt.DropAction.CopyAction | Qt.DropAction.MoveAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    event.ignore()
    QApplication.sendEvent(window, event)
    return event.isAccepted()


def test_dropped_photos_are_opened(window: MainWindow, photo: Path, qtbot: QtBot) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(photo))])
    calm = window.empty.grab().toImage()
    assert _drag(window, QDragEnterEvent, data)
    assert window.empty.grab().toImage() != calm, "the drop region is highlighted"
    assert _drag(window, QDropEvent, data)
    assert window.empty.grab().toImage() == calm
    _until_exact(window, qtbot)
    assert [opened.path for opened in window.controller.photos] == [photo]


def test_the_highlight_of_the_drop_area_ends_when_the_drag_leaves(window: MainWindow, photo: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(photo))])
    calm = window.empty.grab().toImage()
    assert _drag(window, QDragEnterEvent, data)
    QApplication.sendEvent(window, QDragLeaveEvent())
    assert window.empty.grab().toImage() == calm
    assert not window.controller.photos


def test_dragged_text_and_web_addresses_are_refused(window: MainWindow) -> None:
    text, address = QMimeData(), QMimeData()
    text.setText("a text")
    address.setUrls([QUrl("https://example.org/a.jpg")])
    calm = window.empty.grab().toImage()
    for data in (text, address):
        assert not _drag(window, QDragEnterEvent, data)
    assert window.empty.grab().toImage() == calm


def test_the_panel_shows_the_share_that_was_kept(
    opened: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from denoiser.engine.canvas import Canvas

    def facts() -> str:
        return opened.panel._facts.text()

    monkeypatch.setattr(Canvas, "kept_share", 0.003)
    opened.controller.change(noise_level=21.0)
    _until(qtbot, lambda: "0.3 % kept as in the source" in facts())
    opened.controller.change(strength=0.0)
    assert "kept as in the source" not in facts()
    opened.controller.change(strength=1.0)
    _until(qtbot, lambda: "0.3 % kept as in the source" in facts())
    monkeypatch.setattr(Canvas, "kept_share", 0.0)
    opened.controller.change(noise_level=22.0)
    _until(qtbot, lambda: "kept as in the source" not in facts())


def test_it_begins_empty_and_pasted_files_are_opened(window: MainWindow, photo: Path, qtbot: QtBot) -> None:
    assert window.empty.isVisible() and not window.canvas.isVisible()
    assert not window.actions_["save"].isEnabled()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(photo))])
    QGuiApplication.clipboard().setMimeData(data)
    window.actions_["paste"].trigger()
    _until_exact(window, qtbot)
    assert window.canvas.isVisible() and "portrait.png" in window.windowTitle()
    assert window.controller.preferences.recent == (str(photo),)
    assert window.actions_["save"].isEnabled()


def test_an_image_from_the_clipboard_is_opened_and_saved(
    window: MainWindow, photo: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from denoiser_gui.qt import QImage

    monkeypatch.setenv("HOME", str(tmp_path))
    QGuiApplication.clipboard().setImage(QImage(str(photo)))
    window.actions_["paste"].trigger()
    _until_exact(window, qtbot)
    assert window.controller.current is not None and window.controller.current.path is None
    window.actions_["save"].trigger()
    _until(qtbot, lambda: window.controller.current.saved_as is not None)
    assert window.controller.current.saved_as.is_file()


@pytest.mark.parametrize("name", list(controls(DenoiseOptions)))
def test_each_option_has_a_control_that_drives_it(opened: MainWindow, qtbot: QtBot, name: str) -> None:
    row, controller = opened.panel.rows[name], opened.controller
    default = getattr(DenoiseOptions(), name)
    match row:
        case LevelRow() | ShareRow():
            row.slider.setFocus()
            row.slider.setValue(row.slider.value() + (-700 if default == 1.0 else 700))
        case ChoiceRow():
            at = next(i for i in range(row.box.count()) if row.box.itemData(i) not in (default, None))
            row.box.activated.emit(at)
        case LimitRow():
            row.field.selectAll()
            qtbot.keyClicks(row.field, "300" if name == "tile" else "2")
            qtbot.keyClick(row.field, Qt.Key.Key_Return)
    assert getattr(controller.settings.denoise, name) != default
    others = dataclasses.replace(controller.settings.denoise, **{name: default})
    assert others == DenoiseOptions(), "it changes no other option"
    opened.actions_["undo"].trigger()
    assert controller.settings.denoise == DenoiseOptions()
    row.reset()
    assert controller.settings.denoise == DenoiseOptions()


def test_every_output_option_has_a_control(opened: MainWindow, photo: Path, qtbot: QtBot) -> None:
    dialog = SaveDialog(opened.controller, photo.parent / "new.jpg", opened)
    qtbot.addWidget(dialog)
    fields = dialog.fields
    fields.format.setCurrentIndex(fields.format.findData("jpeg"))
    fields.bits.setCurrentIndex(fields.bits.findData("8"))
    fields.quality.selectAll()
    qtbot.keyClicks(fields.quality, "88")
    fields.size.kind.setCurrentIndex(1)
    fields.strip.click()
    fields.ticket.click()
    chosen = fields.options
    assert chosen == WriteOptions("jpeg", "8", 88, size="2048", strip=True, ticket=False)
    assert set(dataclasses.asdict(chosen)) == set(controls(WriteOptions)), "an option without a place in the dialog"
    _until(qtbot, opened.controller.files.is_idle)


def test_save_as_writes_the_depth_format_and_size_that_were_chosen(
    opened: MainWindow, photo: Path, qtbot: QtBot
) -> None:
    target = photo.parent / "deep.tif"
    dialog = SaveDialog(opened.controller, target, opened)
    qtbot.addWidget(dialog)
    dialog.fields.bits.setCurrentIndex(dialog.fields.bits.findData("16"))
    dialog.fields.size.kind.setCurrentIndex(2)
    opened.commands.save_with(opened.controller.current, dialog.request)
    _until(qtbot, target.is_file)
    written = imageio.read(target)
    assert written.bits == 16 and written.origin is not None and written.origin.format == "tiff"
    before = imageio.read(photo)
    assert (written.width, written.height) == (round(before.width / 2), round(before.height / 2))
    frame = opened.canvas.frame
    assert frame is not None
    _until(qtbot, lambda: opened.controller.current.status is PhotoStatus.SAVED)


def test_photos_are_never_overwritten_and_other_files_only_on_request(
    opened: MainWindow, photo: Path, qtbot: QtBot
) -> None:
    before = photo.read_bytes()
    dialog = SaveDialog(opened.controller, photo, opened)
    qtbot.addWidget(dialog)
    _until(qtbot, lambda: not dialog.save.isEnabled())
    opened.saver.save_as(opened.controller.current, dialog.request)
    _until(qtbot, lambda: opened.toasts.keys)
    assert photo.read_bytes() == before
    other = photo.parent / "clean" / photo.name
    other.parent.mkdir()
    other.write_bytes(b"of somebody else")
    opened.actions_["save"].trigger()
    _until(qtbot, lambda: any(button.text() == "Replace" for button in opened.toasts.findChildren(QPushButton)))
    assert other.read_bytes() == b"of somebody else"
    replace = next(b for b in opened.toasts.findChildren(QPushButton) if b.text() == "Replace")
    replace.click()
    _until(qtbot, lambda: opened.controller.current.saved_as == other)
    assert imageio.read(other).width == 420


def test_the_exact_view_equals_the_saved_file(opened: MainWindow, qtbot: QtBot) -> None:
    opened.controller.change(noise_level=16.0, strength=0.8)
    opened.actions_["actual_size"].trigger()
    _until_exact(opened, qtbot)
    frame = opened.canvas.frame
    opened.actions_["save"].trigger()
    _until(qtbot, lambda: opened.controller.current.saved_as is not None)
    written = imageio.read(opened.controller.current.saved_as).pixels
    region = frame.region
    assert np.array_equal(frame.right_values, written[region.top : region.bottom, region.left : region.right])


def test_a_photo_without_noise_is_exact(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    ramp = np.linspace(40, 200, 1600 * 1200).reshape(1200, 1600, 1)
    photo = tmp_path / "clean.png"
    imageio.write(from_numpy(np.repeat(np.rint(ramp), 3, axis=2).astype(np.uint8)), photo)
    window.controller.open([photo])
    _until_exact(window, qtbot)
    window.controller.change(noise_level=20.0)
    _until(qtbot, lambda: not window.controller.viewer.is_working)
    window.controller.change(noise_level=0.0)
    _until_exact(window, qtbot)


def test_a_change_is_never_exact_before_its_own_frame_is_there(opened: MainWindow, qtbot: QtBot) -> None:
    for level in (3.0, 9.0, 27.0):
        opened.controller.change(noise_level=level)
        assert opened.canvas.shown_state is not State.EXACT
        _until_exact(opened, qtbot)
        assert opened.canvas.frame.request.options.noise_level == level


def test_the_views_and_the_original(opened: MainWindow, qtbot: QtBot) -> None:
    keys = {View.SPLIT: "2", View.DIFFERENCE: "3", View.TRUST: "4", View.CLEAN: "5", View.STACKED: "6"}
    for view in (*keys, View.SIDE_BY_SIDE):
        qtbot.keyClick(opened.canvas, keys.get(view, "1"))
        assert opened.controller.viewer.view is view
        _until_exact(opened, qtbot)
        assert opened.actions_[view.value].isChecked()
    assert opened.controller.preferences.compare == View.SIDE_BY_SIDE.value
    clean = opened.canvas.grab().toImage()
    qtbot.keyPress(opened.canvas, Qt.Key.Key_Space)
    original = opened.canvas.grab().toImage()
    qtbot.keyRelease(opened.canvas, Qt.Key.Key_Space)
    assert original != clean


def test_the_divider_can_be_dragged_and_is_saved(opened: MainWindow, qtbot: QtBot) -> None:
    opened.controller.viewer.set_view(View.SPLIT)
    canvas = opened.canvas
    middle = canvas.rect().center()
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=middle)
    aim = QPointF(canvas.width() * 0.25, canvas.height() / 2).toPoint()
    qtbot.mouseMove(canvas, aim)
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=aim)
    assert canvas.split_at == pytest.approx(0.25, abs=0.02)
    assert opened.controller.preferences.split_at == pytest.approx(canvas.split_at, abs=0.001)


def test_everything_by_keyboard_from_opening_to_saving(
    window: MainWindow, photo: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(photo))])
    QGuiApplication.clipboard().setMimeData(data)
    control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(window, Qt.Key.Key_V, control)
    _until_exact(window, qtbot)
    qtbot.keyClick(window.canvas, "n")
    level = QApplication.focusWidget()
    assert level is window.panel.level.slider
    for _ in range(5):
        qtbot.keyClick(level, Qt.Key.Key_Right)
    chosen = window.controller.settings.denoise.noise_level
    assert chosen is not None
    qtbot.keyClick(level, Qt.Key.Key_Right, shift)
    fine = window.controller.settings.denoise.noise_level
    assert chosen < fine < chosen + 1.0
    qtbot.keyClick(level, Qt.Key.Key_Delete)
    assert window.controller.settings.denoise.noise_level is None
    qtbot.keyClick(window, Qt.Key.Key_Z, control)
    assert window.controller.settings.denoise.noise_level == fine
    qtbot.keyClick(level, Qt.Key.Key_Tab)
    strength = QApplication.focusWidget()
    seen = 0
    while not (isinstance(strength, QSlider) and strength is not level) and seen < 5:
        qtbot.keyClick(strength, Qt.Key.Key_Tab)
        strength, seen = QApplication.focusWidget(), seen + 1
    qtbot.keyClick(strength, Qt.Key.Key_Left)
    assert window.controller.settings.denoise.strength == pytest.approx(0.99)
    qtbot.keyClick(window, Qt.Key.Key_1, control)
    _until_exact(window, qtbot)
    qtbot.keyClick(window, Qt.Key.Key_S, control)
    _until(qtbot, lambda: window.controller.current.saved_as is not None)
    assert window.controller.current.saved_as == photo.parent / "clean" / "portrait.png"
    qtbot.keyClick(window, Qt.Key.Key_C, control | shift)
    assert QGuiApplication.clipboard().text().startswith("denoise ")
    assert f"--noise-level {fine:g}" in QGuiApplication.clipboard().text()


def test_every_control_has_a_name_for_screen_readers(opened: MainWindow) -> None:
    kinds = (QSlider, QLineEdit, QComboBox, QPushButton, QToolButton)
    unnamed = [
        f"{type(widget).__name__} in {type(widget.parentWidget()).__name__}"
        for widget in opened.findChildren(QWidget)
        if isinstance(widget, kinds)
        and widget.focusPolicy() is not Qt.FocusPolicy.NoFocus
        and not (widget.accessibleName() or getattr(widget, "text", str)())
    ]
    assert not unnamed


def test_presets_are_those_of_the_command_line(opened: MainWindow, qtbot: QtBot) -> None:
    from denoiser.batch.presets import load_preset, save_preset

    opened.controller.change(noise_level=14.0, detail=0.3)
    opened.panel.presets.save_as("Concert")
    _until(qtbot, lambda: opened.panel.presets.box.findData("Concert") >= 0)
    assert load_preset("Concert") == {"noise_level": 14.0, "detail": 0.3}
    opened.actions_["reset"].trigger()
    opened.panel.presets.apply("Concert")
    _until(qtbot, lambda: opened.controller.settings.denoise.detail == 0.3)
    assert opened.panel.presets.box.currentData() == "Concert"
    save_preset("Odd", {**opened.controller.settings.by_class(), DenoiseOptions: DenoiseOptions(strength=0.5)})
    opened.panel.presets.apply("absent")
    _until(qtbot, lambda: "preset" in opened.toasts.keys)


def test_a_corrupt_file_is_explained_in_the_canvas_and_cannot_be_saved(
    window: MainWindow, photo: Path, qtbot: QtBot
) -> None:
    broken = photo.with_name("broken.jpg")
    broken.write_bytes(photo.read_bytes()[:500])
    window.controller.open([broken])
    _until(qtbot, window.error.isVisible)
    current = window.controller.current
    assert current is not None and current.status is PhotoStatus.FAILED and current.problem
    assert "broken.jpg" in window.error.accessibleName() and current.problem in window.error.accessibleName()
    assert not window.panel.save.isEnabled() and not window.actions_["save"].isEnabled()
    assert window.panel.histogram._overview is None
    assert window.status._left.text() == "broken.jpg cannot be opened"
    window.controller.open([photo])
    _until_exact(window, qtbot)
    window.canvas.setFocus()
    qtbot.keyClick(window.canvas, Qt.Key.Key_Left)
    _until(qtbot, window.error.isVisible)
    qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Right)
    assert window.controller.current.name == "portrait.png", "arrow keys go on"
    _until_exact(window, qtbot)
    assert window.canvas.isVisible() and window.panel.save.isEnabled() and window.actions_["save"].isEnabled()
    window.controller.show_neighbour(-1)
    _until(qtbot, window.error.isVisible)
    assert window.panel.histogram._overview is None, "not that of the photo before"
    broken.write_bytes(photo.read_bytes())
    window.error.findChildren(QPushButton)[0].click()
    _until_exact(window, qtbot)
    assert window.canvas.isVisible()


def test_a_missing_model_is_reported_and_can_be_undone(opened: MainWindow, qtbot: QtBot) -> None:
    opened.controller.change(model="no-such-model")
    _until(qtbot, lambda: opened.toasts.keys and opened.canvas.shown_state is State.FAILED)
    assert not opened.actions_["save"].isEnabled(), "what is not denoised cannot be saved"
    opened.actions_["undo"].trigger()
    _until_exact(opened, qtbot)
    assert opened.actions_["save"].isEnabled()


def test_enter_finishes_a_number_and_returns_to_the_photo(opened: MainWindow, qtbot: QtBot) -> None:
    field = opened.panel.level.field
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, "21")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert opened.controller.settings.denoise.noise_level == 21.0
    assert opened.focusWidget() is opened.canvas
    qtbot.keyClick(opened.focusWidget(), Qt.Key.Key_3)
    assert opened.controller.viewer.view is View.DIFFERENCE
    assert opened.controller.settings.denoise.noise_level == 21.0


def test_zoom_and_pan_end_with_an_exact_view(opened: MainWindow, qtbot: QtBot) -> None:
    for name in ("zoom_in",) * 6 + ("actual_size", "double_size", "fit", "zoom_out"):
        opened.actions_[name].trigger()
    opened.canvas.zoom(4.0)
    qtbot.mousePress(opened.canvas, Qt.MouseButton.LeftButton, pos=opened.canvas.rect().center())
    before = opened.controller.viewer.viewport
    qtbot.mouseMove(opened.canvas, opened.canvas.rect().center() / 2)
    qtbot.mouseRelease(opened.canvas, Qt.MouseButton.LeftButton)
    assert opened.controller.viewer.viewport != before
    _until_exact(opened, qtbot)
    assert opened.top._scale.text() == "400 %"


def test_closing_while_the_model_runs_takes_under_two_seconds(
    window: MainWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    large = tmp_path / "large.png"
    values = np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), dtype=np.uint8)
    imageio.write(from_numpy(values), large)
    window.controller.open([large])
    _until(qtbot, lambda: window.controller.viewer.status.model)
    window.controller.change(noise_level=50.0)
    qtbot.wait(50)
    assert window.controller.viewer.is_working
    before = time.perf_counter()
    window.close()
    assert time.perf_counter() - before < 2


def test_the_gui_thread_does_not_import_torch(tmp_path: Path) -> None:
    import subprocess
    import sys

    check = (
        "import sys\n"
        "from denoiser_gui.qt import QApplication\n"
        "app = QApplication([])\n"
        "from denoiser_gui.app import open_window\n"
        "window = open_window([])\n"
        "print('torch' in sys.modules)\n"
        "window.close()\n"
    )
    run = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True, timeout=120)
    assert run.stdout.split() == ["False"]


def test_find_shows_the_view_and_a_photo_that_is_chosen_there(
    opened: MainWindow, photo: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from denoiser_gui.model.finding import Found, PhotoFinder

    monkeypatch.setattr(PhotoFinder, "find", lambda *_: Found((), compared=1, unreadable=0))
    other = photo.with_name("other.png")
    other.write_bytes(photo.read_bytes())
    opened.controller.open([other])
    qtbot.waitUntil(lambda: opened.controller.current is not None and opened.controller.current.path == other)
    opened.actions_["find"].trigger()
    assert opened.finder.isVisible() and not opened.canvas.isVisible()
    qtbot.waitUntil(lambda: opened.finder.found is not None)
    opened.finder.photo_chosen.emit(photo)
    assert opened.canvas.isVisible() and opened.controller.current is not None
    assert opened.controller.current.path == photo
    for _ in range(2):
        opened.actions_["find"].trigger()
    assert opened.canvas.isVisible()


def test_find_needs_an_open_photo(window: MainWindow) -> None:
    assert not window.actions_["find"].isEnabled()
