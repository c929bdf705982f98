"""The settings of a photo, with undo and redo: each a frozen value, and a drag of a slider is one step."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from typing import Any

from denoiser.options import DenoiseOptions, ReadOptions, WriteOptions

_MOST_STEPS = 200
_ONE_GESTURE = 0.6  # seconds between changes of the same control that count as one


@dataclass(frozen=True, slots=True)
class PhotoSettings:
    """How a photo is cleaned and written."""

    denoise: DenoiseOptions = DenoiseOptions()
    write: WriteOptions = WriteOptions()

    def changed(self, **values: Any) -> PhotoSettings:
        """These with other values, by the names of the options; UsageError where one is out of range."""
        return PhotoSettings(_taken(self.denoise, values), _taken(self.write, values))

    def by_class(self) -> dict[type[Any], Any]:
        """As presets take them."""
        return {DenoiseOptions: self.denoise, ReadOptions: ReadOptions(), WriteOptions: self.write}


class SettingsHistory:
    """The settings now, and the way back and forth. One thread."""

    def __init__(self, start: PhotoSettings | None = None) -> None:
        self._past: list[PhotoSettings] = []
        self._future: list[PhotoSettings] = []
        self.now = start or PhotoSettings()
        self._last: tuple[frozenset[str], float] = (frozenset(), 0.0)

    @property
    def can_undo(self) -> bool:
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        return bool(self._future)

    def change(self, **values: Any) -> bool:
        """Takes other values; whether anything is different now.

        Quick changes of one control are one step back; going to its default is a step of its own.
        """
        changed = self.now.changed(**values)
        if changed == self.now:
            return False
        names, when = frozenset(values), time.monotonic()
        goes_on = self._last[0] == names and when - self._last[1] <= _ONE_GESTURE
        if self._future or not goes_on or changed == self.now.changed(**{name: _DEFAULTS[name] for name in names}):
            self._past = [*self._past, self.now][-_MOST_STEPS:]
        self._last = (names, when)
        self._future, self.now = [], changed
        return True

    def undo(self) -> bool:
        """One step back, if there is one."""
        if not self._past:
            return False
        self._future.append(self.now)
        self.now = self._past.pop()
        self._last = (frozenset(), 0.0)
        return True

    def redo(self) -> bool:
        """One step forth, if there is one."""
        if not self._future:
            return False
        self._past.append(self.now)
        self.now = self._future.pop()
        self._last = (frozenset(), 0.0)
        return True


_DEFAULTS = {
    field.name: field.default for kind in (DenoiseOptions, WriteOptions) for field in dataclasses.fields(kind)
}


def _taken(options: Any, values: dict[str, Any]) -> Any:
    known = {field.name for field in dataclasses.fields(options)}
    return dataclasses.replace(options, **{name: value for name, value in values.items() if name in known})
