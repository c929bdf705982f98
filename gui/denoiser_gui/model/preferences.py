"""Preferences of the window, stored in one small file. Invalid values are ignored.

An old, foreign or corrupt file never prevents the window from opening.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from denoiser.atomicfile import whole_file
from denoiser.errors import UsageError
from denoiser.options import WriteOptions
from denoiser.options.runs import check_name
from denoiser_gui.model.export_rules import PLACES, SAME_NAME, ExportRules
from denoiser_gui.model.photos_to_open import OUTPUT_FOLDER
from denoiser_gui.model.requests import DEFAULT_GAIN, GAINS
from denoiser_gui.model.viewport import LARGEST
from denoiser_gui.translation import LANGUAGES

MOST_RECENT = 12  # as many as fit into a menu
MOST_BYTES = 1 << 18  # larger files were not written by this app
_LONGEST_PATH = 4096  # bytes, the limit of Linux
SYSTEM = "system"
SRGB = "sRGB"  # as a display profile
VIEWS = ("side-by-side", "stacked", "split", "clean", "difference", "trust")


def _checked(default: Any, check: Callable[[Any], bool]) -> Any:
    return field(default=default, metadata={"check": check})


def _one_of(*choices: str) -> Any:
    return _checked(choices[0], lambda value: isinstance(value, str) and value in choices)


def _is_path_or_empty(value: Any) -> bool:
    if not isinstance(value, str) or "\0" in value:
        return False
    try:
        return len(os.fsencode(value)) <= _LONGEST_PATH
    except UnicodeEncodeError:  # lone surrogates cannot occur in names
        return False


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_PATH


def _is_hex(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"([0-9a-f]{2}){0,1024}", value) is not None


def _is_name(value: Any) -> bool:
    try:
        check_name(value)
    except (UsageError, TypeError):
        return False
    return _is_text(value)


def _is_write(value: str) -> bool:
    """Whether a text is empty, or has output options as JSON."""
    try:
        WriteOptions(**json.loads(value or "{}"))
    except (UsageError, TypeError, ValueError, RecursionError):
        return False
    return True


def _is_share(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1


@dataclass(frozen=True, slots=True)
class Preferences:
    """All preferences. Each field is validated separately when it is read."""

    theme: str = _one_of(SYSTEM, "dark", "light")
    language: str = _one_of(SYSTEM, *LANGUAGES)
    surround: str = _one_of("theme", "black", "dark", "grey", "white")  # colour around the photo
    motion: str = _one_of(SYSTEM, "none")
    compare: str = _one_of(*VIEWS)
    trust_colour: str = _one_of("amber", "red", "green", "blue")
    navigator: bool = _checked(True, lambda value: isinstance(value, bool))  # while zoomed in
    split_at: float = _checked(0.5, _is_share)
    preset: str = _checked("", _is_text)  # initial settings of new photos
    display_profile: str = _checked("", _is_path_or_empty)  # an ICC file, or SRGB; "" is that of the system
    difference_gain: int = _checked(DEFAULT_GAIN, lambda value: type(value) is int and value in GAINS)
    open_folder: str = _checked("", _is_path_or_empty)
    save_folder: str = _checked("", _is_path_or_empty)
    batch_folder: str = _checked("", _is_path_or_empty)
    export_place: str = _one_of(*PLACES)
    export_subfolder: str = _checked(OUTPUT_FOLDER, _is_name)
    export_name: str = _checked(SAME_NAME, _is_name)
    export_write: str = _checked("", lambda value: _is_text(value) and _is_write(value))  # of all photos of a batch
    settings_place: str = _one_of("app", "sidecar")  # where settings of photos are stored
    zoom: float = _checked(0.0, lambda value: type(value) in (int, float) and 0 <= value <= LARGEST)  # 0: fit
    tab: int = _checked(0, lambda value: type(value) is int and 0 <= value <= 1)  # Denoise or Latent
    more_open: bool = _checked(False, lambda value: isinstance(value, bool))  # advanced options
    batch_open: bool = _checked(False, lambda value: isinstance(value, bool))
    geometry: str = _checked("", _is_hex)  # of the window, as saved by Qt
    recent: tuple[str, ...] = ()  # files, and folders with a slash at the end, newest first

    def with_opened(self, names: Sequence[str]) -> Preferences:
        """Copy with these files and folders at the start of the recent ones."""
        if not names:
            return self
        recent = tuple(dict.fromkeys([*names, *self.recent]))[:MOST_RECENT]
        return dataclasses.replace(self, recent=recent, open_folder=str(_folder_of(names[0])))

    @property
    def rules(self) -> ExportRules:
        """Where outputs go and what they are called."""
        return ExportRules(self.export_place, self.export_subfolder, self.export_name)

    @property
    def export_options(self) -> WriteOptions | None:
        """The output options of the batch; None if each photo has its own."""
        return WriteOptions(**json.loads(self.export_write)) if self.export_write else None

    def recent_folders(self, most: int) -> list[Path]:
        """Recent folders and those of recent files, each once; they may no longer exist."""
        return list(dict.fromkeys(map(_folder_of, self.recent)))[:most]


def _folder_of(name: str) -> Path:
    return Path(name) if name.endswith("/") else Path(name).parent


def preferences_file() -> Path:
    """Path of the file; presets are stored next to it."""
    configured = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(configured) if os.path.isabs(configured) else Path.home() / ".config") / "denoise" / "desktop.json"


def load_preferences(path: Path | None = None) -> Preferences:
    """Load valid values, with defaults for all others. Never raises because of the file's contents."""
    try:
        with (path or preferences_file()).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        values = json.loads(data.decode()) if len(data) <= MOST_BYTES else {}
    except (OSError, ValueError, RecursionError):
        return Preferences()
    return _valid(values) if isinstance(values, dict) else Preferences()


def save_preferences(preferences: Preferences, path: Path | None = None) -> None:
    """Write the file atomically; blocks, and raises UnwritableImage on failure."""
    values = {name: value for name, value in dataclasses.asdict(preferences).items() if value != _DEFAULTS[name]}
    with whole_file(path or preferences_file()) as file:
        file.write(json.dumps(values, indent=1).encode())


def change_preferences(changes: Mapping[str, Any], path: Path | None = None) -> None:
    """Change some values in the file; those that another window changed meanwhile are kept."""
    save_preferences(dataclasses.replace(load_preferences(path), **changes), path)


def _valid(values: dict[str, Any]) -> Preferences:
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
