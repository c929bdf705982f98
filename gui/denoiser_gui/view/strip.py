"""The film strip: the open photos with noise level and status; a row of names in a narrow window."""

from __future__ import annotations

from pathlib import Path

from denoiser.errors import DenoiserError
from denoiser_gui.controller import Controller
from denoiser_gui.model.notices import hint_of, message_of
from denoiser_gui.model.open_photos import OpenPhoto, PhotoStatus
from denoiser_gui.qt import (
    QAbstractItemView,
    QAction,
    QContextMenuEvent,
    QFrame,
    QItemSelectionModel,
    QKeyEvent,
    QListView,
    QMenu,
    QModelIndex,
    QResizeEvent,
    QSizePolicy,
    Qt,
    QVBoxLayout,
    QWheelEvent,
    QWidget,
    Signal,
)
from denoiser_gui.view import theme
from denoiser_gui.view.photo_list import FrameDelegate, NameDelegate, PhotoList
from denoiser_gui.view.thumbnails import Thumbnails
from denoiser_gui.view.widgets import show_folder
from denoiser_gui.words import tr, tr_count


class Strip(QWidget):
    """Shows the open photos and selects the current one by keyboard, wheel or mouse."""

    open_wanted = Signal()
    batch_wanted = Signal(object)  # list[Path]
    selection_changed = Signal(int)  # number of selected photos

    def __init__(
        self, controller: Controller, thumbnails: Thumbnails | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._controller = controller
        self._thumbnails = thumbnails or Thumbnails(controller)
        self._photos = PhotoList(self)
        self._frames = FrameDelegate(self._thumbnails, self)
        self._names = NameDelegate(self)
        self._view = _View(self)
        self._view.setModel(self._photos)
        self._view.setItemDelegate(self._frames)
        self._view.setAccessibleName(tr("Open photos"))
        self.setProperty("role", "strip")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._show_height()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)
        self._listen()

    @property
    def thumbnails(self) -> Thumbnails:
        """The thumbnails, shared with other widgets."""
        return self._thumbnails

    def selected_paths(self) -> list[Path]:
        """The files of the selected photos, in the order of the strip."""
        return [photo.path for photo in self._selected() if photo.path is not None]

    def set_narrow(self, narrow: bool) -> None:
        """Switch between thumbnails and names."""
        self._view.setItemDelegate(self._names if narrow else self._frames)
        self._view.setUniformItemSizes(not narrow)  # measuring one item is enough for thousands
        self._show_height()
        self._view.doItemsLayout()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.window().width() < theme.NARROW
        if narrow != (self._view.itemDelegate() is self._names):
            self.set_narrow(narrow)

    def _listen(self) -> None:
        self._controller.photos_changed.connect(self._show_photos)
        self._controller.photo_changed.connect(self._photos.change)
        self._controller.current_changed.connect(self._show_current)
        self._controller.picture_ready.connect(lambda _key: self._view.viewport().update())
        self._thumbnails.arrived.connect(lambda _path: self._view.viewport().update())
        self._thumbnails.failed.connect(self._note_failure)
        self._thumbnails.measured.connect(self._note_noise)
        self._view.selectionModel().currentChanged.connect(self._look_at)
        self._view.selectionModel().selectionChanged.connect(
            lambda *_: self.selection_changed.emit(len(self._selected()))
        )
        self._view.activated.connect(self._activate)
        self._view.clicked.connect(self._activate)
        theme.current().changed.connect(self._view.viewport().update)

    def _show_height(self) -> None:
        """Set the height; zero while no photo is open."""
        height = theme.STRIP_OF_NAMES if self._view.itemDelegate() is self._names else theme.STRIP
        self.setFixedHeight(height if self._controller.photos else 0)

    def _show_photos(self) -> None:
        self._show_height()
        self._photos.put(self._controller.photos)
        self._show_current(self._controller.current)
        unknown = [
            photo.path for photo in self._controller.photos if photo.sigma is None and photo.path is not None
        ]
        self._thumbnails.measure(unknown)

    def _show_current(self, photo: OpenPhoto | None) -> None:
        row = self._photos.row_of(photo.key) if photo else None
        if row is None:
            return
        at = self._photos.index(row)
        if at != self._view.currentIndex():
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect
            self._view.selectionModel().setCurrentIndex(at, flags)
        self._view.scrollTo(at)

    def _look_at(self, at: QModelIndex) -> None:
        photo = self._photos.photo_at(at)
        current = self._controller.current
        if photo is not None and (current is None or current.key != photo.key):
            self._controller.look_at(photo.key)

    def _activate(self, at: QModelIndex) -> None:
        if self._photos.photo_at(at) is None:
            self.open_wanted.emit()

    def _note_failure(self, path: Path, error: DenoiserError) -> None:
        for photo in self._of(path):
            self._controller.update_photo(
                photo.key, stage=PhotoStatus.FAILED, problem=message_of(error), hint=hint_of(error)
            )

    def _note_noise(self, path: Path, sigma: float) -> None:
        for photo in self._of(path):
            if photo.sigma is None:
                self._controller.update_photo(photo.key, sigma=sigma)

    def _of(self, path: Path) -> list[OpenPhoto]:
        return [photo for photo in self._controller.photos if photo.path == path]

    def _selected(self) -> list[OpenPhoto]:
        rows = sorted(self._view.selectionModel().selectedIndexes(), key=lambda at: at.row())
        return [photo for at in rows if (photo := self._photos.photo_at(at)) is not None]

    def close_selected(self) -> None:
        """Close the selected photos; their files are not touched."""
        for photo in self._selected():
            self._controller.close_photo(photo.key)

    def menu(self) -> QMenu | None:
        """The context menu of the selected photos; None without a selection."""
        photos = self._selected()
        if not photos:
            return None
        menu = QMenu(self)
        paths = self.selected_paths()
        count = len(photos)
        _add(menu, tr_count("Add to batch", "Add {count} photos to batch", count)).triggered.connect(
            lambda: self.batch_wanted.emit(paths)
        )
        if len(paths) == 1:
            _add(menu, tr("Show in folder")).triggered.connect(lambda: show_folder(paths[0].parent))
        menu.addSeparator()
        _add(menu, tr_count("Close photo", "Close {count} photos", count)).triggered.connect(self.close_selected)
        return menu


def _add(menu: QMenu, text: str) -> QAction:
    return menu.addAction(text)


class _View(QListView):
    """A horizontal list that scrolls with the wheel; Delete closes the selected photos."""

    def __init__(self, strip: Strip) -> None:
        super().__init__(strip)
        self._strip = strip
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setMouseTracking(True)
        self.setUniformItemSizes(True)

    def wheelEvent(self, event: QWheelEvent) -> None:
        turned = event.pixelDelta() if not event.pixelDelta().isNull() else event.angleDelta()
        bar = self.horizontalScrollBar()
        bar.setValue(bar.value() - (turned.x() or turned.y()))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._strip.close_selected()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = self._strip.menu()
        if menu is not None:
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(event.globalPos())
