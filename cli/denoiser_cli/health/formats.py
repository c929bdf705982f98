"""Supported formats: each written format is tested, each extra is loaded."""

from __future__ import annotations

import struct
from importlib import import_module
from importlib.util import find_spec

import numpy as np

from denoiser import imageio
from denoiser.errors import DenoiserError
from denoiser.image import from_numpy
from denoiser.imageio import formats
from denoiser.imageio.formats import Format
from denoiser_cli.health.machine import CANNOT_LOAD, first_line
from denoiser_cli.health.page import Section

_BACKENDS = {"heif": "heif", "jxl": "jpegxl", "raw": "raw"}  # of the extras
# Other extras, with a package that shows whether they are installed.
_OTHERS = {"demo": "skimage", "bench": "cv2"}
_SIDE = 16


def examine_formats() -> Section:
    """Return a fact per format and extra, with the command that installs missing ones."""
    section = Section()
    missing = []
    for row in formats.ROWS.values():
        try:
            section.fact(row.key, True, _tried(row))
            continue
        except ModuleNotFoundError as error:
            if row.extra:
                problem = f"{error.name} is not installed ({install(row.extra)})"
                missing.append(row)
            else:
                problem = f"{error.name} is missing"
        except DenoiserError as error:
            problem = f"does not work ({error.message})"
        except CANNOT_LOAD as error:
            problem = f"its decoder cannot be loaded ({first_line(error)})"
        section.fact(row.key, False, problem)
        if row not in missing:
            section.remark(f"{row.name}: {problem}.", "Reinstall the package.")
    if not any(fact.value for fact in section.facts):
        section.remarks.clear()
        section.remark("No format can be read.", "Reinstall the package.", stops_cleaning=True)
    for extra, package in _OTHERS.items():
        here = find_spec(package) is not None
        section.fact(f"extra_{extra}", here, "installed" if here else f"not installed ({install(extra)})")
    if missing:
        names = ", ".join(row.name for row in missing)
        extras = [row.extra for row in missing if row.extra]
        section.remark(f"Unsupported because extras are not installed: {names}.", f"`{install(*extras)}`")
    return section


def install(*extras: str) -> str:
    """Return the command that installs the extras."""
    return f"pip install 'denoiser-studio[{','.join(sorted(set(extras)))}]'"


def _tried(row: Format) -> str:
    """Return what works; raise the error of what does not."""
    if row.extra:
        import_module(f"denoiser.imageio.backends.{_BACKENDS[row.key]}")
    if not row.depths:
        if row.key == "bmp":
            imageio.read_bytes(_bmp(), "test.bmp")
        return f"read; saved as {formats.ROWS[row.written_as].name}"
    values = np.random.default_rng(0).integers(0, 256, (_SIDE, _SIDE, 3), np.uint8)
    image = imageio.read_bytes(imageio.encode(from_numpy(values), row.key), f"test{row.suffix}")
    if (image.height, image.width) != (_SIDE, _SIDE):
        raise DenoiserError("returns a different image than was written")
    return f"read and written ({', '.join(map(str, row.depths))} bit)"


def _bmp() -> bytes:
    """Return a small grey BMP."""
    pixels = bytes([128]) * (_SIDE * _SIDE * 3)
    head = struct.pack("<2sIHHI", b"BM", 54 + len(pixels), 0, 0, 54)
    return head + struct.pack("<IiiHHIIiiII", 40, _SIDE, _SIDE, 1, 24, 0, len(pixels), 2835, 2835, 0, 0) + pixels
