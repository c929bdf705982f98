from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from denoiser import imageio
from denoiser_gui.batch_control import BatchStatus
from denoiser_gui.controller import Controller
from denoiser_gui.model.batch_queue import BatchRow, RowState, count
from denoiser_gui.model.open_photos import PhotoStatus
from denoiser_gui.qt import QApplication, QContextMenuEvent, QMenu, QPushButton, Qt, QVBoxLayout, QWidget
from denoiser_gui.view import theme
from denoiser_gui.view.batch_panel import BatchPanel

_PATIENCE = 60_000  # ms, for a machine that does other things as well


@pytest.fixture
def panel(
    controller: Controller, qtbot: QtBot, tmp_path: Path, qapp: QApplication, tiny_weights: Path
) -> Iterator[BatchPanel]:
    """The panel in a window, with a small model and a folder to write to."""
    theme.install(qapp, "dark", "none")
    window = QWidget()
    qtbot.addWidget(window, before_close_func=lambda _window: panel.stop())
    panel = BatchPanel(controller)
    layout = QVBoxLayout(window)
    layout.addStretch()
    layout.addWidget(panel)
    window.resize(1200, 700)
    window.show()
    panel.set_folder(tmp_path / "out")
    controller.change(model=str(tiny_weights), device="cpu", precision="fp32", noise_level=5.0)
    yield panel
    window.close()


def _button(panel: BatchPanel, words: str) -> QPushButton:
    return next(b for b in panel.findChildren(QPushButton) if b.text().startswith(words) and b.isVisible())


def _over(panel: BatchPanel) -> int:
    return count(panel.control.queue.rows).over


def _ended(panel: BatchPanel, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: panel.control.status is BatchStatus.IDLE, timeout=_PATIENCE)


def test_it_slides_up_and_down(panel: BatchPanel, qtbot: QtBot) -> None:
    assert panel.isHidden() and not panel.is_open
    with qtbot.waitSignal(panel.opened) as opened:
        panel.set_open(True)
    assert opened.args == [True]
    qtbot.waitUntil(lambda: panel.height() >= 240)
    with qtbot.waitSignal(panel.opened) as opened:
        panel.set_open(False)
    assert opened.args == [False] and panel.isHidden()


def test_a_batch_is_processed_and_reported(
    panel: BatchPanel, photos: list[Path], qtbot: QtBot, tmp_path: Path
) -> None:
    text: list[str] = []
    panel.status_changed.connect(text.append)
    panel.add(photos)
    _button(panel, "Start").click()
    _ended(panel, qtbot)
    states = [row.state for row in panel.control.queue.rows]
    assert states == [RowState.DONE, RowState.DONE, RowState.DONE, RowState.FAILED]
    assert sorted(path.name for path in (tmp_path / "out").glob("*.[jp]*g")) == ["a.png", "b.jpg", "c.png"]
    assert text[-1] == "Batch: 4 of 4 · 1 failed"
    assert any("running" in line or "left" in line for line in text)
    assert not panel.grab().isNull()


def test_repaired_files_can_be_retried(panel: BatchPanel, photos: list[Path], qtbot: QtBot) -> None:
    panel.add(photos)
    _button(panel, "Start").click()
    _ended(panel, qtbot)
    photos[3].write_bytes(photos[0].read_bytes())
    _button(panel, "Retry failed (1)").click()
    _ended(panel, qtbot)
    assert {row.state for row in panel.control.queue.rows} == {RowState.DONE}
    _button(panel, "Clear finished").click()
    assert not panel.control.queue.rows


def test_existing_files_are_replaced_on_request(
    panel: BatchPanel, photos: list[Path], qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").write_bytes(b"mine")
    panel.add(photos[:2])
    _button(panel, "Start").click()
    _ended(panel, qtbot)
    assert (tmp_path / "out" / "a.png").read_bytes() == b"mine"
    _button(panel, "Replace existing file").click()
    _ended(panel, qtbot)
    assert imageio.read(tmp_path / "out" / "a.png").width == 96


def _started_and_paused(panel: BatchPanel, photos: list[Path], qtbot: QtBot) -> None:
    """Starts a batch and pauses it at the first tile."""

    def pause(row: BatchRow) -> None:
        if row.state is RowState.RUNNING:
            panel.control.pause()

    panel.add(photos[:3])
    panel.control.row_changed.connect(pause)
    _button(panel, "Start").click()
    qtbot.waitUntil(lambda: panel.control.status is BatchStatus.PAUSED, timeout=_PATIENCE)
    panel.control.row_changed.disconnect(pause)


def test_pause_and_resume(panel: BatchPanel, photos: list[Path], qtbot: QtBot) -> None:
    _started_and_paused(panel, photos, qtbot)
    over = _over(panel)
    qtbot.wait(300)
    assert _over(panel) == over
    _button(panel, "Resume").click()
    assert panel.control.status is BatchStatus.RUNNING
    _ended(panel, qtbot)
    assert {row.state for row in panel.control.queue.rows} == {RowState.DONE}


def test_a_paused_batch_can_be_stopped(panel: BatchPanel, photos: list[Path], qtbot: QtBot) -> None:
    _started_and_paused(panel, photos, qtbot)
    _button(panel, "Stop").click()
    assert panel.control.status is BatchStatus.STOPPING
    _ended(panel, qtbot)
    assert _button(panel, "Start").isVisible()
    assert not [t for t in threading.enumerate() if t.name.startswith(("denoise-reader", "denoise-writer"))]


def test_each_photo_uses_its_own_settings(
    panel: BatchPanel, opened: Callable[[], Controller], photos: list[Path], qtbot: QtBot
) -> None:
    controller = opened()
    controller.change(strength=0.5)
    panel.add(photos[:2])
    rows = panel.control.queue.rows
    assert [row.settings.denoise.strength for row in rows] == [0.5, 1.0]


def test_the_strip_shows_saved_photos(
    panel: BatchPanel,
    opened: Callable[[], Controller],
    photos: list[Path],
    qtbot: QtBot,
    tmp_path: Path,
    tiny_weights: Path,
) -> None:
    controller = opened()
    controller.change(model=str(tiny_weights), device="cpu", precision="fp32", noise_level=5.0)
    panel.add(photos[:1])
    _button(panel, "Start").click()
    _ended(panel, qtbot)
    assert controller.photos[0].status is PhotoStatus.SAVED
    assert controller.photos[0].saved_as == tmp_path / "out" / "a.png"


def test_folders_are_searched(panel: BatchPanel, photos: list[Path], qtbot: QtBot) -> None:
    panel.add([photos[0].parent])
    qtbot.waitUntil(lambda: len(panel.control.queue.rows) == 4, timeout=_PATIENCE)
    assert {row.root for row in panel.control.queue.rows} == {photos[0].parent}


def test_the_output_folder_is_saved_once_it_is_used(
    panel: BatchPanel, controller: Controller, photos: list[Path], qtbot: QtBot, tmp_path: Path
) -> None:
    assert panel.folder == tmp_path / "out"
    panel.add(photos[:1])
    _button(panel, "Start").click()
    _ended(panel, qtbot)
    assert controller.preferences.batch_folder == str(tmp_path / "out")


def test_the_default_output_folder_is_next_to_the_photos(
    controller: Controller, photos: list[Path], qtbot: QtBot
) -> None:
    panel = BatchPanel(controller)
    qtbot.addWidget(panel, before_close_func=lambda _panel: panel.stop())
    panel.control.add(photos[:1])
    assert panel.folder == photos[0].parent / "clean"
    controller.set_preferences(dataclasses.replace(controller.preferences, batch_folder="/elsewhere"))
    assert panel.folder == Path("/elsewhere")


def test_delete_removes_rows(panel: BatchPanel, photos: list[Path], qtbot: QtBot) -> None:
    panel.add(photos[:3])
    view = panel._view
    view.setFocus()
    view.setCurrentIndex(view.model().index(1, 0))
    qtbot.keyClick(view, Qt.Key.Key_Delete)
    assert [row.source for row in panel.control.queue.rows] == [photos[0], photos[2]]
    assert all(path.is_file() for path in photos)


def test_a_right_click_opens_the_context_menu(panel: BatchPanel, photos: list[Path], qtbot: QtBot) -> None:
    panel.set_open(True)
    panel.add(photos[:2])
    qtbot.waitUntil(lambda: panel.height() >= 240)
    view = panel._view
    view.setCurrentIndex(view.model().index(0, 0))
    at = view.visualRect(view.model().index(0, 0)).center()
    click = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, view.viewport().mapToGlobal(at))
    QApplication.sendEvent(view.viewport(), click)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    remove = menu.actions()[-1]
    assert remove.text() == "Remove from batch"
    menu.setActiveAction(remove)
    qtbot.keyClick(menu, Qt.Key.Key_Return)
    assert [row.source for row in panel.control.queue.rows] == photos[1:2]
    qtbot.waitUntil(lambda: QApplication.activePopupWidget() is None)


def test_the_menu_of_a_row(panel: BatchPanel, photos: list[Path], qtbot: QtBot) -> None:
    panel.add(photos[:2])
    assert panel.menu() is None
    view = panel._view
    view.setFocus()
    view.setCurrentIndex(view.model().index(1, 0))
    menu = panel.menu()
    assert menu is not None
    words = [action.text() for action in menu.actions() if action.text()]
    assert words == ["Open photo", "Remove from batch"]
    menu.actions()[-1].trigger()
    menu.deleteLater()
    assert [row.source for row in panel.control.queue.rows] == photos[:1]
    text = view.model().index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert text.startswith("a.png, ") and "waiting" in text
