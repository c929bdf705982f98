"""The table of formats: signatures, backends, and the format in which an image is written back.

    read as      written as   because
    png          png
    jpeg         jpeg         CMYK becomes sRGB, with a note
    tiff         tiff         CMYK becomes sRGB, with a note
    webp         webp
    avif         avif
    jxl          jxl
    bmp          png          BMP cannot store metadata, and PNG is lossless, too, and smaller
    heif         avif         HEVC is patented; AVIF keeps its 10 bits
    raw          tiff         16 bits; a developed image cannot be stored as RAW

Palettes and 1-bit images keep their format and become full colour or grey, because a cleaned image has other
colours than its palette. Plans use this table, so that output names are known before pixels are read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from denoiser.errors import UnsupportedFormat, UsageError
from denoiser.options import WriteOptions

HEAD_BYTES = 4096  # enough for every signature below; the rest of a file is read later


@dataclass(frozen=True, slots=True)
class Format:
    """One row: name, signature, and what the format can store."""

    key: str
    name: str
    suffixes: tuple[str, ...]  # the first is the one for new files
    written_as: str  # the key of the format of outputs
    depths: tuple[int, ...] = ()  # bits that can be written; empty if the format is only read
    alpha: bool = True  # whether it can be written with alpha
    extra: str | None = None  # the extra that installs its backend

    @property
    def suffix(self) -> str:
        """The suffix of a new file, with its dot."""
        return self.suffixes[0]


class HasFormat(Protocol):
    """A value with the key of its format: an ImageHeader, an Origin."""

    @property
    def format(self) -> str: ...


_RAW_SUFFIXES = (
    ".dng", ".3fr", ".arw", ".cr2", ".cr3", ".erf", ".iiq", ".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw",
    ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f",
)  # fmt: skip

_ROWS = (
    Format("png", "PNG", (".png",), "png", (8, 16)),
    Format("jpeg", "JPEG", (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"), "jpeg", (8,), alpha=False),
    Format("tiff", "TIFF", (".tif", ".tiff"), "tiff", (8, 16, 32)),
    Format("webp", "WebP", (".webp",), "webp", (8,)),
    Format("avif", "AVIF", (".avif",), "avif", (8, 10, 12)),
    Format("jxl", "JPEG XL", (".jxl",), "jxl", (8, 16, 32), extra="jxl"),
    Format("bmp", "BMP", (".bmp", ".dib"), "png"),
    Format("heif", "HEIC", (".heic", ".heif", ".hif"), "avif", extra="heif"),
    Format("raw", "camera RAW", _RAW_SUFFIXES, "tiff", extra="raw"),
)
ROWS: dict[str, Format] = {row.key: row for row in _ROWS}

_BY_SUFFIX = {suffix: row for row in _ROWS for suffix in row.suffixes}

_HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"}
_AVIF_BRANDS = {b"avif", b"avis"}


def _is_tiff(head: bytes) -> bool:
    return head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def _brands(head: bytes) -> set[bytes]:
    if head[4:8] != b"ftyp":
        return set()
    length = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[8:12]} | {head[at : at + 4] for at in range(16, length - 3, 4)}


# Checked in this order: a CR2 is also a TIFF, and an AVIF may also be labelled HEIF.
_SIGNATURES: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("png", lambda head: head.startswith(b"\x89PNG\r\n\x1a\n")),
    ("jpeg", lambda head: head.startswith(b"\xff\xd8\xff")),
    ("webp", lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP"),
    ("raw", lambda head: head[:4] in (b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM")),
    ("raw", lambda head: head.startswith(b"FUJIFILMCCD-RAW") or head[4:12] == b"ftypcrx "),
    ("raw", lambda head: _is_tiff(head) and head[8:10] == b"CR"),
    ("tiff", _is_tiff),
    ("avif", lambda head: bool(_brands(head) & _AVIF_BRANDS)),
    ("heif", lambda head: bool(_brands(head) & _HEIF_BRANDS) or head[4:12] in (b"ftypmif1", b"ftypmsf1")),
    ("jxl", lambda head: head.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"))),
    ("bmp", lambda head: head.startswith(b"BM") and len(head) >= 26),
)

_LATENT_SIGNATURE = b"\x89DLF\r\n\x1a\n"  # of codec.container

# Recognised but not read, so that the message can name them.
_UNSUPPORTED = (
    (b"GIF8", "a GIF"),
    (b"%PDF", "a PDF"),
    (b"8BPS", "a Photoshop document"),
    (b"v/1\x01", "an OpenEXR image"),
    (b"#?RADIANCE", "a Radiance HDR image"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 image"),
    (b"<svg", "an SVG drawing"),
    (b"\x1aE\xdf\xa3", "a video"),
)


def is_image_name(path: Path) -> bool:
    """Return whether a file with this name counts as an image in a folder."""
    return path.suffix.lower() in _BY_SUFFIX


def by_suffix(path: Path) -> Format:
    """Return the format of the suffix; raise UsageError if there is none."""
    row = _BY_SUFFIX.get(path.suffix.lower())
    if row is None:
        known = ", ".join(row.suffix for row in _ROWS if row.depths)
        ending = f"ends in {path.suffix!r}" if path.suffix else "has no suffix"
        raise UsageError(f"{path}: unsupported output format: the name {ending} (supported: {known}).")
    return row


def of_name(path: Path, options: WriteOptions) -> Format:
    """Return the format of the suffix, or else that of the options; raise UsageError if both differ."""
    if options.format is None:
        return by_suffix(path)
    row = ROWS[options.format]
    if _BY_SUFFIX.get(path.suffix.lower(), row) is not row:
        raise UsageError(
            f"{path}: the suffix contradicts the format {options.format!r}.",
            hint="Omit format, or change the suffix.",
        )
    return row


def sniff(head: bytes, name: str = "") -> Format:
    """Return the format of these first bytes; the name matters only for TIFF and camera RAW.

    A JPEG named ``.png`` is a JPEG.
    """
    for key, fits in _SIGNATURES:
        if fits(head):
            named = _BY_SUFFIX.get(Path(name).suffix.lower()) if key == "tiff" else None
            return named if named is ROWS["raw"] else ROWS[key]
    if head.startswith(_LATENT_SIGNATURE):
        raise UnsupportedFormat("is a latent file", hint="Decode it with `denoise decode`.")
    for sign, what in _UNSUPPORTED:
        if head.startswith(sign):
            raise UnsupportedFormat(f"is {what}, which is not supported")
    raise UnsupportedFormat("is not an image in a supported format")


def output_format(source: HasFormat | str, options: WriteOptions = WriteOptions()) -> Format:
    """Return the output format for this source: that of the options, or else that of the table."""
    if options.format is not None:
        return ROWS[options.format]
    key = source if isinstance(source, str) else source.format
    return ROWS[ROWS[key].written_as]
