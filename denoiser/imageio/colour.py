"""Colour spaces: ICC profiles for code points and for chunks of PNG, and the conversion of CMYK and Lab to sRGB.

RGB and grey images are never converted: they keep their colour space, as profile, code points, or both.
"""

from __future__ import annotations

import functools
import io
import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from denoiser.image import Cicp
from denoiser.imageio.containers import png

if TYPE_CHECKING:
    from PIL import Image as PillowImage


_SRGB_NAMES = (b"sRGB", b"RGB_D65_SRG_Rel_SRG", b"Gra_D65_Rel_SRG")  # the last two are libjxl's names


def is_srgb(profile: bytes) -> bool:
    """Return whether the description of an ICC profile contains sRGB, with one or two bytes per letter."""
    letters = profile.replace(b"\0", b"")
    return any(name in letters for name in _SRGB_NAMES)


def is_linear_srgb(profile: bytes) -> bool:
    """Return whether this is libjxl's profile for linear sRGB."""
    letters = profile.replace(b"\0", b"")
    return b"RGB_D65_SRG_Rel_Lin" in letters or b"Gra_D65_Rel_Lin" in letters


def is_cmyk(profile: bytes) -> bool:
    """Return whether this is a CMYK profile."""
    return profile[36:40] == b"acsp" and profile[16:20] == b"CMYK"


def pillow_to_srgb(image: PillowImage.Image) -> np.ndarray:
    """Return 8-bit sRGB samples of a CMYK or Lab Pillow image, by its profile; without one, by a formula."""
    from PIL import ImageCms

    target = ImageCms.createProfile("sRGB")
    if image.mode == "LAB":
        source = ImageCms.createProfile("LAB")
    elif (embedded := image.info.get("icc_profile")) and is_cmyk(embedded):
        source = ImageCms.ImageCmsProfile(io.BytesIO(embedded)).profile
    else:
        return np.asarray(image.convert("RGB"))
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    converted = ImageCms.profileToProfile(image, source, target, intent, outputMode="RGB")
    return np.asarray(converted)


# CIE x and y of red, green, blue and white, by the code points of ITU-T H.273.
_D65 = (0.3127, 0.3290)
_BT_709 = (0.640, 0.330, 0.300, 0.600, 0.150, 0.060, *_D65)
_BT_601 = (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65)
_PRIMARIES = {
    1: _BT_709,
    2: _BT_709,  # unspecified
    4: (0.670, 0.330, 0.210, 0.710, 0.140, 0.080, 0.310, 0.316),
    5: (0.640, 0.330, 0.290, 0.600, 0.150, 0.060, *_D65),
    6: _BT_601,
    7: _BT_601,
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *_D65),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *_D65),
    22: (0.630, 0.340, 0.295, 0.605, 0.155, 0.077, *_D65),
}
# Curves as parameters of ICC: a power, or (power, a, b, c, d) for (a·x + b) ** power from d on, and c·x below.
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_VIDEO_CURVE = (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)
_TRANSFERS: dict[int, tuple[float, ...]] = {
    1: _VIDEO_CURVE,
    2: _SRGB_CURVE,  # unspecified
    4: (2.2,),
    5: (2.8,),
    6: _VIDEO_CURVE,
    7: (1 / 0.45, 1 / 1.1115, 0.1115 / 1.1115, 1 / 4, 0.0912),
    8: (1.0,),
    13: _SRGB_CURVE,
    14: _VIDEO_CURVE,
    15: _VIDEO_CURVE,
}
_NAMES_OF_PRIMARIES = {1: "BT.709", 9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
_HDR = {16: "PQ", 18: "HLG"}


def describes_srgb(cicp: Cicp) -> bool:
    """Return whether these code points mean sRGB; unspecified ones do."""
    return cicp.primaries in (1, 2) and cicp.transfer in (2, 13) and cicp.full_range


def name_of(cicp: Cicp) -> str:
    """Return code points in words, for messages."""
    primaries = _NAMES_OF_PRIMARIES.get(cicp.primaries, f"primaries {cicp.primaries}")
    transfer = _HDR.get(cicp.transfer, f"transfer {cicp.transfer}")
    return f"{primaries} with {transfer}{'' if cicp.full_range else ' in narrow range'}"


@functools.lru_cache(16)
def profile_of(cicp: Cicp | None, channels: int) -> bytes | None:
    """Return an ICC profile for these code points; None for sRGB, and for what no simple profile describes (PQ)."""
    if cicp is None or describes_srgb(cicp) or not cicp.full_range:
        return None
    primaries, curve = _PRIMARIES.get(cicp.primaries), _TRANSFERS.get(cicp.transfer)
    if primaries is None or curve is None:
        return None
    if (cicp.primaries, cicp.transfer) == (12, 13):
        return _icc("Display P3", primaries, curve, channels)
    return _icc(f"CICP {cicp.primaries}/{cicp.transfer}", primaries, curve, channels)


def hdr_profile_of(cicp: Cicp | None, channels: int) -> bytes | None:
    """Return an ICC profile for PQ and HLG, with a sampled curve and the code points; None for other colours.

    Programs that cannot read the code points see an image that is relative to the peak of the curve, thus dark.
    """
    if cicp is None or not is_hdr(cicp) or not cicp.full_range or cicp.primaries not in _PRIMARIES:
        return None
    signal = np.linspace(0, 1, _SAMPLES)
    if cicp.transfer == 16:  # PQ: SMPTE ST 2084
        root = signal ** (1 / 78.84375)
        linear = np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)
        linear = linear ** (1 / 0.1593017578125)
    else:  # HLG: ARIB STD-B67
        linear = np.where(
            signal <= 0.5, signal**2 / 3, (np.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12
        )
    return _icc(name_of(cicp), _PRIMARIES[cicp.primaries], tuple(linear), channels, cicp)


_SAMPLES = 1024  # of a curve


def is_hdr(cicp: Cicp) -> bool:
    """Return whether these are code points of PQ or HLG."""
    return cicp.transfer in _HDR


def code_points_in(profile: bytes) -> Cicp | None:
    """Return the code points in an ICC profile, which libjxl writes, for example; None if there are none."""
    tags = profile[132 : 132 + 12 * min(int.from_bytes(profile[128:132], "big"), _MAX_TAGS)]
    for at in range(0, len(tags), 12):
        if tags[at : at + 4] == b"cicp":
            place = int.from_bytes(tags[at + 4 : at + 8], "big") + 8  # after the type
            code = profile[place : place + 4]
            return Cicp(code[0], code[1]) if len(code) == 4 else None
    return None


def hdr_in(profile: bytes) -> Cicp | None:
    """Return the code points in an ICC profile if they are those of PQ or HLG."""
    found = code_points_in(profile)
    return found if found and is_hdr(found) else None


_MAX_TAGS = 100  # of a profile; real ones have fewer than 30


def profile_of_png(chunks: bytes | None, channels: int) -> bytes | None:
    """Return an ICC profile for gAMA and cHRM in `Metadata.png`; None if they mean sRGB, or are invalid."""
    found = dict(png.carried(chunks))
    if b"sRGB" in found or not {b"gAMA", b"cHRM"} & set(found):
        return None
    gamma = int.from_bytes(found.get(b"gAMA", b"")[:4], "big")
    curve = _SRGB_CURVE if gamma == 0 else (100_000 / gamma,)
    white, *colours = struct.iter_unpack(">II", found.get(b"cHRM", b"").ljust(32, b"\0")[:32])
    primaries = tuple(value / 100_000 for pair in (*colours, white) for value in pair)
    if not all(primaries):
        primaries = _BT_709
    if gamma in _GAMMAS_OF_SRGB and np.allclose(primaries, _BT_709, atol=0.001):
        return None
    return _icc(f"PNG gamma {gamma / 100_000:g}", primaries, curve, channels)


_GAMMAS_OF_SRGB = (0, 45_454, 45_455, 45_456)  # in a PNG; 0 if only cHRM is present

_D50 = (0.9642, 1.0, 0.8249)
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def _icc(
    name: str, primaries: tuple[float, ...], curve: tuple[float, ...], channels: int, cicp: Cicp | None = None
) -> bytes | None:
    """Return an ICC profile of version 4; None if the primaries are no triangle. Long curves are samples."""
    xyz = np.array([(x / y, 1, (1 - x - y) / y) for x, y in zip(primaries[::2], primaries[1::2], strict=True)]).T
    colours, white = xyz[:, :3], xyz[:, 3]
    adapted = np.linalg.inv(_BRADFORD) @ np.diag((_BRADFORD @ _D50) / (_BRADFORD @ white)) @ _BRADFORD
    if abs(np.linalg.det(colours)) < 1e-6 or not np.isfinite(adapted).all():
        return None
    columns = (adapted @ (colours * np.linalg.solve(colours, white))).T
    if max(*np.abs(columns).flat, *np.abs(adapted).flat, *curve) >= 1 << 15:
        return None
    text = name.encode("utf-16-be")
    tags = {
        b"desc": struct.pack(">4s4xII4sII", b"mluc", 1, 12, b"enUS", len(text), 28) + text,
        b"cprt": struct.pack(">4s4xII4sII", b"mluc", 1, 12, b"enUS", 6, 28) + "CC0".encode("utf-16-be"),
        b"wtpt": b"XYZ \0\0\0\0" + _fixed(_D50),
        b"chad": b"sf32\0\0\0\0" + _fixed(adapted.flat),
    }
    if len(curve) == _SAMPLES:
        values = np.rint(np.array(curve) * 65_535).astype(">u2")
        tone = b"curv\0\0\0\0" + struct.pack(">I", _SAMPLES) + values.tobytes()
    else:
        tone = b"para\0\0\0\0" + (b"\0\0\0\0" if len(curve) == 1 else b"\0\3\0\0") + _fixed(curve)
    if cicp is not None:
        tags[b"cicp"] = b"cicp\0\0\0\0" + bytes([cicp.primaries, cicp.transfer, 0, 1])
    if channels == 1:
        tags[b"kTRC"] = tone
    else:
        for letter, column in zip("rgb", columns, strict=True):
            tags[f"{letter}XYZ".encode()] = b"XYZ \0\0\0\0" + _fixed(column)
            tags[f"{letter}TRC".encode()] = tone
    return _joined_tags(tags, b"GRAY" if channels == 1 else b"RGB ")


def _joined_tags(tags: dict[bytes, bytes], space: bytes) -> bytes:
    """Return a display profile with these tags; equal ones are stored once."""
    start = 132 + 12 * len(tags)
    places: dict[bytes, int] = {}
    body = b""
    for content in tags.values():
        if content not in places:
            places[content] = start + len(body)
            body += content + bytes(-len(content) % 4)
    table = b"".join(struct.pack(">4sII", name, places[content], len(content)) for name, content in tags.items())
    size, version = start + len(body), 0x04300000
    head = struct.pack(">I4xI4s4s4s", size, version, b"mntr", space, b"XYZ ")
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + _fixed(_D50) + bytes(48)
    return head + struct.pack(">I", len(tags)) + table + body


def _fixed(values: Iterable[float]) -> bytes:
    """Return numbers in the fixed-point format of ICC."""
    return bytes(np.rint(np.array(list(values)) * 65_536).astype(">i4").tobytes())
