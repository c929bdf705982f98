"""Profiles are packed so that libjxl reads them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from denoiser.imageio.containers import jxl, jxl_profile

Array = np.ndarray[Any, Any]


@pytest.mark.parametrize("platform", [b"\0\0\0\0", b"APPL", b"ADBE", b"MSFT", b"MXYZ", b"SGI ", b"SUNW", b"SXYZ"])
@pytest.mark.parametrize("size", [129, 256, 5_000, 70_000])
def test_libjxl_reads_the_same_profile(photo: Array, platform: bytes, size: int) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    pillow_jxl = pytest.importorskip("pillow_jxl")
    rest = np.random.default_rng(size).bytes(size)
    head = size.to_bytes(4, "big") + b"lcms\4\x30\0\0mntrRGB XYZ " + rest[24:36] + b"acsp" + platform
    profile = (head + rest[44:])[:size]
    plain = bytes(imagecodecs.jpegxl_encode(photo, lossless=True, usecontainer=True))
    written = jxl.with_colours(plain, profile)
    assert pillow_jxl.Decoder(num_threads=1)(written)[3] == profile
    assert np.array_equal(imagecodecs.jpegxl_decode(written), photo)


def test_a_profile_takes_little_more_than_its_bytes() -> None:
    profile = bytes(range(256)) * 4
    assert sum(bits for _, bits in jxl_profile.fields_of(profile)) <= 8 * (len(profile) + 20)
