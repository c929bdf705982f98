"""The open photos in order, their data, and the current one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class PhotoStatus(Enum):
    """How far a photo is processed."""

    NEW = "new"  # never shown
    DRAFT = "draft"  # shown, and not saved with its current settings
    SAVED = "saved"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class OpenPhoto:
    """One photo of the film strip. *key* is constant while it is open; changes make a new value."""

    key: int
    path: Path | None  # None for pasted images
    name: str
    stage: PhotoStatus = PhotoStatus.NEW
    sigma: float | None = None  # measured noise in 8-bit units
    saved_as: Path | None = None
    problem: str = ""  # error message and hint
    hint: str = ""


class OpenPhotos:
    """The open photos in order. Not thread-safe; no Qt."""

    def __init__(self) -> None:
        self._photos: dict[int, OpenPhoto] = {}
        self._next = 1
        self.current: OpenPhoto | None = None

    @property
    def all(self) -> tuple[OpenPhoto, ...]:
        """All photos, in the order of the strip."""
        return tuple(self._photos.values())

    def find(self, key: int) -> OpenPhoto | None:
        """The photo with this key; None if it was closed."""
        return self._photos.get(key)

    def add(self, paths: Iterable[Path]) -> list[OpenPhoto]:
        """Add files that are not open yet; return the photos of all *paths*."""
        known = {photo.path: photo for photo in self.all if photo.path is not None}
        found = []
        for path in paths:
            if path not in known:
                known[path] = self._put(OpenPhoto(self._next, path, path.name))
            found.append(known[path])
        return found

    def add_pasted(self, name: str) -> OpenPhoto:
        """Add an image that has no file."""
        return self._put(OpenPhoto(self._next, None, name))

    def change(self, key: int, **facts: object) -> OpenPhoto | None:
        """Store new data of a photo; None if it was closed."""
        photo = self.find(key)
        if photo is None:
            return None
        self._photos[key] = changed = dataclasses.replace(photo, **facts)  # type: ignore[arg-type]
        if self.current is not None and self.current.key == key:
            self.current = changed
        return changed

    def look_at(self, key: int | None) -> OpenPhoto | None:
        """Make this photo current."""
        self.current = None if key is None else self._photos[key]
        return self.current

    def beside(self, step: int) -> OpenPhoto | None:
        """The photo *step* places further on, limited to the first and last one."""
        photos = self.all
        if not photos:
            return None
        at = next((i for i, photo in enumerate(photos) if photo == self.current), 0)
        return photos[min(max(at + step, 0), len(photos) - 1)]

    def close(self, key: int) -> OpenPhoto | None:
        """Close a photo; return the new current one."""
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
