"""The grid with real files: shared selection, order, filters, keys and menu."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from denoiser import imageio
from denoiser.image import from_numpy
from denoiser_gui.controller import Controller
from denoiser_gui.model.library import Arrangement, Sorting
from denoiser_gui.model.open_photos import PhotoFacts, PhotoStatus
from denoiser_gui.qt import QComboBox, Qt
from denoiser_gui.view.film_strip import FilmStrip
from denoiser_gui.view.grid_view import GridView

_PATIENCE = 60_000  # ms; a loaded machine is slow
Open = Callable[[], Controller]


@pytest.fixture
def grid(controller: Controller, qtbot: QtBot) -> GridView:
    strip = FilmStrip(controller)
    grid = GridView(controller, strip)
    for widget in (strip, grid):
        qtbot.addWidget(widget)
        widget.resize(900, 600)
        widget.show()
    return grid


def _names(grid: GridView) -> list[str]:
    return [photo.name for photo in grid._strip.photos._photos]


def _choose(box: QComboBox, value: object) -> None:
    at = next(at for at in range(box.count()) if box.itemData(at) == value)
    box.setCurrentIndex(at)
    box.activated.emit(at)


def test_it_shares_rows_and_selection_with_the_strip(grid: GridView, opened: Open, qtbot: QtBot) -> None:
    controller, strip = opened(), grid._strip
    assert grid._count.text() == "4 of 4"
    qtbot.keyClick(grid.list, Qt.Key.Key_Right)
    assert controller.current == controller.photos[1] and strip.selected_keys() == [controller.photos[1].key]
    qtbot.keyClick(grid.list, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert len(strip.selected_keys()) == 2 and "2 selected" in grid._count.text()
    menu = strip.menu()
    assert menu is not None and "Add 2 photos to batch" in [action.text() for action in menu.actions()]
    menu.deleteLater()
    with qtbot.waitSignal(grid.closed):
        qtbot.keyClick(grid.list, Qt.Key.Key_Return)
    with qtbot.waitSignal(grid.closed):
        qtbot.keyClick(grid.list, Qt.Key.Key_Escape)
    qtbot.keyClick(grid.list, Qt.Key.Key_Delete)
    assert _names(grid) == [photo.name for photo in controller.photos] and len(controller.photos) == 2


def test_sorting_and_filters_keep_the_selection(grid: GridView, opened: Open, qtbot: QtBot) -> None:
    controller = opened()
    qtbot.waitUntil(lambda: all(photo.facts is not None for photo in controller.photos), timeout=_PATIENCE)
    for number, photo in enumerate(controller.photos[:3]):
        controller.update_photo(photo.key, facts=PhotoFacts(("Nikon", "Canon", "Canon")[number], 100 * 8**number))
    controller.library.facts_read.emit()
    chosen = [controller.photos[0].key, controller.photos[2].key]
    grid._strip.select_all()
    for key in {photo.key for photo in controller.photos} - set(chosen):
        at = grid._strip.photos.index_of(key)
        grid._strip.selection.select(at, grid._strip.selection.SelectionFlag.Deselect)
    _choose(grid.sorting, Sorting.ISO)
    grid.direction.click()
    assert _names(grid) == ["c.png", "b.jpg", "a.png", "d.png"]
    assert sorted(grid._strip.selected_keys()) == chosen
    _choose(grid.camera, "Canon")
    assert _names(grid) == ["c.png", "b.jpg"] and grid._count.text() == "2 of 4"
    _choose(grid.iso, (401.0, 1601.0))
    assert _names(grid) == ["b.jpg"]
    grid.clear.click()
    assert len(_names(grid)) == 4 and not grid.clear.isEnabled()
    assert controller.library.arrangement == Arrangement(Sorting.ISO, is_descending=True)


def test_the_order_follows_new_data(grid: GridView, opened: Open, qtbot: QtBot) -> None:
    controller = opened()
    qtbot.waitUntil(lambda: controller.photos[3].status is PhotoStatus.FAILED, timeout=_PATIENCE)
    _choose(grid.status, PhotoStatus.SAVED)
    assert _names(grid) == []
    controller.update_photo(controller.photos[1].key, status=PhotoStatus.SAVED)
    qtbot.waitUntil(lambda: _names(grid) == ["b.jpg"], timeout=_PATIENCE)
    assert not grid.grab().isNull()


def test_hundreds_of_photos_are_listed_sorted_and_removed_in_one_step_each(
    grid: GridView, controller: Controller, tmp_path: Path, qtbot: QtBot
) -> None:
    one = tmp_path / "many" / "0.png"
    one.parent.mkdir()
    imageio.write(from_numpy(np.zeros((60, 80, 3), np.uint8)), one)
    for number in range(1, 500):
        one.with_name(f"{number}.png").symlink_to(one)
    controller.open([one.parent])
    qtbot.waitUntil(lambda: len(controller.photos) == 500, timeout=_PATIENCE)
    qtbot.waitUntil(lambda: all(photo.facts is not None for photo in controller.photos), timeout=_PATIENCE)
    resets: list[None] = []
    grid._strip.photos.modelReset.connect(lambda: resets.append(None))
    _choose(grid.sorting, Sorting.NAME)
    grid.direction.click()
    assert _names(grid)[0] == "499.png" and len(resets) == 2
    grid._strip.select_all()
    grid._strip.close_selected()
    assert not controller.photos and len(resets) == 3, "all are removed in one step"
