from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from denoiser_gui.controller import Controller
from denoiser_gui.model.open_photos import PhotoStatus
from denoiser_gui.qt import QApplication, QContextMenuEvent, QListView, QMenu, QPoint, Qt
from denoiser_gui.view import theme
from denoiser_gui.view.film_strip import PHOTO, FilmStrip
from denoiser_gui.view.thumbnails import Thumbnails

Open = Callable[[], Controller]


@pytest.fixture
def strip(controller: Controller, qtbot: QtBot) -> FilmStrip:
    strip = FilmStrip(controller)
    qtbot.addWidget(strip)
    strip.resize(1400, theme.STRIP)
    strip.show()
    return strip


def _view(strip: FilmStrip) -> QListView:
    found = strip.findChild(QListView)
    assert found is not None
    return found


def test_it_shows_what_is_open_and_follows_the_controller(
    strip: FilmStrip, opened: Open, photos: list[Path]
) -> None:
    controller = opened()
    view = _view(strip)
    names = [view.model().index(row, 0).data() for row in range(view.model().rowCount())]
    assert names == ["a.png", "b.jpg", "c.png", "d.png", "Add photos"]
    assert view.currentIndex().row() == 0
    controller.show_photo(controller.photos[2].key)
    assert view.currentIndex().row() == 2
    controller.close_photo(controller.photos[0].key)
    assert view.currentIndex().row() == 1
    assert view.model().rowCount() == 4


def test_keys_and_clicks_select_the_photo(strip: FilmStrip, opened: Open, qtbot: QtBot) -> None:
    controller = opened()
    view = _view(strip)
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert controller.current == controller.photos[1]
    place = view.visualRect(view.model().index(2, 0)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert controller.current == controller.photos[2]
    more = view.visualRect(view.model().index(4, 0)).center()
    with qtbot.waitSignal(strip.open_requested):
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=more)
    assert controller.current == controller.photos[2], "the tile that adds photos is not a photo"


def test_thumbnails_are_made_in_the_background(
    strip: FilmStrip, opened: Open, photos: list[Path], qtbot: QtBot
) -> None:
    opened()
    thumbnails = strip.thumbnails
    qtbot.waitUntil(lambda: all(thumbnails.get(path) is not None for path in photos[:3]), timeout=20_000)
    small = thumbnails.get(photos[0])
    assert small is not None and (small.width(), small.height()) == (96, 72)


def test_the_tooltip_of_an_unreadable_photo_has_the_reason(strip: FilmStrip, opened: Open, qtbot: QtBot) -> None:
    controller = opened()
    qtbot.waitUntil(lambda: controller.photos[3].status is PhotoStatus.FAILED, timeout=20_000)
    at = _view(strip).model().index(3, 0)
    text = at.data(Qt.ItemDataRole.ToolTipRole)
    assert text.startswith("d.png\nfailed") and "supported format" in text
    assert "failed" in at.data(Qt.ItemDataRole.AccessibleTextRole)


def test_noise_is_measured_for_photos_that_were_never_current(strip: FilmStrip, opened: Open, qtbot: QtBot) -> None:
    controller = opened()
    qtbot.waitUntil(lambda: all(photo.sigma is not None for photo in controller.photos[:3]), timeout=60_000)
    assert 5 < (controller.photos[2].sigma or 0) < 13
    assert "σ" in _view(strip).model().index(2, 0).data(Qt.ItemDataRole.ToolTipRole)


def test_several_photos_can_be_selected_batched_and_closed(
    strip: FilmStrip, opened: Open, photos: list[Path], qtbot: QtBot
) -> None:
    controller = opened()
    view = _view(strip)
    place = view.visualRect(view.model().index(1, 0)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier, place)
    assert strip.selected_paths() == photos[:2]
    menu = strip.menu()
    assert menu is not None
    first = menu.actions()[0]
    assert first.text() == "Add 2 photos to batch"
    assert menu.actions()[-1].text() == "Remove 2 photos from list"
    with qtbot.waitSignal(strip.batch_requested) as wanted:
        first.trigger()
    assert wanted.args == [photos[:2]]
    menu.deleteLater()
    qtbot.keyClick(view, Qt.Key.Key_Delete)
    assert [photo.name for photo in controller.photos] == ["c.png", "d.png"]
    assert photos[0].is_file()


def test_a_right_click_opens_the_context_menu(
    strip: FilmStrip, opened: Open, photos: list[Path], qtbot: QtBot
) -> None:
    controller = opened()
    view = _view(strip)
    at = view.visualRect(view.model().index(0, 0)).center()
    click = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, view.viewport().mapToGlobal(at))
    QApplication.sendEvent(view.viewport(), click)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    words = [action.text() for action in menu.actions() if action.text()]
    assert words == ["Open", "Save", "Add to batch", "Show in folder", "Remove from list"]
    close = menu.actions()[-1]
    menu.setActiveAction(close)
    qtbot.keyClick(menu, Qt.Key.Key_Return)
    assert [photo.path for photo in controller.photos] == photos[1:]
    assert photos[0].is_file()
    qtbot.waitUntil(lambda: QApplication.activePopupWidget() is None)


def test_there_is_no_context_menu_without_photos(strip: FilmStrip) -> None:
    view = _view(strip)
    at = view.rect().center()
    click = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, view.viewport().mapToGlobal(at))
    QApplication.sendEvent(view.viewport(), click)
    assert QApplication.activePopupWidget() is None


def test_a_narrow_window_shows_names_only(strip: FilmStrip, opened: Open) -> None:
    opened()
    strip.resize(1000, theme.STRIP)
    assert strip.height() == theme.STRIP_OF_NAMES
    assert not strip.grab().isNull()
    strip.resize(1300, theme.STRIP)
    assert strip.height() == theme.STRIP


def test_the_wheel_scrolls_sideways(strip: FilmStrip, opened: Open, qtbot: QtBot) -> None:
    opened()
    strip.resize(300, theme.STRIP)
    view = _view(strip)
    bar = view.horizontalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    before = bar.value()
    from denoiser_gui.qt import QApplication, QPointF, QWheelEvent

    event = QWheelEvent(
        QPointF(20, 20), view.viewport().mapToGlobal(QPointF(20, 20)), QPoint(), QPoint(0, -120),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view.viewport(), event)
    assert bar.value() > before


def test_rows_contain_the_data_of_their_photo(strip: FilmStrip, opened: Open) -> None:
    controller = opened()
    controller.update_photo(
        controller.photos[1].key, status=PhotoStatus.SAVED, saved_as=Path("/somewhere/b clean.jpg")
    )
    at = _view(strip).model().index(1, 0)
    assert at.data(PHOTO).status is PhotoStatus.SAVED
    assert "saved as /somewhere/b clean.jpg" in at.data(Qt.ItemDataRole.ToolTipRole)
    assert not strip.grab().isNull()


def test_a_pasted_photo_has_a_thumbnail_too(strip: FilmStrip, controller: Controller, qtbot: QtBot) -> None:
    import numpy as np

    from denoiser.image import from_numpy

    controller.open_pasted("pasted", from_numpy(np.full((50, 70, 3), 90, np.uint8)))
    qtbot.waitUntil(lambda: strip.thumbnails.get_of(controller.photos[0]) is not None, timeout=20_000)
    assert strip.thumbnails.get_of(controller.photos[0]).width() == 70  # type: ignore[union-attr]
    assert strip.selected_paths() == []


def test_thumbnails_that_were_requested_last_are_made_first_and_few_are_kept(
    controller: Controller, photos: list[Path], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("denoiser_gui.view.thumbnails.MOST_KEPT", 2)
    thumbnails, made = Thumbnails(controller), []
    thumbnails.arrived.connect(made.append)
    for path in photos[:3]:
        assert thumbnails.get(path) is None
    qtbot.waitUntil(lambda: len(made) == 3, timeout=20_000)
    assert made == [photos[0], photos[2], photos[1]], "the first was begun at once"
    assert thumbnails.get(photos[1]) is not None and thumbnails.get(photos[0]) is None
    qtbot.waitUntil(lambda: len(made) == 4, timeout=20_000)
