"""What the window looked like returns with the next start, and the view with the next photo."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from denoiser import imageio
from denoiser.image import from_numpy
from denoiser_gui.controller import Controller
from denoiser_gui.qt import QAbstractButton, QApplication, QComboBox, QLabel, QMenu, QPoint, QScrollArea, QWidget
from denoiser_gui.translation import set_language
from denoiser_gui.view import theme
from denoiser_gui.view.main_window import MainWindow
from denoiser_gui.view.widgets import ElidedLabel

_ARROW = 24  # px of a combo box that are not text


@pytest.fixture
def new_window(model: None, qapp: QApplication) -> Iterator[Callable[[], MainWindow]]:
    theme.install(qapp, "dark", "none")
    made: list[MainWindow] = []

    def make() -> MainWindow:
        made.append(MainWindow(Controller()))
        made[-1].show()
        return made[-1]

    yield make
    for window in made:
        window.quit()
        window.controller.deleteLater()
        window.deleteLater()


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "photos" / f"{name}.png" for name in "abc"]
    for number, path in enumerate(paths):
        path.parent.mkdir(exist_ok=True)
        shape = (900, 1200 + 300 * (number == 2), 3)
        values = np.random.default_rng(number).integers(100, 140, shape, dtype=np.uint8)
        imageio.write(from_numpy(values), path)
    return paths


def _shown(window: MainWindow, qtbot: QtBot, path: Path) -> None:
    def is_shown() -> bool:
        current, pyramid = window.controller.current, window.controller.viewer.pyramid
        return current is not None and current.path == path and pyramid is not None and pyramid.key == current.key

    qtbot.waitUntil(is_shown, timeout=60_000)


def test_size_place_zoom_and_panels_return(
    new_window: Callable[[], MainWindow], photos: list[Path], qtbot: QtBot
) -> None:
    window = new_window()
    window.resize(1, 740)  # the offscreen screen is narrower than any window
    window.move(QPoint(-1, 30))
    window.tabs.setCurrentIndex(1)
    window.panel.more.click()
    window.batch.set_open(True)
    window.controller.open(photos[:1])
    _shown(window, qtbot, photos[0])
    window.canvas.zoom(2.0)
    qtbot.wait(20)  # the window system moves the window
    size = window.size()
    window.close()
    again = new_window()
    assert again.size() == size and size.height() == 740 and again.pos() == QPoint(-1, 30)
    assert again.tabs.currentIndex() == 1 and again.panel.more.isChecked() and again.batch.is_open
    again.controller.open(photos[:1])
    _shown(again, qtbot, photos[0])
    assert again.controller.viewer.viewport is not None and again.controller.viewer.viewport.scale == 2.0


def test_zoom_and_position_stay_while_stepping(
    new_window: Callable[[], MainWindow], photos: list[Path], qtbot: QtBot
) -> None:
    window = new_window()
    viewer = window.controller.viewer
    window.controller.open(photos)
    _shown(window, qtbot, photos[0])
    window.canvas.zoom(1.0)
    assert viewer.viewport is not None
    viewer.set_viewport(viewer.viewport.panned(-120, 40))
    chosen = viewer.viewport
    assert not chosen.fits
    window.controller.show_neighbour(1)
    _shown(window, qtbot, photos[1])
    assert viewer.viewport == chosen
    window.controller.show_neighbour(1)
    _shown(window, qtbot, photos[2])
    assert viewer.viewport.scale == 1.0
    assert viewer.viewport.x / 1500 == pytest.approx(chosen.x / 1200, abs=0.01)
    window.canvas.zoom(None)
    window.controller.show_neighbour(-1)
    _shown(window, qtbot, photos[1])
    assert viewer.viewport.fits


def test_a_long_name_does_not_widen_the_window(
    new_window: Callable[[], MainWindow], photos: list[Path], qtbot: QtBot
) -> None:
    window = new_window()
    narrowest = window.minimumSizeHint().width()
    long = photos[0].with_name("x" * 210 + ".png")
    photos[0].rename(long)
    broken = long.with_name("y" * 210 + ".jpg")
    broken.write_bytes(b"no image")
    for path in (long, broken):
        window.controller.open([path])
        qtbot.waitUntil(
            lambda path=path: window.controller.current is not None and window.controller.current.path == path
        )
        window.saver.progress.emit(f"Saving {path.name} · 3 %")
        qtbot.waitUntil(window.controller.files.is_idle)
        qtbot.wait(20)
        assert window.minimumSizeHint().width() == narrowest


def test_the_menu_fits_a_small_screen(new_window: Callable[[], MainWindow]) -> None:
    window = new_window()
    menus = [menu for menu in window.top.findChildren(QMenu) if menu.actions()]
    assert len(menus) >= 6 and all(menu.sizeHint().height() < 500 for menu in menus)


def test_the_panel_needs_no_scroll_bar_at_1280_by_800(new_window: Callable[[], MainWindow], qtbot: QtBot) -> None:
    window = new_window()
    window.resize(1280, 800)
    qtbot.waitUntil(lambda: window.height() == 800)
    area = window.panel.findChild(QScrollArea)
    assert area is not None and area.widget() is not None
    window.panel._facts.setText("\n".join(["line"] * 4))
    qtbot.wait(20)
    assert area.widget().sizeHint().height() <= area.viewport().height()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_text_is_cut_and_none_overlaps_at_1280_by_800(
    new_window: Callable[[], MainWindow], photos: list[Path], qtbot: QtBot, language: str
) -> None:
    set_language(language)
    try:
        window = new_window()
    finally:
        set_language("en")
    window.resize(1280, 800)
    window.panel.more.click()
    window.batch.add(photos)
    window.controller.open(photos)
    _shown(window, qtbot, photos[0])
    qtbot.waitUntil(lambda: window.batch.height() > 200)
    for tab in range(window.tabs.count()):
        window.tabs.setCurrentIndex(tab)
        qtbot.wait(50)
        texts = [text for text in window.findChildren(QWidget) if text.isVisible() and _has_fixed_text(text)]
        assert len(texts) > 20
        cut = [text.text() for text in texts if text.width() < text.minimumSizeHint().width()]
        assert not cut
        overlapping = [
            (one.text(), other.text())
            for one, other in itertools.combinations(texts, 2)
            if one.parentWidget() is other.parentWidget() and one.geometry().intersects(other.geometry())
        ]
        assert not overlapping
        lists = [box for box in window.findChildren(QComboBox) if box.isVisible()]
        assert not [
            box.currentText()
            for box in lists
            if box.fontMetrics().horizontalAdvance(box.currentText()) > box.width() - _ARROW
        ]


def _has_fixed_text(widget: QWidget) -> bool:
    """Whether it has a text in one line that is never shortened on purpose."""
    if isinstance(widget, ElidedLabel) or (isinstance(widget, QLabel) and widget.wordWrap()):
        return False
    return isinstance(widget, QLabel | QAbstractButton) and bool(widget.text())
