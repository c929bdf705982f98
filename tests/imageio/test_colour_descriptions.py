"""Each colour description that another program writes is found in the outputs by another program, or is refused."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage
from PIL import ImageCms
from PIL.PngImagePlugin import PngInfo

from denoiser import imageio
from denoiser.errors import UnwritableImage
from denoiser.image import Cicp
from denoiser.imageio import colour

Array = np.ndarray[Any, Any]
Description = tuple[bytes | None, tuple[int, int] | None]  # profile, and primaries with transfer

ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes().replace(b"s\0R\0G\0B", b"w\0i\0d\0e")
P3, BT_2020, PQ, HLG = (12, 13), (9, 1), (9, 16), (9, 18)
TARGETS = ["png", "jpeg", "tiff", "webp", "avif", "jxl"]


def by_pillow(format: str, **words: Any) -> Callable[[Array, tuple[int, int] | None], bytes]:
    def write(pixels: Array, cicp: tuple[int, int] | None) -> bytes:
        file = io.BytesIO()
        info = PngInfo()
        if cicp:
            info.add(b"cICP", bytes([*cicp, 0, 1]))
        more = {"pnginfo": info} if format == "PNG" else {}
        PillowImage.fromarray(pixels).save(file, format, icc_profile=None if cicp else ICC, **more, **words)
        return file.getvalue()

    return write


def by_tifffile(pixels: Array, _cicp: tuple[int, int] | None) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, photometric="rgb", iccprofile=ICC)
    return file.getvalue()


def avif_by_imagecodecs(pixels: Array, cicp: tuple[int, int] | None) -> bytes:
    imagecodecs = pytest.importorskip("imagecodecs")
    assert cicp is not None
    return bytes(imagecodecs.avif_encode(pixels, level=95, speed=10, primaries=cicp[0], transfer=cicp[1], matrix=9))


def heif_by_pillow_heif(pixels: Array, cicp: tuple[int, int] | None) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    image = pillow_heif.from_pillow(PillowImage.fromarray(pixels))
    if cicp:
        primaries, transfer = cicp
        image.save(file, quality=95, color_primaries=primaries, transfer_characteristics=transfer,
                   matrix_coefficients=9, full_range_flag=1)  # fmt: skip
    else:
        image.info["icc_profile"], image.info["icc_profile_type"] = ICC, "prof"
        image.save(file, quality=95)
    return file.getvalue()


def jxl_by_imagecodecs(pixels: Array, cicp: tuple[int, int] | None) -> bytes:
    """A JPEG XL by libjxl, with another colour encoding in its header."""
    imagecodecs = pytest.importorskip("imagecodecs")
    pytest.importorskip("pillow_jxl")
    assert cicp is not None
    plain = bytes(imagecodecs.jpegxl_encode(pixels[:48, :64].copy(), lossless=True, usecontainer=False))
    old = bits_of(SIZE_48_64, (0, 1), (0, 1), (0, 1), (0, 2), (1, 1), (0, 2), (0, 1), (1, 1), (0, 2), (1, 1))
    assert plain.startswith(old)
    primaries = {9: (2, 2, 7, 4), 12: (2, 2, 9, 4)}[cicp[0]]
    transfer = {1: (1, 2), 13: (2, 2, 11, 4), 16: (2, 2, 14, 4), 18: (3, 2, 0, 6)}[cicp[1]]
    fields = [(0, 1), (0, 1), (0, 2), (1, 2), *zip(primaries[::2], primaries[1::2], strict=True), (0, 1)]
    fields += [*zip(transfer[::2], transfer[1::2], strict=True), (1, 2)]  # and the relative intent
    head = bits_of(SIZE_48_64, (0, 1), (0, 1), (0, 1), (0, 2), (1, 1), (0, 2), (0, 1), *fields, (0, 2), (1, 1))
    return head + plain[len(old) :]


SIZE_48_64 = (0b011_00101_1, 9)


def bits_of(*fields: tuple[int, int]) -> bytes:
    """The start of a JPEG XL with these (value, bits), the lowest bit first."""
    value = at = 0
    for number, size in fields:
        value |= number << at
        at += size
    return b"\xff\x0a" + value.to_bytes(-(-at // 8), "little")


SOURCES: dict[str, tuple[Callable[[Array, tuple[int, int] | None], bytes], list[tuple[int, int] | None]]] = {
    "png": (by_pillow("PNG"), [None, P3, BT_2020, PQ, HLG]),
    "jpeg": (by_pillow("JPEG", quality=95), [None]),
    "tiff": (by_tifffile, [None]),
    "webp": (by_pillow("WEBP", lossless=True), [None]),
    "avif by Pillow": (by_pillow("AVIF", quality=95), [None]),
    "avif": (avif_by_imagecodecs, [P3, BT_2020, PQ, HLG]),
    "heif": (heif_by_pillow_heif, [None, P3, BT_2020, PQ, HLG]),
    "jxl": (jxl_by_imagecodecs, [P3, BT_2020, PQ, HLG]),
}
TABLE = [(source, cicp, target) for source, (_, kinds) in SOURCES.items() for cicp in kinds for target in TARGETS]


@pytest.mark.parametrize(("source", "cicp", "target"), TABLE)
def test_a_colour_description_is_kept_or_refused(
    photo: Array, source: str, cicp: tuple[int, int] | None, target: str
) -> None:
    picture = imageio.read_bytes(SOURCES[source][0](photo, cicp), "a")
    # If JPEG XL is read, libjxl makes a profile, which every format can store.
    if target not in ("png", "avif", "jxl") and cicp in (PQ, HLG) and source != "jxl":
        with pytest.raises(UnwritableImage, match="colour") as caught:
            imageio.encode(picture, target)
        assert "--format" in caught.value.hint
        return
    profile, code = described(imageio.encode(picture, target), target)
    if cicp is None:
        assert profile == ICC
    elif code is not None:
        assert code == cicp
    else:
        assert profile is not None
        assert profile == colour.profile_of(Cicp(*cicp), 3) or cicp_tag(profile) == cicp


def described(data: bytes, format: str) -> Description:
    """The colour description of a file by programs other than ours."""
    if format == "avif":
        info = pytest.importorskip("pillow_heif").open_heif(data).info
        code = info.get("nclx_profile")
        return info.get("icc_profile"), code and (code["color_primaries"], code["transfer_characteristics"])
    profile = PillowImage.open(io.BytesIO(data)).info.get("icc_profile")
    at = data.find(b"cICP") if format == "png" else -1
    return profile, (data[at + 4], data[at + 5]) if at >= 0 else None


def cicp_tag(profile: bytes) -> tuple[int, int] | None:
    """The code points that libjxl writes into its profiles."""
    for at in range(132, 132 + 12 * struct.unpack_from(">I", profile, 128)[0], 12):
        name, place, _ = struct.unpack_from(">4sII", profile, at)
        if name == b"cicp":
            return profile[place + 8], profile[place + 9]
    return None
