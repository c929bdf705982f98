"""Short texts about a photo for the panel, lists, tooltips and screen readers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from denoiser.imageio.formats import ROWS
from denoiser_gui.model.open_photos import OpenPhoto, PhotoStatus
from denoiser_gui.model.picture import Picture
from denoiser_gui.words import tr

if TYPE_CHECKING:
    from denoiser.estimation import NoiseEstimate


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


_CORRELATED = 0.4  # of NoiseEstimate.kind: camera-like from here on
_WHITE = 0.2


def shot_line(picture: Picture) -> str:
    """Camera, ISO, exposure and aperture, as far as the file contains them."""
    facts = picture.facts
    make, model = facts.get("make", ""), facts.get("model", "")
    camera = model if make.split(" ")[0].lower() in model.lower() else f"{make} {model}".strip()
    iso = facts.get("iso", "")
    aperture, exposure = _number(facts.get("aperture", "")), facts.get("exposure", "")
    parts = [
        camera,
        f"ISO {iso}" if iso else "",
        f"{exposure} s" if exposure else "",
        f"f/{aperture:.3g}" if aperture else "",
    ]
    return " · ".join(part for part in parts if part)


def lens_line(picture: Picture) -> str:
    """Lens, focal length and time."""
    length = _number(picture.facts.get("focal length", ""))
    parts = (picture.facts.get("lens", ""), f"{length:.0f} mm" if length else "", picture.facts.get("taken", ""))
    return " · ".join(part for part in parts if part)


def file_line(picture: Picture) -> str:
    """Size in pixels, bit depth, colour space, format and file size."""
    image = picture.image
    depth = tr("float") if image.bits == 32 else tr("{bits} bit", bits=image.bits)
    parts = [f"{image.width} × {image.height}", depth, colours_of(picture)]
    if image.origin is not None and image.origin.format in ROWS:
        parts.append(ROWS[image.origin.format].name)
    if picture.bytes_in_file:
        parts.append(in_bytes(picture.bytes_in_file))
    return " · ".join(parts)


def noise_line(estimate: NoiseEstimate | None) -> str:
    """The measured noise level and its kind."""
    if estimate is None:
        return ""
    if estimate.sigma < 1:
        return tr("almost no noise")
    kind = tr("camera-like") if estimate.kind >= _CORRELATED else tr("white") if estimate.kind < _WHITE else ""
    if estimate.grey:
        words = tr("noise σ {luma}", luma=f"{estimate.luma:.1f}")
    else:
        words = tr(
            "noise σ {luma} luma, {chroma} colour", luma=f"{estimate.luma:.1f}", chroma=f"{estimate.chroma:.1f}"
        )
    return f"{words} · {kind}" if kind else words


def kept_line(share: float | None) -> str:
    """How much of the photo was kept as in the source; empty where nothing was."""
    if not share:
        return ""
    percent = f"{100 * share:.1f} %" if share >= 0.001 else "<0.1 %"
    return tr("{share} kept as in the source", share=percent)


def colours_of(picture: Picture) -> str:
    """The name of the colour space."""
    profile = picture.image.profile
    grey = picture.image.channels == 1
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


def _number(words: str) -> float:
    """Parse a number or a fraction; 0 if it is neither."""
    above, _, below = words.partition("/")
    try:
        return float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError):
        return 0.0
