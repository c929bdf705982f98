"""The app's icons, tinted with theme colours and rendered at the needed size."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from denoiser_gui import qt
from denoiser_gui.qt import Qt
from denoiser_gui.view import theme

_BLACK = b"#000"  # the SVG files are black; the theme colour replaces it
_MODES = {qt.QIcon.Mode.Disabled: "faint"}


def icon(name: str, colour: str = "text") -> qt.QIcon:
    """The icon *name* in a theme colour; it follows changes of the theme."""
    _drawing(name)  # an unknown name fails here, not while painting
    return qt.QIcon(_Engine(name, colour))


def paint_icon(painter: qt.QPainter, place: qt.QRectF, name: str, colour: qt.QColor) -> None:
    """Draw an icon into *place*."""
    svg = _drawing(name).replace(_BLACK, colour.name().encode())
    painter.save()
    painter.setOpacity(painter.opacity() * colour.alphaF())
    qt.QSvgRenderer(qt.QByteArray(svg)).render(painter, place)
    painter.restore()


def app_icon() -> qt.QIcon:
    """The app icon."""
    return qt.QIcon(str(files("denoiser_gui") / "resources" / "denoise.svg"))


class _Engine(qt.QIconEngine):
    """Renders an icon at the requested size and scale."""

    def __init__(self, name: str, colour: str) -> None:
        super().__init__()
        self._name, self._colour = name, colour

    def paint(self, painter: qt.QPainter, rect: qt.QRect, mode: qt.QIcon.Mode, state: qt.QIcon.State) -> None:  # noqa: ARG002
        ink = theme.colour(_MODES.get(mode, self._colour))
        side = min(rect.width(), rect.height())
        place = qt.QRectF(rect.x() + (rect.width() - side) / 2, rect.y() + (rect.height() - side) / 2, side, side)
        paint_icon(painter, place, self._name, ink)

    def pixmap(self, size: qt.QSize, mode: qt.QIcon.Mode, state: qt.QIcon.State) -> qt.QPixmap:
        return self.scaledPixmap(size, mode, state, 1.0)

    def scaledPixmap(self, size: qt.QSize, mode: qt.QIcon.Mode, state: qt.QIcon.State, scale: float) -> qt.QPixmap:
        drawn = qt.QPixmap(size * scale)
        if drawn.isNull():
            return drawn  # styles also request empty sizes
        drawn.setDevicePixelRatio(scale)
        drawn.fill(Qt.GlobalColor.transparent)
        painter = qt.QPainter(drawn)
        self.paint(painter, qt.QRect(0, 0, size.width(), size.height()), mode, state)
        painter.end()
        return drawn

    def clone(self) -> qt.QIconEngine:
        copy = _Engine(self._name, self._colour)
        _copies.append(copy)  # Qt takes ownership; Python must not delete it
        return copy


_copies: list[_Engine] = []


@cache
def _drawing(name: str) -> bytes:
    return (files("denoiser_gui") / "resources" / "icons" / f"{name}.svg").read_bytes()
