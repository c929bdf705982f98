"""Names of outputs from a template such as "{date}/{name}-{number}".

An image keeps the name of its earlier output. The others get the first free one, in order: a number counts on;
without a number in the template, -2, -3 and so on are appended.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from denoiser.imageio import formats
from denoiser.imageio.containers import exif
from denoiser.options.runs import FIELD
from denoiser.storage import Url

if TYPE_CHECKING:
    from denoiser.imageio import ImageHeader

NUMBER = "\0"  # stands for the number in a rendered name, until the run assigns one
_DIGITS = 4
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]+')  # in file names on Windows, macOS or Linux
_FROM_HEADER = frozenset({"date", "time", "camera", "iso"})
_TAKEN = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)")  # in EXIF


def needs_header(template: str) -> bool:
    """Return whether a template has fields whose values are in the file."""
    return not _FROM_HEADER.isdisjoint(FIELD.findall(template))


def rendered(template: str, path: Path, header: ImageHeader | None = None) -> PurePath:
    """Return the name without suffix, which may have folders; NUMBER stands for the number."""
    values = {"name": path.stem if formats.is_image_name(path) else path.name, "number": NUMBER}
    values["folder"] = (path if isinstance(path, Url) else path.absolute()).parent.name
    if needs_header(template):
        date, time = _taken(path, header)
        camera, iso = header.shot if header else ("", 0)
        values |= {"date": date, "time": time, "camera": camera, "iso": str(iso or "")}
    return PurePath(FIELD.sub(lambda found: _safe(values[found[1]]), template))


def names_of(stem: PurePath, suffix: str, position: int) -> Iterator[PurePath]:
    """Yield the names that an image may have, in order of preference; *position* counts images from 1."""
    has_number = NUMBER in str(stem)
    for number in itertools.count(position if has_number else 1):
        if has_number:
            text = str(stem).replace(NUMBER, f"{number:0{_DIGITS}}")
        else:
            text = str(stem) if number == 1 else f"{stem}-{number}"
        yield PurePath(text + suffix)


def fits(name: PurePath, stem: PurePath, suffix: str) -> bool:
    """Return whether *name* is one of the names that an image may have."""
    text = re.escape(str(stem))
    wanted = text.replace(re.escape(NUMBER), r"\d+") if NUMBER in str(stem) else rf"{text}(-\d+)?"
    return re.fullmatch(wanted + re.escape(suffix), str(name)) is not None


def _taken(path: Path, header: ImageHeader | None) -> tuple[str, str]:
    """Return date and time when the photo was taken, or when the file was changed last; "" if both are unknown."""
    found = _TAKEN.fullmatch(exif.summary(header.exif if header else None).get("taken", ""))
    if found is not None:
        return f"{found[1]}-{found[2]}-{found[3]}", f"{found[4]}-{found[5]}-{found[6]}"
    try:
        changed = datetime.fromtimestamp(path.stat().st_mtime, tz=UTC).astimezone()
    except (OSError, ValueError, OverflowError):
        return "", ""
    return f"{changed:%Y-%m-%d}", f"{changed:%H-%M-%S}"


def _safe(value: str) -> str:
    return value if value == NUMBER else _UNSAFE.sub("-", value).strip(" .") or "unknown"
