"""The open photos in order, their data, and the current one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from denoiser.estimation.estimate import NoiseEstimate
    from denoiser.image import Image


class PhotoStatus(Enum):
    """How far a photo is processed."""

    NEW = "new"  # never shown
    UNSAVED = "unsaved"  # shown, and not saved with its current settings
    SAVED = "saved"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class OpenPhoto:
    """One photo of the film strip. *key* is constant while it is open; changes make a new value."""

    key: int
    path: Path | None  # None for pasted images
    name: str
    status: PhotoStatus = PhotoStatus.NEW
    noise: NoiseEstimate | None = field(default=None, compare=False)
    saved_as: Path | None = None
    problem: str = ""  # error message and hint
    hint: str = ""
    pasted: Image | None = field(default=None, compare=False)

    @property
    def sigma(self) -> float | None:
        """The estimated noise level, 0–255 scale."""
        return None if self.noise is None else self.noise.sigma


class OpenPhotos:
    """The open photos in order. Not thread-safe; no Qt."""

    def __init__(self) -> None:
        self._photos: dict[int, OpenPhoto] = {}
        self._next = 1
        self._current: int | None = None

    @property
    def all(self) -> tuple[OpenPhoto, ...]:
        """All photos, in the order of the strip."""
        return tuple(self._photos.values())

    @property
    def current(self) -> OpenPhoto | None:
        """The current photo."""
        return None if self._current is None else self._photos[self._current]

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

    def add_pasted(self, name: str, image: Image) -> OpenPhoto:
        """Add an image that has no file."""
        return self._put(OpenPhoto(self._next, None, name, pasted=image))

    def change(self, key: int, **values: object) -> OpenPhoto | None:
        """Store new data of a photo; None if it was closed."""
        if key not in self._photos:
            return None
        self._photos[key] = dataclasses.replace(self._photos[key], **values)  # type: ignore[arg-type]
        return self._photos[key]

    def make_current(self, key: int) -> OpenPhoto:
        """Make this photo current."""
        self._current = key
        return self._photos[key]

    def neighbour(self, step: int) -> OpenPhoto | None:
        """The photo *step* places further on; None at the ends."""
        keys = list(self._photos)
        at = keys.index(self._current) + step if self._current is not None else 0
        return self._photos[keys[at]] if 0 <= at < len(keys) else None

    def close(self, key: int) -> OpenPhoto | None:
        """Close a photo; return the new current one."""
        if key == self._current:
            neighbour = self.neighbour(1) or self.neighbour(-1)
            self._current = None if neighbour is None else neighbour.key
        del self._photos[key]
        return self.current

    def _put(self, photo: OpenPhoto) -> OpenPhoto:
        self._photos[photo.key] = photo
        self._next += 1
        return photo
