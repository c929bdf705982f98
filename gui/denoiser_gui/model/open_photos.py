"""The open photos in order, their data, and the current one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
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
class PhotoFacts:
    """What the header of a file says about a photo; empty where unknown."""

    camera: str = ""
    iso: int = 0
    taken: str = ""  # as EXIF stores it, so that text order is time order


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
    facts: PhotoFacts | None = field(default=None, compare=False)  # None until they are read
    pasted: Image | None = field(default=None, compare=False)

    @property
    def sigma(self) -> float | None:
        """The estimated noise level, 0–255 scale."""
        return None if self.noise is None else self.noise.sigma


Arranged = Callable[[tuple[OpenPhoto, ...]], tuple[OpenPhoto, ...]]


class OpenPhotos:
    """The open photos in order. Not thread-safe; no Qt."""

    def __init__(self) -> None:
        self._photos: dict[int, OpenPhoto] = {}
        self._next = 1
        self._current: int | None = None
        self._arranged: Arranged = tuple
        self._shown: list[int] = []  # keys

    @property
    def all(self) -> tuple[OpenPhoto, ...]:
        """All photos, in the order of opening."""
        return tuple(self._photos.values())

    @property
    def shown(self) -> tuple[OpenPhoto, ...]:
        """The photos of the strip and the grid, in their order."""
        return tuple(self._photos[key] for key in self._shown if key in self._photos)

    def arrange(self, arranged: Arranged | None = None) -> None:
        """Sort and filter the photos, as before or by another function; new photos are arranged at once."""
        self._arranged = arranged or self._arranged
        self._shown = [photo.key for photo in self._arranged(self.all)]

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
        self.arrange()
        return found

    def add_pasted(self, name: str, image: Image) -> OpenPhoto:
        """Add an image that has no file."""
        photo = self._put(OpenPhoto(self._next, None, name, pasted=image))
        self.arrange()
        return photo

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
        """The shown photo *step* places further on; None at the ends. The first one if the current is not shown."""
        shown = self.shown
        keys = [photo.key for photo in shown]
        at = keys.index(self._current) + step if self._current in keys else 0
        return shown[at] if 0 <= at < len(shown) else None

    def close(self, key: int) -> OpenPhoto | None:
        """Close a photo; return the new current one."""
        if key == self._current:
            others = (photo for photo in self.all if photo.key != key)
            neighbour = self.neighbour(1) or self.neighbour(-1) or next(others, None)
            self._current = None if neighbour is None else neighbour.key
        del self._photos[key]
        return self.current

    def _put(self, photo: OpenPhoto) -> OpenPhoto:
        self._photos[photo.key] = photo
        self._next += 1
        return photo
