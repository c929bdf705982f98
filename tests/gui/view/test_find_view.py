"""The Find view: searches when shown, shows and sorts strips, opens photos, stops, explains what is missing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from denoiser.errors import MissingExtra
from denoiser.events import CancelToken
from denoiser_gui.controller import Controller
from denoiser_gui.model.finding import Found, FoundPhoto, FoundStrip, PhotoFinder, StripKind
from denoiser_gui.qt import QComboBox, QLabel, QListView, QPushButton, Qt
from denoiser_gui.view.find_view import PHOTO, FindView
from denoiser_gui.view.thumbnails import Thumbnails

Open = Callable[[], Controller]


def result_for(paths: Sequence[Path]) -> Found:
    """Two copies, the second with the most detail, and one odd photo."""
    first, second, third = paths[:3]
    copies = (FoundPhoto(first, 96, 72, 0.2, 1.0), FoundPhoto(second, 96, 72, 0.4, 0.9, is_best=True))
    odd = (FoundPhoto(third, 96, 72, 0.1, 2.0),)
    strips = FoundStrip(StripKind.COPIES, copies), FoundStrip(StripKind.ODD, odd)
    return Found(strips, compared=3, unreadable=1)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[Path]]:
    """The photos of each search; the search itself is tested in model/test_finding.py."""
    made: list[list[Path]] = []

    def find(
        _self: PhotoFinder, paths: Sequence[Path], progress: Callable[[float], None], _c: CancelToken
    ) -> Found:
        made.append(list(paths))
        progress(0.5)
        return result_for(paths)

    monkeypatch.setattr(PhotoFinder, "find", find)
    return made


@pytest.fixture
def view(controller: Controller, qtbot: QtBot) -> FindView:
    view = FindView(controller, Thumbnails(controller))
    qtbot.addWidget(view)
    view.resize(900, 600)
    return view


def _strips(view: FindView) -> list[list[str]]:
    lists = view.findChildren(QListView)
    models = [shown.model() for shown in lists if shown.accessibleName()]
    return [[model.index(row, 0).data() for row in range(model.rowCount())] for model in models]


def _text(view: FindView) -> str:
    return " | ".join(shown.text() for shown in view.findChildren(QLabel))


def test_it_searches_when_it_is_shown_and_again_only_for_other_photos(
    view: FindView, opened: Open, qtbot: QtBot, calls: list[list[Path]]
) -> None:
    controller = opened()
    assert not calls
    view.show()
    qtbot.waitUntil(lambda: view.found is not None)
    assert _strips(view) == [["a.png", "b.jpg"], ["c.png"]]
    for text in ("2 copies of one photo", "1 photo unlike the others", "3 photos compared, 1 could not be read"):
        assert text in _text(view)
    view.hide()
    view.show()
    assert len(calls) == 1
    controller.close_photo(controller.photos[3].key)
    qtbot.waitUntil(lambda: len(calls) == 2)
    assert [path.name for path in calls[1]] == ["a.png", "b.jpg", "c.png"]


def test_strips_are_sorted_and_a_click_opens_the_photo(
    view: FindView, opened: Open, qtbot: QtBot, calls: list[list[Path]]
) -> None:
    opened()
    view.show()
    qtbot.waitUntil(lambda: view.found is not None)
    combo = view.findChild(QComboBox)
    assert combo is not None
    combo.setCurrentIndex(combo.findText("By sharpness"))
    qtbot.waitUntil(lambda: _strips(view)[:1] == [["b.jpg", "a.png"]])
    strip = next(shown for shown in view.findChildren(QListView) if "copies" in shown.accessibleName())
    index = strip.model().index(0, 0)
    assert "the copy with the most detail" in index.data(Qt.ItemDataRole.ToolTipRole)
    with qtbot.waitSignal(view.photo_chosen) as chosen:
        qtbot.mouseClick(strip.viewport(), Qt.MouseButton.LeftButton, pos=strip.visualRect(index).center())
    assert chosen.args == [index.data(PHOTO).path]


def test_escape_closes(view: FindView, qtbot: QtBot, calls: list[list[Path]]) -> None:
    view.show()
    with qtbot.waitSignal(view.closed):
        qtbot.keyClick(view, Qt.Key.Key_Escape)


def test_stop_ends_the_search_and_search_again_starts_one(
    view: FindView, opened: Open, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, stopped = threading.Event(), threading.Event()

    def find(_self: PhotoFinder, _paths: Sequence[Path], _p: Callable[[float], None], cancel: CancelToken) -> Found:
        started.set()
        if cancel.wait(20):
            stopped.set()
        cancel.raise_if_cancelled()
        raise AssertionError("not stopped")

    monkeypatch.setattr(PhotoFinder, "find", find)
    opened()
    view.show()
    qtbot.waitUntil(started.is_set)
    buttons = {each.text(): each for each in view.findChildren(QPushButton)}
    assert buttons["Stop"].isVisible() and not buttons["Search again"].isVisible()
    buttons["Stop"].click()
    qtbot.waitUntil(stopped.is_set)
    assert "Stopped." in _text(view)
    monkeypatch.setattr(PhotoFinder, "find", lambda _self, paths, _p, _c: result_for(paths))
    buttons["Search again"].click()
    qtbot.waitUntil(lambda: view.found is not None)


def test_a_missing_package_is_explained(
    view: FindView, opened: Open, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(*_: object) -> Found:
        raise MissingExtra("Exploring needs pandas, which is not installed.", extra="workbench")

    monkeypatch.setattr(PhotoFinder, "find", find)
    opened()
    view.show()
    qtbot.waitUntil(lambda: "pip install 'denoiser-studio[workbench]'" in _text(view))
    assert "Exploring needs pandas, which is not installed." in _text(view)
