"""Short texts about a photo for the panel, lists, tooltips and screen readers."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

from denoiser.imageio.formats import ROWS
from denoiser_gui.model.open_photos import OpenPhoto, PhotoStatus
from denoiser_gui.model.pyramid import ImagePyramid
from denoiser_gui.translation import tr

if TYPE_CHECKING:
    from denoiser.estimation.estimate import NoiseEstimate


def noise_text(sigma: float | None) -> str:
    """The noise level; empty if unknown."""
    return "" if sigma is None else tr("σ {sigma}", sigma=f"{sigma:.1f}")


def status_text(photo: OpenPhoto) -> str:
    """The status of a photo as a word."""
    return status_names()[photo.status]


def status_names() -> dict[PhotoStatus, str]:
    """All statuses as words."""
    return {
        PhotoStatus.NEW: tr("new"),
        PhotoStatus.UNSAVED: tr("not saved"),
        PhotoStatus.SAVED: tr("saved"),
        PhotoStatus.FAILED: tr("failed"),
    }


def grid_line(photo: OpenPhoto) -> str:
    """Noise level, ISO and camera, as far as they are known; failed photos are marked as such."""
    if photo.status is PhotoStatus.FAILED:
        return status_text(photo)
    facts = photo.facts
    iso = f"ISO {facts.iso}" if facts is not None and facts.iso else ""
    return " · ".join(filter(None, (noise_text(photo.sigma), iso, facts.camera if facts is not None else "")))


def short_caption(photo: OpenPhoto) -> str:
    """Name, and failed, saved or the noise level: for the film strip."""
    is_over = photo.status in (PhotoStatus.FAILED, PhotoStatus.SAVED)
    return " · ".join(filter(None, (photo.name, status_text(photo) if is_over else noise_text(photo.sigma))))


def full_caption(photo: OpenPhoto) -> str:
    """Everything known about a photo, one fact per line: for tooltips and screen readers."""
    return caption_lines(photo.name, status_text(photo), photo.sigma, photo.saved_as, photo.problem, photo.hint)


def caption_lines(name: str, status: str, sigma: float | None, saved_as: Path | None, *more: str) -> str:
    """The lines of a full caption; empty ones are omitted."""
    noise = "" if sigma is None else tr("estimated noise: σ {sigma}", sigma=f"{sigma:.1f}")
    saved = "" if saved_as is None else tr("saved as {path}", path=short_path(saved_as))
    return "\n".join(filter(None, (name, status, noise, saved, *more)))


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


def breakable(text: str) -> str:
    """The text with invisible places for line breaks, so that long names and paths never widen the window."""
    return _LONG_WORD.sub(lambda word: _PIECE.sub("\\g<0>\u200b", word[0]), text)


_SHORT = 24  # characters of a part that is kept in one line
_LONG_WORD = re.compile(r"\S{24,}")
_PIECE = re.compile(r"[^/\\_. -]{0,23}[/\\_. -]|[^/\\_. -]{24}")
_CORRELATED = 0.4  # of NoiseEstimate.kind: camera-like from here on
_WHITE = 0.2


def camera_line(pyramid: ImagePyramid) -> str:
    """Camera, ISO, exposure and aperture, as far as the file contains them."""
    exif = pyramid.exif
    make, model = exif.get("make", ""), exif.get("model", "")
    camera = model if make.split(" ")[0].lower() in model.lower() else f"{make} {model}".strip()
    iso = exif.get("iso", "")
    aperture, exposure = _number(exif.get("aperture", "")), exif.get("exposure", "")
    parts = [
        camera,
        f"ISO {iso}" if iso else "",
        f"{exposure} s" if exposure else "",
        f"f/{aperture:.3g}" if aperture else "",
    ]
    return " · ".join(_unbroken(part) for part in parts if part)


def lens_line(pyramid: ImagePyramid) -> str:
    """Lens, focal length and time."""
    length = _number(pyramid.exif.get("focal length", ""))
    taken = _DATE.sub(r"\1-\2-\3 \4:\5", pyramid.exif.get("taken", ""))
    parts = (breakable(pyramid.exif.get("lens", "")), _unbroken(f"{length:.0f} mm") if length else "", taken)
    return " · ".join(part for part in parts if part)


_DATE = re.compile(r"^(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d)\b.*")  # as EXIF stores it


def _unbroken(text: str) -> str:
    """The text without places for line breaks, such as after the slash of f/5."""
    return text.replace(" ", "\u00a0").replace("/", "/\u2060") if len(text) < _SHORT else breakable(text)


def file_line(pyramid: ImagePyramid) -> str:
    """Size in pixels, bit depth, colour space, format and file size."""
    image = pyramid.image
    depth = tr("float") if image.bits == 32 else tr("{bits} bit", bits=image.bits)
    parts = [f"{image.width} × {image.height}", depth, colours_of(pyramid)]
    if image.origin is not None and image.origin.format in ROWS:
        parts.append(ROWS[image.origin.format].name)
    if pyramid.bytes_in_file:
        parts.append(in_bytes(pyramid.bytes_in_file))
    return " · ".join(parts)


def noise_line(estimate: NoiseEstimate | None) -> str:
    """The measured noise level and its kind."""
    if estimate is None:
        return ""
    if estimate.sigma < 1:
        return tr("almost no noise")
    kind = tr("camera-like") if estimate.kind >= _CORRELATED else tr("white") if estimate.kind < _WHITE else ""
    if estimate.grey:
        text = tr("noise σ {luma}", luma=f"{estimate.luma:.1f}")
    else:
        levels = {"luma": f"{estimate.luma:.1f}", "chroma": f"{estimate.chroma:.1f}"}
        text = tr("noise σ {sigma} (luma {luma}, colour {chroma})", sigma=f"{estimate.sigma:.1f}", **levels)
    return f"{text} · {kind}" if kind else text


def kept_line(share: float | None) -> str:
    """How much of the photo was kept as in the source; empty where nothing was."""
    if not share:
        return ""
    percent = f"{100 * share:.1f} %" if share >= 0.001 else "<0.1 %"
    return tr("{share} kept as in the source", share=percent)


def colours_of(pyramid: ImagePyramid) -> str:
    """The name of the colour space."""
    profile = pyramid.image.profile
    grey = pyramid.image.channels == 1
    if profile is None:
        return tr("grey") if grey else "sRGB"
    found = re.search(rb"desc\0\0\0\0[\0-\xff]{4}([ -~]{3,60})", profile)
    wide = re.search(rb"mluc\0\0\0\0.{20}((?:\0[ -~]){3,60})", profile, re.DOTALL)
    name = found[1].decode("ascii") if found else wide[1].decode("utf-16-be") if wide else ""
    return name.strip() or (tr("custom grey profile") if grey else tr("custom profile"))


def in_bytes(count: int) -> str:
    """A file size as text."""
    if count < 1000:
        return tr("{count} bytes", count=count)
    return f"{count / 1e3:.0f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"


def pixel_text(values: tuple[float, ...]) -> str:
    """Pixel values as text: integers, or four decimals for float images."""
    names = ("R", "G", "B") if len(values) == 3 else ("K",)
    whole = all(value == int(value) for value in values if math.isfinite(value)) and any(v > 1 for v in values)
    shown = [f"{value:.0f}" if whole or value == 0 else f"{value:.4f}" for value in values]
    return "  ".join(f"{name} {value}" for name, value in zip(names, shown, strict=True))


def _number(text: str) -> float:
    """Parse a number or a fraction; 0 if it is neither."""
    above, _, below = text.partition("/")
    try:
        return float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError):
        return 0.0
