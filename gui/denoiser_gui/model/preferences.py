"""What the window remembers from one day to the next: one small file, believed only as far as it makes sense.

An old, foreign or broken file never stops the window: what is no sensible value counts as not said.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from denoiser.atomicfile import whole_file
from denoiser_gui.words import LANGUAGES

MOST_RECENT = 12  # as many as a menu shows without scrolling
MOST_BYTES = 1 << 18  # what is larger was not written here
_LONGEST_PATH = 4096  # bytes, what Linux takes
SYSTEM = "system"
VIEWS = ("side-by-side", "split", "difference", "trust")

Check = Callable[[Any], bool]


def _kept(default: Any, check: Check) -> Any:
    return field(default=default, metadata={"check": check})


def _one_of(*words: str) -> Check:
    return lambda value: isinstance(value, str) and value in words


def _is_path_or_empty(value: Any) -> bool:
    if not isinstance(value, str) or "\0" in value:
        return False
    try:
        return len(os.fsencode(value)) <= _LONGEST_PATH
    except UnicodeEncodeError:  # half a character, which no name holds
        return False


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_PATH


def _is_hex(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"([0-9a-f]{2}){0,1024}", value) is not None


def _is_share(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and 0 <= value <= 1


@dataclass(frozen=True, slots=True)
class Preferences:
    """All that is remembered; each field is checked when it is read, by itself."""

    theme: str = _kept(SYSTEM, _one_of(SYSTEM, "dark", "light"))
    language: str = _kept(SYSTEM, _one_of(SYSTEM, *LANGUAGES))
    motion: str = _kept(SYSTEM, _one_of(SYSTEM, "none"))
    compare: str = _kept(VIEWS[0], _one_of(*VIEWS))
    split_at: float = _kept(0.5, _is_share)
    preset: str = _kept("", _is_text)  # what new photos begin with
    display_profile: str = _kept("", _is_path_or_empty)  # an ICC file; "" is sRGB
    open_folder: str = _kept("", _is_path_or_empty)
    save_folder: str = _kept("", _is_path_or_empty)
    batch_folder: str = _kept("", _is_path_or_empty)
    geometry: str = _kept("", _is_hex)  # of the window, in Qt's own words
    recent: tuple[str, ...] = ()  # files, the newest first

    def with_opened(self, paths: list[Path]) -> Preferences:
        """These, with *paths* at the head of what was opened last."""
        if not paths:
            return self
        newest = [str(path.absolute()) for path in paths]
        recent = tuple(dict.fromkeys([*newest, *self.recent]))[:MOST_RECENT]
        return dataclasses.replace(self, recent=recent, open_folder=str(Path(newest[0]).parent))

    def recent_folders(self, most: int = 2) -> list[Path]:
        """Where the files lie that were opened last, each folder once; they may be gone by now."""
        return list(dict.fromkeys(Path(name).parent for name in self.recent))[:most]


def preferences_file() -> Path:
    """Where they lie, beside the presets that the command line shares."""
    configured = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(configured) if os.path.isabs(configured) else Path.home() / ".config") / "denoise" / "desktop.json"


def load_preferences(path: Path | None = None) -> Preferences:
    """What the file says and makes sense; the defaults for all else. Never raises for what a file may hold."""
    try:
        with (path or preferences_file()).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        values = json.loads(data.decode()) if len(data) <= MOST_BYTES else {}
    except (OSError, ValueError, RecursionError):
        return Preferences()
    return _sensible(values) if isinstance(values, dict) else Preferences()


def save_preferences(preferences: Preferences, path: Path | None = None) -> None:
    """Writes them, whole or not at all; waits for the disk, and raises UnwritableImage where that fails."""
    values = {name: value for name, value in dataclasses.asdict(preferences).items() if value != _DEFAULTS[name]}
    with whole_file(path or preferences_file()) as file:
        file.write(json.dumps(values, indent=1).encode())


def _sensible(values: dict[str, Any]) -> Preferences:
    taken: dict[str, Any] = {}
    for known in dataclasses.fields(Preferences):
        check = known.metadata.get("check")
        if check is not None and known.name in values and check(values[known.name]):
            taken[known.name] = values[known.name]
    listed = values.get("recent")
    if isinstance(listed, list):
        taken["recent"] = tuple(dict.fromkeys(p for p in listed if _is_path_or_empty(p) and p))[:MOST_RECENT]
    return Preferences(**taken)


_DEFAULTS = {known.name: known.default for known in dataclasses.fields(Preferences)}
