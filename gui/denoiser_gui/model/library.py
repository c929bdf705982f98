"""Order and selection of the open photos: facts from their files, sorting and filtering. No Qt."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from denoiser.errors import DenoiserError
from denoiser_gui.model.latent import is_latent
from denoiser_gui.model.open_photos import OpenPhoto, PhotoFacts, PhotoStatus

Range = tuple[float, float]  # the first value is included, the second is not
_ORDER = tuple(PhotoStatus)
_DIGITS = re.compile(r"(\d+)")


class Sorting(Enum):
    """What photos are sorted by."""

    OPENED = "opened"
    NAME = "name"
    TAKEN = "taken"
    NOISE = "noise"
    ISO = "iso"
    CAMERA = "camera"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Which photos are shown, and in which order."""

    sorting: Sorting = Sorting.OPENED
    is_descending: bool = False
    camera: str = ""  # "" for all
    iso: Range | None = None
    noise: Range | None = None
    status: PhotoStatus | None = None

    @property
    def is_filtered(self) -> bool:
        """Whether photos may be left out."""
        return bool(self.camera or self.iso or self.noise or self.status)

    def of(self, photos: Iterable[OpenPhoto]) -> tuple[OpenPhoto, ...]:
        """The photos that are shown, in order; those without a value are last, in either direction."""
        shown = [photo for photo in photos if self._shows(photo)]
        key = _KEYS.get(self.sorting)
        if key is None:
            return tuple(reversed(shown) if self.is_descending else shown)
        known = [photo for photo in shown if key(photo) is not None]
        unknown = [photo for photo in shown if key(photo) is None]
        return (*sorted(known, key=key, reverse=self.is_descending), *unknown)

    def _shows(self, photo: OpenPhoto) -> bool:
        facts = photo.facts or PhotoFacts()
        return (
            self.camera in ("", facts.camera)
            and _is_in(facts.iso or None, self.iso)
            and _is_in(photo.sigma, self.noise)
            and self.status in (None, photo.status)
        )


def read_facts(path: Path) -> PhotoFacts:
    """Camera, ISO and time from the header of a file; empty where there are none."""
    from denoiser import imageio
    from denoiser.imageio.containers import exif

    try:
        header = None if is_latent(path) else imageio.probe(path)
    except DenoiserError:  # the thumbnail reports unreadable files
        header = None
    if header is None:
        return PhotoFacts()
    camera, iso = header.shot
    return PhotoFacts(camera, iso, exif.summary(header.exif).get("taken", ""))


def _is_in(value: float | None, wanted: Range | None) -> bool:
    return wanted is None or (value is not None and wanted[0] <= value < wanted[1])


def _natural(name: str) -> list[Any]:
    """A key that sorts "a2" before "a10"."""
    return [(not part.isdigit(), int(part) if part.isdigit() else part.lower()) for part in _DIGITS.split(name)]


_KEYS: dict[Sorting, Callable[[OpenPhoto], Any]] = {
    Sorting.NAME: lambda photo: _natural(photo.name),
    Sorting.TAKEN: lambda photo: (photo.facts and photo.facts.taken) or None,
    Sorting.NOISE: lambda photo: photo.sigma,
    Sorting.ISO: lambda photo: (photo.facts and photo.facts.iso) or None,
    Sorting.CAMERA: lambda photo: (photo.facts and photo.facts.camera) or None,
    Sorting.STATUS: lambda photo: _ORDER.index(photo.status),
}
