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
from denoiser_cli.health.machine import CANNOT_LOAD
from denoiser_cli.health.page import Fact, Remark, Section

_BACKENDS = {"heif": "heif", "jxl": "jpegxl", "raw": "raw"}  # of the extras
# Other extras, with a package that shows whether they are installed.
_OTHERS = {"demo": "skimage", "train": "lightning_fabric", "bench": "cv2"}
_SIDE = 16


def examine_formats() -> Section:
    """Return a fact per format and extra, with the command that installs missing ones."""
    facts, remarks, missing = [], [], []
    for row in formats.ROWS.values():
        words, problem = _tried(row)
        facts.append(Fact(row.key, not problem, problem or words))
        if not problem:
            continue
        if row.extra and not _is_installed(row):
            missing.append(row.extra)
        else:
            remarks.append(Remark(f"{row.name}: {problem}.", "Reinstall the package."))
    if not any(fact.value for fact in facts):
        remarks = [Remark("No format can be read.", "Reinstall the package.", stops_cleaning=True)]
    for extra, package in _OTHERS.items():
        here = find_spec(package) is not None
        facts.append(Fact(f"extra_{extra}", here, "installed" if here else f"not installed ({install(extra)})"))
    if missing:
        names = ", ".join(formats.ROWS[key].name for key in formats.ROWS if formats.ROWS[key].extra in missing)
        remarks.append(Remark(f"Unsupported because extras are not installed: {names}.", f"`{install(*missing)}`"))
    return Section(facts, remarks)


def install(*extras: str) -> str:
    """Return the command that installs the extras."""
    return f"pip install 'denoiser-studio[{','.join(sorted(set(extras)))}]'"


def _is_installed(row: Format) -> bool:
    try:
        import_module(f"denoiser.imageio.backends.{_BACKENDS[row.key]}")
    except ModuleNotFoundError:
        return False
    except CANNOT_LOAD:
        return True  # installed, but broken
    return True


def _tried(row: Format) -> tuple[str, str]:
    """Return what works, or the problem."""
    try:
        if row.extra:
            import_module(f"denoiser.imageio.backends.{_BACKENDS[row.key]}")
        if row.depths:
            return _tried_both_ways(row)
        if row.key == "bmp":
            imageio.read_bytes(_bmp(), "test.bmp")
        return f"read; saved as {formats.ROWS[row.written_as].name}", ""
    except ModuleNotFoundError as error:
        return (
            "",
            f"{error.name} is not installed ({install(row.extra)})" if row.extra else f"{error.name} is missing",
        )
    except CANNOT_LOAD as error:
        return "", f"its decoder cannot be loaded ({(str(error).splitlines() or [''])[0]})"
    except DenoiserError as error:
        return "", f"does not work ({error.message})"


def _tried_both_ways(row: Format) -> tuple[str, str]:
    values = np.random.default_rng(0).integers(0, 256, (_SIDE, _SIDE, 3), np.uint8)
    picture = imageio.read_bytes(imageio.encode(from_numpy(values), row.key), f"test{row.suffix}")
    if (picture.height, picture.width) != (_SIDE, _SIDE):
        return "", "returns a different image than was written"
    return f"read and written ({', '.join(map(str, row.depths))} bit)", ""


def _bmp() -> bytes:
    """Return a small grey BMP."""
    pixels = bytes([128]) * (_SIDE * _SIDE * 3)
    head = struct.pack("<2sIHHI", b"BM", 54 + len(pixels), 0, 0, 54)
    return head + struct.pack("<IiiHHIIiiII", 40, _SIDE, _SIDE, 1, 24, 0, len(pixels), 2835, 2835, 0, 0) + pixels
