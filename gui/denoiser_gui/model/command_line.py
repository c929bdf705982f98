"""The `denoise` command that does the same as the window."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from denoiser.options import controls
from denoiser_gui.model.controls import PhotoSettings


def command_for(source: Path, target: Path, settings: PhotoSettings) -> str:
    """One shell line with every option that differs from its default."""
    words = ["denoise", _path(source), "--out", _path(target), *_flags(settings.denoise), *_flags(settings.write)]
    return shlex.join(words)


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
