"""Renames and deletes presets."""

from __future__ import annotations

from pathlib import Path

from denoiser.batch.presets import presets_folder
from denoiser.errors import ForeignOutput, UnwritableImage, UsageError


def rename_preset(old: str, new: str) -> None:
    """Give a preset another name; raises ForeignOutput if another preset has it."""
    target = _file_of(new)
    if target.exists():
        raise ForeignOutput(f"{new} already exists.", hint="Choose another name.")
    try:
        _file_of(old).rename(target)
    except OSError as error:
        raise UnwritableImage(f"{old} cannot be renamed ({error.strerror}).") from error


def delete_preset(name: str) -> None:
    """Delete a preset; one that does not exist is no error."""
    try:
        _file_of(name).unlink(missing_ok=True)
    except OSError as error:
        raise UnwritableImage(f"{name} cannot be deleted ({error.strerror}).") from error


def _file_of(name: str) -> Path:
    file = presets_folder() / f"{name}.toml"
    if not name or name.startswith(".") or file.name != f"{name}.toml":
        raise UsageError(f"{name!r} is not a valid preset name.")
    return file
