"""Reads the headers of sources for a plan, and the settings of each."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Protocol

from denoiser.batch.discover import FoundFile
from denoiser.batch.file_settings import FileSettings
from denoiser.batch.history import History, StampOf
from denoiser.batch.layout import SourceInfo
from denoiser.batch.manifest import Relative
from denoiser.batch.settings import Settings
from denoiser.batch.work import BatchWork
from denoiser.errors import DenoiserError, UsageError
from denoiser.events import CancelToken
from denoiser.storage import Url


class Place(Protocol):
    """Where outputs go, the records that are there, and the work."""

    @property
    def out(self) -> Path: ...

    @property
    def history(self) -> History: ...

    @property
    def work(self) -> BatchWork[Any, Any, Any]: ...


# Bytes per megapixel of camera files, for the progress, and so that few large images are decoded at the same time.
_SMALL, _LARGE = 4e5, 3e6
_SMALL_SUFFIXES = frozenset({".jpg", ".jpeg", ".webp", ".avif", ".heic", ".heif", ".jxl", ".dlf"})


class HeaderReader:
    """Reads the header of each source, unless a record has its content already; adds the settings of the file."""

    def __init__(self, place: Place, settings: Settings, cancel: CancelToken, stamps: StampOf) -> None:
        self._stamps = stamps
        self._history = place.history
        self._settings = settings
        self._work = place.work
        self._cancel = cancel
        self._relative = Relative(place.out)
        self._key = settings.key
        self.own = FileSettings(settings)

    def __call__(self, find: FoundFile) -> SourceInfo:
        self._cancel.raise_if_cancelled()
        try:
            own = self.own(find.path, find.below)
            digest = self.own.digest_of(own) if own else ""
        except DenoiserError as error:
            return dataclasses.replace(self._work.guess(find, self._settings), problem=error)
        batch = self._settings.batch
        if batch.rename or batch.flat:
            info = (
                self._guessed(find)
                if isinstance(find.path, Url)
                else self._work.inspect(find, own or self._settings)
            )
            info = dataclasses.replace(info, settings=own, digest=digest)
            return dataclasses.replace(info, earlier=self._history.by_source.get(self._relative(find.path), ""))
        remembered = self._remembered(find, own.key if own else self._key)
        if remembered is None and isinstance(find.path, Url):
            return self._guessed(find)
        info = remembered or self._work.inspect(find, own or self._settings)
        return dataclasses.replace(info, settings=own, digest=digest)

    def _guessed(self, find: FoundFile) -> SourceInfo:
        """Return what name and size of an object tell, without reading it."""
        info, stamp = self._work.guess(find, self._settings), self._stamps(find.path)
        per_megapixel = _SMALL if find.path.suffix.lower() in _SMALL_SUFFIXES else _LARGE
        return dataclasses.replace(info, megapixels=round(stamp.size / per_megapixel, 3) if stamp else 0.0)

    def _remembered(self, find: FoundFile, key: str) -> SourceInfo | None:
        """Return what the header contained when an output was made from this unchanged file."""
        if not self._history.by_source:
            return None
        target = self._history.by_source.get(self._relative(find.path))
        past = self._history.of(target) if target is not None else None
        if target is None or past is None or past.done is None or past.done["options"] != key:
            return None
        if past.source_stamp is None or past.source_stamp != self._stamps(find.path):
            return None
        try:
            row = self._work.row(Path(target))
        except UsageError:
            return None  # a format that is not written here
        series = past.done.get("facts", {}).get("series", "")
        return SourceInfo(
            find.path, find.below, row, past.done["megapixels"], series if isinstance(series, str) else ""
        )
