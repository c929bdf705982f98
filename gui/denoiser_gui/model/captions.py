"""Short texts about a photo for lists, tooltips and screen readers."""

from __future__ import annotations

from pathlib import Path

from denoiser_gui.model.open_photos import OpenPhoto, PhotoStatus
from denoiser_gui.words import tr


def noise(sigma: float | None) -> str:
    """The measured noise; empty if unknown."""
    return "" if sigma is None else tr("σ {sigma}", sigma=f"{sigma:.1f}")


def stage(photo: OpenPhoto) -> str:
    """The status of a photo as a word."""
    words = {
        PhotoStatus.NEW: tr("new"),
        PhotoStatus.DRAFT: tr("not saved"),
        PhotoStatus.SAVED: tr("saved"),
        PhotoStatus.FAILED: tr("failed"),
    }
    return words[photo.stage]


def beside_the_name(photo: OpenPhoto) -> str:
    """The text after the name in the film strip: failed, saved, or the noise level."""
    if photo.stage in (PhotoStatus.FAILED, PhotoStatus.SAVED):
        return stage(photo)
    return noise(photo.sigma)


def in_full(photo: OpenPhoto) -> str:
    """Everything known about a photo, one fact per line: for tooltips and screen readers."""
    lines = [photo.name, stage(photo)]
    if photo.sigma is not None:
        lines.append(tr("measured noise: σ {sigma}", sigma=f"{photo.sigma:.1f}"))
    if photo.saved_as is not None:
        lines.append(tr("saved as {path}", path=short_path(photo.saved_as)))
    lines += [line for line in (photo.problem, photo.hint) if line]
    return "\n".join(lines)


def short_path(path: Path) -> str:
    """A path as text, with ~ for the home folder."""
    try:
        inside = path.relative_to(Path.home())
    except (ValueError, RuntimeError):
        return str(path)
    return f"~/{inside.as_posix()}"


def duration(seconds: float) -> str:
    """A duration as text."""
    whole = round(seconds)
    if seconds < 10:
        return tr("{seconds} s", seconds=f"{seconds:.1f}")
    if whole < 60:
        return tr("{seconds} s", seconds=whole)
    if whole < 3600:
        return tr("{minutes} min", minutes=f"{whole // 60}:{whole % 60:02}")
    return tr("{hours} h", hours=f"{whole // 3600}:{whole % 3600 // 60:02}")


def time_left(seconds: float) -> str:
    """The time left as text, rounded so that it does not change every second."""
    if seconds < 60:
        return tr("{seconds} s left", seconds=max(1, round(seconds / 5) * 5))
    if seconds < 3600:
        return tr("{minutes} min left", minutes=round(seconds / 60))
    return tr("{hours} h left", hours=f"{round(seconds / 60) // 60}:{round(seconds / 60) % 60:02}")
