"""The film strip: the open photos with noise level and status; a row of names in a narrow window."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from denoiser.errors import DenoiserError
from denoiser_gui import qt
from denoiser_gui.controller import Controller
from denoiser_gui.model import captions
from denoiser_gui.model.notices import hint_of, message_of
from denoiser_gui.model.open_photos import OpenPhoto, PhotoStatus
from denoiser_gui.qt import Qt, Signal, show_folder
from denoiser_gui.translation import tr, tr_count
from denoiser_gui.view import theme
from denoiser_gui.view.icons import paint_icon
from denoiser_gui.view.thumbnails import Key, Thumbnails, framed, paint_status, transparent, untinted
from denoiser_gui.view.widgets import column, styled

Index = qt.QModelIndex | qt.QPersistentModelIndex
PHOTO = Qt.ItemDataRole.UserRole  # OpenPhoto; None for the last row, which adds photos
_FRAME = qt.QSize(118, 80)  # of a thumbnail
_CELL = qt.QSize(130, 114)
_NAME_CELL = qt.QSize(170, 26)
_DOT = qt.QSize(8, 8)
_DOTS = {PhotoStatus.SAVED: "good", PhotoStatus.FAILED: "bad", PhotoStatus.UNSAVED: "accent"}
_NO_INDEX = qt.QModelIndex()


class PhotoModel(qt.QAbstractListModel):
    """One row per photo in the order of the strip, and one to add photos."""

    def __init__(self, thumbnails: Thumbnails, parent: qt.QObject) -> None:
        super().__init__(parent)
        self._thumbnails = thumbnails
        self._photos: list[OpenPhoto] = []
        self._rows: dict[Key, int] = {}  # by key and by path
        self.is_narrow = False  # dots instead of thumbnails

    def rowCount(self, parent: Index = _NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self._photos) + 1

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        photo = self.photo_at(index)
        match role:
            case Qt.ItemDataRole.UserRole:
                return photo
            case Qt.ItemDataRole.DisplayRole:
                return captions.short_caption(photo) if photo else tr("Add photos")
            case Qt.ItemDataRole.SizeHintRole:
                return _NAME_CELL if self.is_narrow else _CELL - qt.QSize(4, 4)  # with a gap
            case Qt.ItemDataRole.FontRole:
                return theme.interface_font(12 if self.is_narrow else 10)
            case Qt.ItemDataRole.DecorationRole:
                return self._decoration(photo)
            case Qt.ItemDataRole.ToolTipRole:
                return captions.full_caption(photo) if photo else tr("Add photos")
            case Qt.ItemDataRole.AccessibleTextRole:
                return captions.full_caption(photo).replace("\n", ", ") if photo else tr("Add photos")
        return None

    def put(self, photos: tuple[OpenPhoto, ...]) -> None:
        """Show these photos; appends rows if only new photos were added."""
        new, old = list(photos), self._photos
        if old and new[: len(old)] == old and len(new) > len(old):
            self.beginInsertRows(_NO_INDEX, len(old), len(new) - 1)
            self._store(new)
            self.endInsertRows()
        elif new != old:
            self.beginResetModel()
            self._store(new)
            self.endResetModel()

    def _store(self, photos: list[OpenPhoto]) -> None:
        self._photos = photos
        self._rows = {photo.key: row for row, photo in enumerate(photos)}
        self._rows |= {photo.path: row for row, photo in enumerate(photos) if photo.path is not None}

    def change(self, photo: OpenPhoto) -> None:
        """Update one photo."""
        at = self.index_of(photo.key)
        if at.isValid():
            self._photos[at.row()] = photo
            self.dataChanged.emit(at, at)

    def index_of(self, key: Key) -> qt.QModelIndex:
        """The index of a photo, by key or file; invalid if it is not shown."""
        return self.index(self._rows.get(key, -1))

    def photo_at(self, index: Index) -> OpenPhoto | None:
        """The photo of a row; None for the last row."""
        return self._photos[index.row()] if 0 <= index.row() < len(self._photos) else None

    def _decoration(self, photo: OpenPhoto | None) -> qt.QIcon:
        """The thumbnail with a badge for the status: a tick, a warning, or a dot for unsaved photos."""
        if self.is_narrow:
            dot = "text" if photo is None else _DOTS.get(photo.status, "track")
            return _dot(theme.colour(dot).name(), theme.scale())
        pixmap = framed(self._thumbnails.get_of(photo) if photo is not None else None, _FRAME)
        painter = qt.QPainter(pixmap)
        painter.setRenderHint(qt.QPainter.RenderHint.Antialiasing)
        if photo is None:
            centre = qt.QRectF(_FRAME.width() / 2 - 10, _FRAME.height() / 2 - 10, 20, 20)
            paint_icon(painter, centre, "photos", theme.colour("second"))
        else:
            paint_status(painter, qt.QPointF(_FRAME.width(), 0), photo.status)
        painter.end()
        return untinted(pixmap)


@cache
def _dot(colour: str, _scale: float) -> qt.QIcon:
    """A dot in #rrggbb."""
    pixmap = transparent(_DOT)
    painter = qt.QPainter(pixmap)
    painter.setRenderHint(qt.QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(qt.QColor(colour))
    painter.drawEllipse(qt.QRectF(1, 1, 6, 6))
    painter.end()
    return untinted(pixmap)


class FilmStrip(qt.QWidget):
    """Shows the open photos and selects the current one by keyboard, wheel or mouse."""

    open_requested = Signal()
    batch_requested = Signal(object)  # list[Path]
    selection_changed = Signal(int)  # number of selected photos
    shown_requested = Signal()  # show the current photo
    save_requested = Signal(object)  # OpenPhoto

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._controller = controller
        self.thumbnails = Thumbnails(controller)  # shared with other widgets
        self.menu_actions: list[qt.QAction] = []  # for the selected photos, from the window
        self.photos = PhotoModel(self.thumbnails, self)
        self._view = _StripView(self)
        self._view.setModel(self.photos)
        self.selection = self._view.selectionModel()  # shared with the grid
        styled(self, "strip")
        self.setSizePolicy(qt.QSizePolicy.Policy.Expanding, qt.QSizePolicy.Policy.Fixed)
        self.setLayout(column(self._view))
        self.set_narrow(False)
        self._connect()

    def selected_paths(self) -> list[Path]:
        """The files of the selected photos, in the order of the strip."""
        return [photo.path for photo in self._selected() if photo.path is not None]

    def selected_keys(self) -> list[int]:
        """The keys of the selected photos, in the order of the strip."""
        return [photo.key for photo in self._selected()]

    def select_all(self) -> None:
        """Select all photos; the current one stays."""
        flags = qt.QItemSelectionModel.SelectionFlag.Select
        last = self.photos.index(len(self._controller.shown) - 1)
        if last.isValid():
            self.selection.select(qt.QItemSelection(self.photos.index(0), last), flags)

    def set_narrow(self, narrow: bool) -> None:
        """Switch between thumbnails and names."""
        self.photos.is_narrow = narrow
        self._view.setViewMode(qt.QListView.ViewMode.ListMode if narrow else qt.QListView.ViewMode.IconMode)
        self._view.setIconSize(_DOT if narrow else _FRAME)
        self._view.setGridSize(_NAME_CELL if narrow else _CELL)
        self._show_height()

    def resizeEvent(self, event: qt.QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.window().width() < theme.NARROW
        if narrow != self.photos.is_narrow:
            self.set_narrow(narrow)

    def close_selected(self) -> None:
        """Close the selected photos; their files are not touched."""
        self._controller.close_photos(self.selected_keys())

    def menu(self) -> qt.QMenu | None:
        """The context menu of the selected photos; None without a selection."""
        count, paths = len(self._selected()), self.selected_paths()
        if not count:
            return None
        menu = qt.QMenu(self)
        if count == 1:
            menu.addAction(tr("Open")).triggered.connect(self.shown_requested.emit)
            photo = self._selected()[0]
            save = menu.addAction(tr("Save"))
            save.triggered.connect(lambda: self.save_requested.emit(photo))
            save.setEnabled(photo.status is not PhotoStatus.FAILED)
        add = menu.addAction(tr_count("Add to batch", "Add {count} photos to batch", count))
        add.triggered.connect(lambda: self.batch_requested.emit(paths))
        menu.addActions(self.menu_actions)
        if len(paths) == 1:
            menu.addAction(tr("Show in folder")).triggered.connect(lambda: show_folder(paths[0].parent))
        menu.addSeparator()
        close = menu.addAction(tr_count("Remove from list", "Remove {count} photos from list", count))
        close.triggered.connect(self.close_selected)
        return menu

    def show_menu(self, place: qt.QPoint) -> None:
        """Show the context menu at a point of the screen."""
        menu = self.menu()
        if menu is not None:
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(place)

    def _connect(self) -> None:
        controller, selection = self._controller, self.selection
        controller.library.changed.connect(self._show_photos)
        controller.photos_changed.connect(self._show_photos)
        controller.photo_changed.connect(self.photos.change)
        controller.current_changed.connect(self._show_current)
        self.thumbnails.arrived.connect(lambda key: self._view.update(self.photos.index_of(key)))
        self.thumbnails.failed.connect(self._note_failure)
        self.thumbnails.noise_estimated.connect(self._note_noise)
        selection.currentChanged.connect(self._make_current)
        selection.selectionChanged.connect(lambda *_: self.selection_changed.emit(len(self._selected())))
        self._view.activated.connect(self._activate)
        self._view.clicked.connect(self._activate)

    def _show_height(self) -> None:
        """Set the height; zero while no photo is open."""
        height = theme.STRIP_OF_NAMES if self.photos.is_narrow else theme.STRIP
        self.setFixedHeight(height if self._controller.photos else 0)

    def _show_photos(self) -> None:
        photos = self._controller.photos
        self._show_height()
        self._put(self._controller.shown)
        self.thumbnails.estimate_noise([photo.path for photo in photos if photo.path and photo.noise is None])

    def _put(self, photos: tuple[OpenPhoto, ...]) -> None:
        """Show photos; those that were selected stay selected."""
        kept = self.selected_keys()
        self.photos.put(photos)
        self._show_current(self._controller.current)
        chosen = qt.QItemSelection()
        for at in map(self.photos.index_of, kept):
            if at.isValid():
                chosen.select(at, at)
        self.selection.select(chosen, qt.QItemSelectionModel.SelectionFlag.Select)

    def _show_current(self, photo: OpenPhoto | None) -> None:
        at = self.photos.index_of(photo.key) if photo is not None else _NO_INDEX
        if at.isValid():
            if at != self._view.currentIndex():
                flags = qt.QItemSelectionModel.SelectionFlag.ClearAndSelect
                self.selection.setCurrentIndex(at, flags)
            self._view.scrollTo(at)

    def _make_current(self, at: qt.QModelIndex) -> None:
        photo, current = self.photos.photo_at(at), self._controller.current
        if photo is not None and (current is None or current.key != photo.key):
            self._controller.show_photo(photo.key)

    def _activate(self, at: qt.QModelIndex) -> None:
        if self.photos.photo_at(at) is None:
            self.open_requested.emit()

    def _note_failure(self, path: Path, error: DenoiserError) -> None:
        for photo in self._controller.photos:
            if photo.path == path:
                values = {"problem": message_of(error), "hint": hint_of(error)}
                self._controller.update_photo(photo.key, status=PhotoStatus.FAILED, **values)

    def _note_noise(self, path: Path, noise: Any) -> None:
        for photo in self._controller.photos:
            if photo.path == path and photo.noise is None:
                self._controller.update_photo(photo.key, noise=noise)

    def _selected(self) -> list[OpenPhoto]:
        rows = sorted(self.selection.selectedIndexes(), key=lambda at: at.row())
        return [photo for at in rows if (photo := self.photos.photo_at(at)) is not None]


class _StripView(qt.QListView):
    """A horizontal list that scrolls with the wheel; Delete closes the selected photos."""

    def __init__(self, strip: FilmStrip) -> None:
        super().__init__(strip)
        self._strip = strip
        self.setProperty("role", "strip")
        self.setAccessibleName(tr("Open photos"))
        self.setFlow(qt.QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setMovement(qt.QListView.Movement.Static)
        self.setFrameShape(qt.QFrame.Shape.NoFrame)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setSelectionMode(qt.QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollMode(qt.QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setViewportMargins(4, 4, 4, 0)
        self.setUniformItemSizes(True)  # measuring one item is enough for thousands

    def wheelEvent(self, event: qt.QWheelEvent) -> None:
        turned = event.pixelDelta() if not event.pixelDelta().isNull() else event.angleDelta()
        bar = self.horizontalScrollBar()
        bar.setValue(bar.value() - (turned.x() or turned.y()))
        event.accept()

    def keyPressEvent(self, event: qt.QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._strip.close_selected()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: qt.QContextMenuEvent) -> None:
        self._strip.show_menu(event.globalPos())
