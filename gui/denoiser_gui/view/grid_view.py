"""The grid: large thumbnails with sorting and filters. It shares rows and selection with the film strip."""

from __future__ import annotations

import math
from typing import Any

from denoiser_gui import qt
from denoiser_gui.controller import Controller
from denoiser_gui.model import captions
from denoiser_gui.model.library import Arrangement, Sorting
from denoiser_gui.model.open_photos import OpenPhoto
from denoiser_gui.qt import Qt, Signal
from denoiser_gui.translation import tr, tr_count
from denoiser_gui.view import theme
from denoiser_gui.view.film_strip import PHOTO, FilmStrip
from denoiser_gui.view.icons import icon, paint_icon
from denoiser_gui.view.thumbnails import paint_status
from denoiser_gui.view.widgets import (
    STRETCH,
    Dropdown,
    button,
    column,
    label,
    plain_combo,
    row,
    separator,
    styled,
    tool_button,
)

_CELL = qt.QSize(208, 190)  # the smallest; cells are widened to fill the rows
_CAMERA = 200  # px of its list: names are long
_PAD = 10  # px around a thumbnail
_TEXT = 40  # px for two lines below it
_ISO = ((0.0, 401.0), (401.0, 1601.0), (1601.0, 6401.0), (6401.0, math.inf))
_NOISE = ((0.0, 2.0), (2.0, 5.0), (5.0, 10.0), (10.0, 25.0), (25.0, math.inf))


class GridView(qt.QWidget):
    """Shows the photos of the strip as a grid. Enter and double-click open one."""

    closed = Signal()

    def __init__(self, controller: Controller, strip: FilmStrip) -> None:
        super().__init__()
        self._controller, self._strip = controller, strip
        styled(self, "canvas")
        self.setAccessibleName(tr("Grid"))
        self.list = _GridList(strip)
        self.list.chosen.connect(self._open)
        self.setFocusProxy(self.list)
        self._count = label(role="second")
        self._count.setAccessibleName(tr("Number of photos"))
        self.sorting = _choices(tr("Sort by"), [(text, sorting) for sorting, text in _sortings().items()])
        self.direction = tool_button("up", tr("Descending order"))
        self.direction.setCheckable(True)
        self.camera = _choices(tr("Camera"), [(tr("All cameras"), "")])
        self.camera.setFixedWidth(_CAMERA)
        self.iso = _choices(tr("ISO"), [(tr("Any ISO"), None), *((_range_text("ISO", r), r) for r in _ISO)])
        self.noise = _choices(tr("Noise"), [(tr("Any noise"), None), *((_range_text("σ", r), r) for r in _NOISE)])
        states = ((text.capitalize(), status) for status, text in captions.status_names().items())
        self.status = _choices(tr("State"), [(tr("Any state"), None), *states])
        self.clear = button(tr("Clear filter"), "quiet", pressed=self._clear)
        close = tool_button("close", tr("Back to the photo"), self.closed.emit)
        margins = (2 * theme.UNIT, 4, theme.UNIT, 0)
        head = row(
            label(tr("Photos"), "heading"), self._count, STRETCH, label(tr("Sort by"), "second"), self.sorting,
            self.direction, close, margins=margins,
        )  # fmt: skip
        filters = row(self.camera, self.iso, self.noise, self.status, STRETCH, self.clear, margins=margins)
        whole = column(head, filters, 4, separator(), self.list)
        whole.setStretchFactor(self.list, 1)
        self.setLayout(whole)
        for box in (self.sorting, self.camera, self.iso, self.noise, self.status):
            box.activated.connect(lambda _: self._arrange())
        self.direction.toggled.connect(lambda _: self._arrange())
        controller.library.facts_read.connect(self._fill_cameras)
        controller.library.changed.connect(self._show_count)
        controller.photos_changed.connect(self._show_count)
        strip.selection_changed.connect(lambda _: self._show_count())
        self._show_count()

    def keyPressEvent(self, event: qt.QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)

    def _open(self, at: qt.QModelIndex) -> None:
        if at.data(PHOTO) is None:
            self._strip.open_requested.emit()
        else:
            self.closed.emit()  # it is current already

    def _arrange(self) -> None:
        self.direction.setIcon(icon("down" if self.direction.isChecked() else "up", "second"))
        self._controller.library.arrange(
            Arrangement(
                self.sorting.currentData(),
                self.direction.isChecked(),
                self.camera.currentData(),
                self.iso.currentData(),
                self.noise.currentData(),
                self.status.currentData(),
            )
        )

    def _clear(self) -> None:
        for box in (self.camera, self.iso, self.noise, self.status):
            box.setCurrentIndex(0)
        self._arrange()

    def _fill_cameras(self) -> None:
        cameras = self._controller.library.cameras
        if cameras != [self.camera.itemData(at) for at in range(1, self.camera.count())]:
            kept = self.camera.currentData()
            while self.camera.count() > 1:
                self.camera.removeItem(1)
            for camera in cameras:
                self.camera.addItem(camera, camera)
            self.camera.setCurrentIndex(max(0, self.camera.findData(kept)))

    def _show_count(self) -> None:
        shown, every = len(self._controller.shown), len(self._controller.photos)
        texts = [tr("{shown} of {count}", shown=shown, count=every)]
        selected = len(self._strip.selected_keys())
        if selected > 1:
            texts.append(tr_count("{count} selected", "{count} selected", selected))
        self._count.setText(" · ".join(texts))
        self.clear.setEnabled(self._controller.library.arrangement.is_filtered)


class _GridList(qt.QListView):
    """The thumbnails in rows that fill the width."""

    chosen = Signal(object)  # QModelIndex

    def __init__(self, strip: FilmStrip) -> None:
        super().__init__()
        self._strip = strip
        self.setProperty("role", "strip")
        self.setAccessibleName(tr("Open photos"))
        self.setViewMode(qt.QListView.ViewMode.IconMode)
        self.setResizeMode(qt.QListView.ResizeMode.Adjust)
        self.setMovement(qt.QListView.Movement.Static)
        self.setFrameShape(qt.QFrame.Shape.NoFrame)
        self.setUniformItemSizes(True)
        self.setSelectionMode(qt.QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(qt.QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)  # the width must not depend on it
        self.setModel(strip.photos)
        self.setSelectionModel(strip.selection)
        self.setItemDelegate(_Delegate(strip, self))
        self.setGridSize(_CELL)
        self.activated.connect(self.chosen.emit)
        strip.thumbnails.arrived.connect(lambda key: self.update(strip.photos.index_of(key)))

    def resizeEvent(self, event: qt.QResizeEvent) -> None:
        width = self.viewport().width() - 2
        self.setGridSize(qt.QSize(width // max(1, width // _CELL.width()), _CELL.height()))
        super().resizeEvent(event)

    def showEvent(self, event: qt.QShowEvent) -> None:
        super().showEvent(event)
        self.scrollTo(self.currentIndex())

    def keyPressEvent(self, event: qt.QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._strip.close_selected()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit(self.currentIndex())
        elif event.key() == Qt.Key.Key_Escape:
            event.ignore()  # for the grid
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: qt.QContextMenuEvent) -> None:
        self._strip.show_menu(event.globalPos())


class _Delegate(qt.QStyledItemDelegate):
    """Draws a whole thumbnail with name, facts and status. Fast, because a large screen shows 200 cells."""

    def __init__(self, strip: FilmStrip, parent: qt.QObject) -> None:
        super().__init__(parent)
        self._strip = strip
        fonts = theme.interface_font(12), theme.interface_font(11)
        self._fonts = [(font, qt.QFontMetricsF(font)) for font in fonts]

    def sizeHint(self, option: qt.QStyleOptionViewItem, index: Any) -> qt.QSize:  # noqa: ARG002
        return self._list.gridSize()

    @property
    def _list(self) -> qt.QListView:
        found = self.parent()
        assert isinstance(found, qt.QListView)
        return found

    def paint(self, painter: qt.QPainter, option: qt.QStyleOptionViewItem, index: Any) -> None:
        photo: OpenPhoto | None = index.data(PHOTO)
        painter.save()
        painter.setRenderHints(qt.QPainter.RenderHint.Antialiasing | qt.QPainter.RenderHint.SmoothPixmapTransform)
        cell = qt.QRectF(option.rect).adjusted(3, 3, -3, -3)
        self._draw_cell(painter, cell, option.state)
        inner = cell.adjusted(_PAD, _PAD, -_PAD, -_PAD)
        place = inner.adjusted(0, 0, 0, -_TEXT)
        if photo is None:
            side = qt.QRectF(place.center().x() - 14, place.center().y() - 14, 28, 28)
            paint_icon(painter, side, "photos", theme.colour("second"))
            lines = (tr("Add photos"), "")
        else:
            self._draw_thumbnail(painter, place, photo)
            lines = (photo.name, captions.grid_line(photo))
        self._draw_text(painter, inner, lines)
        painter.restore()

    def _draw_cell(self, painter: qt.QPainter, cell: qt.QRectF, state: qt.QStyle.StateFlag) -> None:
        flags = qt.QStyle.StateFlag
        is_selected, is_current = bool(state & flags.State_Selected), bool(state & flags.State_HasFocus)
        if not (is_selected or is_current or state & flags.State_MouseOver):
            return
        ink = theme.colour("focus") if is_selected or is_current else theme.colour("hover")
        painter.setPen(qt.QPen(ink, 2 if is_selected else 1))
        painter.setBrush(theme.colour("selected" if is_selected else "hover"))
        painter.drawRoundedRect(cell, 6, 6)

    def _draw_thumbnail(self, painter: qt.QPainter, place: qt.QRectF, photo: OpenPhoto) -> None:
        small = self._strip.thumbnails.get_of(photo)
        if small is None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("well"))
            painter.drawRoundedRect(place, 4, 4)
            corner = place.topRight()
        else:
            share = min(place.width() / small.width(), place.height() / small.height())
            shown = qt.QRectF(0, 0, round(small.width() * share), round(small.height() * share))
            shown.moveCenter(place.center())
            painter.drawImage(shown, small)
            corner = shown.topRight()
        paint_status(painter, corner, photo.status)

    def _draw_text(self, painter: qt.QPainter, inner: qt.QRectF, lines: tuple[str, str]) -> None:
        for at, (text, (font, metrics)) in enumerate(zip(lines, self._fonts, strict=True)):
            painter.setFont(font)
            painter.setPen(theme.colour("second" if at else "text"))
            place = qt.QRectF(inner.left(), inner.bottom() - _TEXT + 6 + 18 * at, inner.width(), 18)
            elide = Qt.TextElideMode.ElideRight if at else Qt.TextElideMode.ElideMiddle
            shown = metrics.elidedText(text, elide, place.width())
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, shown)


def _choices(name: str, choices: list[tuple[str, Any]]) -> Dropdown:
    box = plain_combo(name)
    for text, value in choices:
        box.addItem(text, value)
    return box


def _range_text(unit: str, values: tuple[float, float]) -> str:
    """A range of whole numbers; the upper end of ISO is included."""
    low, high = values
    least = f"{low:g}"
    if high == math.inf:
        return tr("{unit} from {low}", unit=unit, low=least)
    most = f"{high - 1:g}" if unit == "ISO" else f"{high:g}"
    if not low:
        return tr("{unit} up to {high}", unit=unit, high=most)
    return tr("{unit} {low} to {high}", unit=unit, low=least, high=most)


def _sortings() -> dict[Sorting, str]:
    return {
        Sorting.OPENED: tr("Order of opening"),
        Sorting.NAME: tr("Name"),
        Sorting.TAKEN: tr("Capture time"),
        Sorting.NOISE: tr("Noise"),
        Sorting.ISO: tr("ISO"),
        Sorting.CAMERA: tr("Camera"),
        Sorting.STATUS: tr("State"),
    }
