from __future__ import annotations

from importlib.resources import files

import pytest

from denoiser_gui.qt import QApplication, QColor, QIcon, QImage, QPixmap, QSize
from denoiser_gui.view import icons, theme

_WANTED = {
    *("open", "save", "save-as", "copy", "undo", "redo", "side-by-side", "split", "difference", "trust", "fit"),
    *("actual-size", "zoom-in", "zoom-out", "settings", "close", "batch", "preset", "reset", "more"),
}


def _ink(pyramid: QPixmap) -> tuple[int, QColor]:
    """How many pixels are drawn, and the colour of the most opaque one."""
    image = pyramid.toImage().convertToFormat(QImage.Format.Format_ARGB32)
    pixels = [image.pixelColor(x, y) for y in range(image.height()) for x in range(image.width())]
    return sum(pixel.alpha() > 0 for pixel in pixels), max(pixels, key=lambda pixel: pixel.alpha())


def test_all_icons_are_there_and_draw_something(qapp: QApplication) -> None:
    folder = files("denoiser_gui") / "resources" / "icons"
    names = {file.name.removesuffix(".svg") for file in folder.iterdir() if file.name.endswith(".svg")}
    names = {name for name in names if not name.endswith(("-dark", "-light"))}
    assert names >= _WANTED
    for name in sorted(names):
        count, _ = _ink(icons.icon(name).pixmap(QSize(24, 24), 1.0))
        assert 15 < count < 24 * 24 * 0.8, name


def test_icons_follow_the_theme(qapp: QApplication) -> None:
    look = theme.install(qapp, "dark")
    shown = icons.icon("stop")
    assert _ink(shown.pixmap(QSize(48, 48), 1.0))[1] == theme.colour("text")
    look.choose("light")
    assert _ink(shown.pixmap(QSize(48, 48), 1.0))[1] == theme.colour("text")
    assert _ink(shown.pixmap(QSize(48, 48), 1.0, QIcon.Mode.Disabled))[1] == theme.colour("faint")
    assert _ink(icons.icon("stop", "bad").pixmap(QSize(48, 48), 1.0))[1] == theme.colour("bad")


def test_icons_are_drawn_at_device_resolution(qapp: QApplication) -> None:
    for scale in (1.0, 1.5, 2.0):
        drawn = icons.icon("fit").pixmap(QSize(20, 20), scale)
        assert drawn.width() == round(20 * scale)
        assert drawn.devicePixelRatio() == scale


def test_a_copy_of_an_icon_draws_the_same(qapp: QApplication) -> None:
    theme.install(qapp, "dark")
    first = icons.icon("save")
    copy = QIcon(first)
    copy.addPixmap(QPixmap(4, 4))  # makes Qt clone what draws
    assert _ink(copy.pixmap(QSize(24, 24), 1.0)) == _ink(first.pixmap(QSize(24, 24), 1.0))


def test_an_unknown_name_fails_at_once(qapp: QApplication) -> None:
    with pytest.raises(FileNotFoundError):
        icons.icon("no-such-icon")


def test_the_app_has_an_icon(qapp: QApplication) -> None:
    assert not icons.app_icon().pixmap(QSize(64, 64)).isNull()
