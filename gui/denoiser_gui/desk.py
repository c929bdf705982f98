"""The desk: what is open, what is set, what is going on. Views listen to it and tell it what a person did."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from denoiser_gui.model.notices import Notice
from denoiser_gui.model.session import OpenPhoto, OpenPhotos
from denoiser_gui.qt import QObject, Signal
from denoiser_gui.worker import Lane


class Desk(QObject):
    """Lives in the GUI thread; hands all work to its lanes."""

    photos_changed = Signal()  # photos were opened or closed
    photo_changed = Signal(object)  # OpenPhoto: something was learnt of one
    current_changed = Signal(object)  # OpenPhoto or None: another one is looked at
    notice = Signal(object)  # Notice: show it
    solved = Signal(str)  # the key of a notice that is to go

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._photos = OpenPhotos()
        self.files = Lane("files", self)  # reading and writing, thumbnails

    @property
    def photos(self) -> tuple[OpenPhoto, ...]:
        """In the order of the strip."""
        return self._photos.all

    @property
    def current(self) -> OpenPhoto | None:
        """The photo that is looked at."""
        return self._photos.current

    def open(self, paths: Iterable[Path]) -> None:
        """Opens files, and the pictures in folders, and looks at the first of them."""
        opened = self._photos.add(paths)
        self.photos_changed.emit()
        if opened:
            self.look_at(opened[0].key)

    def look_at(self, key: int) -> None:
        """Makes this photo the current one."""
        self.current_changed.emit(self._photos.look_at(key))

    def close_photo(self, key: int) -> None:
        """Takes a photo off the strip."""
        self._photos.close(key)
        self.photos_changed.emit()
        self.current_changed.emit(self.current)

    def tell(self, notice: Notice) -> None:
        """Shows a banner."""
        self.notice.emit(notice)

    def stop(self) -> bool:
        """Ends all threads; whether they ended in time."""
        return self.files.stop()
