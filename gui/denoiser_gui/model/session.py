"""What is open in the window: photos in their order, what is known of each, and the one that is looked at."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class PhotoStatus(Enum):
    """How far a photo is."""

    NEW = "new"  # not looked at yet
    DRAFT = "draft"  # looked at, and not saved as it is now
    SAVED = "saved"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class OpenPhoto:
    """One photo of the strip. *key* stays the same while it is open; the rest is replaced as it is learnt."""

    key: int
    path: Path | None  # None: pasted, and in no file
    name: str
    stage: PhotoStatus = PhotoStatus.NEW
    sigma: float | None = None  # measured noise in 8-bit units
    saved_as: Path | None = None
    problem: str = ""  # why it failed, and what to do
    hint: str = ""


class OpenPhotos:
    """The photos of the window in their order. One thread; plain, and tested without a window."""

    def __init__(self) -> None:
        self._photos: dict[int, OpenPhoto] = {}
        self._next = 1
        self.current: OpenPhoto | None = None

    @property
    def all(self) -> tuple[OpenPhoto, ...]:
        """In the order of the strip."""
        return tuple(self._photos.values())

    def find(self, key: int) -> OpenPhoto | None:
        """The photo as it is known now; None when it was closed."""
        return self._photos.get(key)

    def add(self, paths: Iterable[Path]) -> list[OpenPhoto]:
        """Opens files that are not open yet; gives those that *paths* name, open before or not."""
        known = {photo.path: photo for photo in self.all if photo.path is not None}
        found = []
        for path in paths:
            if path not in known:
                known[path] = self._put(OpenPhoto(self._next, path, path.name))
            found.append(known[path])
        return found

    def add_pasted(self, name: str) -> OpenPhoto:
        """Opens a picture that is in no file."""
        return self._put(OpenPhoto(self._next, None, name))

    def change(self, key: int, **facts: object) -> OpenPhoto | None:
        """Notes what was learnt; None when the photo was closed meanwhile."""
        photo = self.find(key)
        if photo is None:
            return None
        self._photos[key] = changed = dataclasses.replace(photo, **facts)  # type: ignore[arg-type]
        if self.current is not None and self.current.key == key:
            self.current = changed
        return changed

    def look_at(self, key: int | None) -> OpenPhoto | None:
        """Makes this photo the current one."""
        self.current = None if key is None else self._photos[key]
        return self.current

    def beside(self, step: int) -> OpenPhoto | None:
        """The photo that is *step* places further on; the last or first one at the ends."""
        photos = self.all
        if not photos:
            return None
        at = next((i for i, photo in enumerate(photos) if photo == self.current), 0)
        return photos[min(max(at + step, 0), len(photos) - 1)]

    def close(self, key: int) -> OpenPhoto | None:
        """Takes a photo off the strip; gives the one to look at now."""
        neighbour = self.beside(1) if self.current is not None and self.current.key == key else self.current
        if neighbour is not None and neighbour.key == key:
            neighbour = self.beside(-1)
        del self._photos[key]
        self.current = None if neighbour is None or neighbour.key == key else neighbour
        return self.current

    def _put(self, photo: OpenPhoto) -> OpenPhoto:
        self._photos[photo.key] = photo
        self._next += 1
        return photo
