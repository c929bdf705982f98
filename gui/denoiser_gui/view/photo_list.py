"""List model of the open photos; the last row adds more."""

from __future__ import annotations

from denoiser_gui.model import captions
from denoiser_gui.model.open_photos import OpenPhoto
from denoiser_gui.qt import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from denoiser_gui.words import tr

Index = QModelIndex | QPersistentModelIndex
PHOTO = Qt.ItemDataRole.UserRole  # OpenPhoto; None for the last row
_NOWHERE = QModelIndex()


class PhotoList(QAbstractListModel):
    """One row per photo in the order of the strip, and one to add photos."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._photos: list[OpenPhoto] = []

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() or not self._photos else len(self._photos) + 1

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or index.row() > len(self._photos):
            return None
        photo = self._photos[index.row()] if index.row() < len(self._photos) else None
        if role == PHOTO:
            return photo
        if role == Qt.ItemDataRole.DisplayRole:
            return photo.name if photo else tr("Add photos")
        if role == Qt.ItemDataRole.ToolTipRole:
            return captions.in_full(photo) if photo else tr("Add photos")
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return captions.in_full(photo).replace("\n", ", ") if photo else tr("Add photos")
        return None

    def put(self, photos: tuple[OpenPhoto, ...]) -> None:
        """Show these photos; appends rows if only new photos were added."""
        new, old = list(photos), self._photos
        if new[: len(old)] == old and old and len(new) > len(old):
            self.beginInsertRows(QModelIndex(), len(old), len(new) - 1)
            self._photos = new
            self.endInsertRows()
            return
        self.beginResetModel()
        self._photos = new
        self.endResetModel()

    def change(self, photo: OpenPhoto) -> None:
        """Update one photo."""
        row = self.row_of(photo.key)
        if row is not None:
            self._photos[row] = photo
            at = self.index(row)
            self.dataChanged.emit(at, at)

    def row_of(self, key: int) -> int | None:
        """The row of a photo."""
        return next((row for row, photo in enumerate(self._photos) if photo.key == key), None)

    def photo_at(self, index: Index) -> OpenPhoto | None:
        """The photo of a row; None for the last row."""
        found = self.data(index, PHOTO)
        return found if isinstance(found, OpenPhoto) else None
