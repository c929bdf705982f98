"""The settings of a photo with undo and redo, and the `denoise` command that does the same.

Dragging a slider is one step.
"""

from __future__ import annotations

import dataclasses
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from denoiser.options import DenoiseOptions, ReadOptions, WriteOptions, controls
from denoiser_gui.model.mask import Mask

_MOST_STEPS = 200
_ONE_GESTURE = 0.6  # seconds between changes of one control that count as one step


@dataclass(frozen=True, slots=True)
class PhotoSettings:
    """Denoising and output options of a photo."""

    denoise: DenoiseOptions = DenoiseOptions()
    write: WriteOptions = WriteOptions()
    mask: Mask | None = None

    def changed(self, **values: Any) -> PhotoSettings:
        """Copy with other values by option name; raises UsageError if a value is out of range."""
        return PhotoSettings(_with_known(self.denoise, values), _with_known(self.write, values), self.mask)

    def over(self, before: PhotoSettings) -> PhotoSettings:
        """These settings for another photo, which had others: it gets gradients, and else keeps its own mask."""
        is_copied = self.mask is not None and self.mask.is_portable
        return self if is_copied else dataclasses.replace(self, mask=before.mask)

    def differing(self) -> dict[str, Any]:
        """The values that differ from the defaults, by option name."""
        return {
            field.name: value
            for options in (self.denoise, self.write)
            for field in dataclasses.fields(options)
            if (value := getattr(options, field.name)) != field.default
        }

    def by_class(self) -> dict[type[Any], Any]:
        """As a preset stores them."""
        return {DenoiseOptions: self.denoise, ReadOptions: ReadOptions(), WriteOptions: self.write}


class SettingsHistory:
    """Current settings with undo and redo. Not thread-safe."""

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
        """Apply new values; return whether anything changed.

        Fast changes of one control are one step; a reset to the default is always its own step.
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

    def replace(self, settings: PhotoSettings) -> bool:
        """Apply all settings of another photo as one step; return whether anything changed."""
        if settings == self.now:
            return False
        self._past = [*self._past, self.now][-_MOST_STEPS:]
        self._last = (frozenset(), 0.0)
        self._future, self.now = [], settings
        return True

    def undo(self) -> bool:
        """Go back one step; return whether there was one."""
        return self._step(self._past, self._future)

    def redo(self) -> bool:
        """Go forward one step; return whether there was one."""
        return self._step(self._future, self._past)

    def _step(self, source: list[PhotoSettings], target: list[PhotoSettings]) -> bool:
        if not source:
            return False
        target.append(self.now)
        self.now = source.pop()
        self._last = (frozenset(), 0.0)
        return True


_DEFAULTS = {
    field.name: field.default for kind in (DenoiseOptions, WriteOptions) for field in dataclasses.fields(kind)
}


def _with_known(options: Any, values: dict[str, Any]) -> Any:
    known = {field.name for field in dataclasses.fields(options)}
    return dataclasses.replace(options, **{name: value for name, value in values.items() if name in known})


def command_for(source: Path, target: Path, settings: PhotoSettings, mask: Path | None = None) -> str:
    """One shell line with every option that differs from its default, and the file of the mask."""
    flags = [*_flags(settings.denoise), *_flags(settings.write)]
    flags += ["--mask", _path(mask)] if mask is not None else []
    return shlex.join(["denoise", _path(source), "--out", _path(target), *flags])


def _path(path: Path) -> str:
    text = str(path)
    return f"./{text}" if text.startswith("-") else text


def _flags(options: Any) -> Iterator[str]:
    known = controls(type(options))
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if value == field.default:
            continue
        word = known[field.name].flag or field.name.replace("_", "-")
        if value is True or value is False:
            yield f"--{word}" if value else f"--no-{word}"
        else:
            yield f"--{word}"
            yield f"{value:g}" if isinstance(value, float) else str(value)
