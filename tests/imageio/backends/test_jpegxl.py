"""JPEG XL is lossless, and never has wrong colours."""

from __future__ import annotations

import base64
import dataclasses
from typing import Any

import numpy as np
import pytest

from denoiser import imageio
from denoiser.errors import ImageTooLarge, UnreadableImage, UnsupportedFormat, UnwritableImage
from denoiser.image import Cicp, Image, Origin, from_numpy
from denoiser.imageio import colour
from denoiser.options import ReadOptions

Array = np.ndarray[Any, Any]


@pytest.mark.parametrize("kind", ["grey8", "rgb8", "rgba8", "grey+alpha8"])
def test_jpeg_xl_gives_back_every_bit(kinds: dict[str, Image], kind: str) -> None:
    pytest.importorskip("imagecodecs")
    pytest.importorskip("pillow_jxl")
    back = imageio.read_bytes(imageio.encode(kinds[kind], "jxl"), "a.jxl")
    assert same(back, kinds[kind])
    assert back.profile is None, "sRGB needs no profile"


@pytest.mark.parametrize("kind", ["grey16", "rgb16", "rgba16", "rgb32"])
def test_deep_jpeg_xl_is_read_with_its_profile_and_written_where_that_stays_true(
    kinds: dict[str, Image], kind: str
) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    pytest.importorskip("pillow_jxl")
    deep = kinds[kind]
    samples = deep.pixels if deep.alpha is None else np.dstack([deep.pixels, deep.alpha])
    linear = imageio.read_bytes(bytes(imagecodecs.jpegxl_encode(samples.squeeze(), lossless=True)), "a.jxl")
    assert np.array_equal(linear.pixels, deep.pixels)
    assert linear.profile is not None
    back = imageio.read_bytes(imageio.encode(linear, "jxl"), "b.jxl")
    assert same(back, linear)
    assert back.profile == linear.profile
    srgb = imageio.read_bytes(imageio.encode(deep, "jxl"), "c.jxl")
    assert same(srgb, deep)
    assert srgb.profile is None, "it is not linear"


@pytest.mark.parametrize("kind", ["grey8", "rgba8", "grey+alpha16", "rgb16", "rgba32"])
@pytest.mark.parametrize("cicp", [Cicp(12, 13), Cicp(9, 16), Cicp(9, 18), Cicp(9, 1), Cicp(1, 8)])
def test_code_points_are_written_into_the_header(kinds: dict[str, Image], kind: str, cicp: Cicp) -> None:
    pytest.importorskip("imagecodecs")
    pillow_jxl = pytest.importorskip("pillow_jxl")
    # Of lossy sources, too, unless libjxl writes these colours itself.
    origin = Origin("jxl", "rgb", lossless=cicp == Cicp(1, 8))
    picture = dataclasses.replace(kinds[kind], cicp=cicp, origin=origin)
    written = imageio.encode(picture, "jxl")
    back = imageio.read_bytes(written, "a.jxl")
    assert same(back, picture)
    if back.channels == 3:
        assert back.cicp == cicp
        assert colour.code_points_in(pillow_jxl.Decoder(num_threads=1)(written)[3]) == cicp
    assert imageio.read_bytes(imageio.encode(back, "jxl"), "b.jxl").profile == back.profile


def same(one: Image, other: Image) -> bool:
    alphas = (one.alpha is None) == (other.alpha is None)
    if one.alpha is not None and other.alpha is not None:
        alphas = np.array_equal(one.alpha, other.alpha)
    return alphas and one.bits == other.bits and np.array_equal(one.pixels, other.pixels)


ADOBE = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.329)  # primaries and white of Adobe RGB


@pytest.mark.parametrize("kind", ["grey8", "rgb8", "rgba8", "grey+alpha16", "rgb16", "rgba32"])
def test_a_profile_is_written_and_read(kinds: dict[str, Image], kind: str) -> None:
    pytest.importorskip("imagecodecs")
    pillow_jxl = pytest.importorskip("pillow_jxl")
    # Of lossy sources, too: only lossless samples are in the colours of the profile.
    profile = colour._icc("Adobe RGB (1998)", ADOBE, (563 / 256,), kinds[kind].channels)
    picture = dataclasses.replace(kinds[kind], profile=profile, origin=Origin("jpeg", "rgb", lossless=False))
    written = imageio.encode(picture, "jxl")
    assert pillow_jxl.Decoder(num_threads=1)(written)[3] == profile
    back = imageio.read_bytes(written, "a.jxl")
    assert same(back, picture) and back.profile == profile and back.cicp is None
    assert imageio.encode(back, "jxl") == written


def test_other_profiles_are_refused(kinds: dict[str, Image]) -> None:
    pytest.importorskip("imagecodecs")
    pytest.importorskip("pillow_jxl")
    grey, right = (colour._icc("x", ADOBE, (1.8,), channels) for channels in (1, 3))
    assert right is not None
    for profile in (grey, right[:128], b"no profile"):
        with pytest.raises(UnwritableImage, match="JPEG XL cannot store these colours"):
            imageio.encode(dataclasses.replace(kinds["rgb8"], profile=profile), "jxl")


@pytest.mark.parametrize("kind", ["grey8", "grey+alpha16"])
def test_grey_with_a_profile_of_three_channels_gets_them(kinds: dict[str, Image], kind: str) -> None:
    pytest.importorskip("imagecodecs")
    pytest.importorskip("pillow_jxl")
    profile = colour._icc("x", ADOBE, (1.8,), 3)
    back = imageio.read_bytes(imageio.encode(dataclasses.replace(kinds[kind], profile=profile), "jxl"), "a.jxl")
    assert back.profile == profile and back.channels == 3
    assert np.array_equal(back.pixels, np.repeat(kinds[kind].pixels, 3, axis=2))
    assert (back.alpha is None) == (kinds[kind].alpha is None)


# By cjxl -d 1, from 8 × 8 pixels of (200, 120, 40) in a profile with the primaries of Adobe RGB.
LOSSY_8 = (
    "{|Z4s3NH!+66OJrsVfYi_j{UYqRc$9CRBd3OO%sFY#}iD7<P8iP>?AlH*6v<+kB4nq_#*ssWnomEryhuqEIRU05FhGoK+J9zsQzb"
    "aS;^P-HAl=;$QmSJC8K)u*2m^yVl!{(`iI;1vu&T@89{9$C?wcFT}rp_lErYx337YToAY}$Z3RqEWttkwN9D|47CA*hC$s5jF|`x"
    "^FW^)01}7-0Mr0o<q`k@6)K~Q8@!zB`SL@D#k7s<3~jY-VM(IMI5tTqa7Yr1z{Ulbff)=ibMd$v2v#Kt"
)
LOSSY_16 = (
    "{|Z6ylfsL_fP{GfWa<h7=>48%nkX}mtO=DL?Gojr5nBjMK8BrLG!$e?$qk!`%Ql}QJ*h2HPil=+YKtMIrYMw3000c+6KB-~!7sAq"
    "R$K(db$24sy!e;C_s%2DJM3_I(ysM(<8&HPTmepc{rh)5<+0`j><jVl-@PIK{_QJ*EEfc>3vwD^A4_nMf31^d0z++ppkYwA0%ImZ"
    "!#vRE1^^O>0szziUF8x002L~uj2pb1>-q9ShsCsw>kMtRZDC2G$T&7hCvZp-i@?SOn1LA#Fmv&^8wge<2>"
)


def test_lossy_jpeg_xl_with_its_own_profile_is_read_with_enough_bits_only() -> None:
    pytest.importorskip("imagecodecs")
    pytest.importorskip("pillow_jxl")
    with pytest.raises(
        UnsupportedFormat, match=r"^a\.jxl is a lossy JPEG XL of 8 bits with its own colour profile"
    ) as caught:
        imageio.read_bytes(base64.b85decode(LOSSY_8), "a.jxl")
    assert "djxl" in caught.value.hint
    deep = imageio.read_bytes(base64.b85decode(LOSSY_16), "a.jxl")
    assert deep.profile is not None and colour.is_linear_srgb(deep.profile)
    assert deep.notes == ("its own colour profile was converted to linear sRGB",)
    by_lcms = np.array([190, 49, 2]) / 255  # the colour in linear sRGB
    assert np.abs(deep.pixels[4, 4] / deep.white - by_lcms).max() < 0.01


def test_jpeg_xl_that_is_cut_is_refused(photo: Array) -> None:
    pytest.importorskip("imagecodecs")
    pytest.importorskip("pillow_jxl")
    whole = imageio.encode(from_numpy(photo), "jxl")
    for keep in (20, len(whole) // 2, len(whole) - 1):
        with pytest.raises(UnreadableImage):
            imageio.read_bytes(whole[:keep], "a.jxl")
    with pytest.raises(ImageTooLarge):
        imageio.read_bytes(whole, "a.jxl", ReadOptions(max_pixels=100))


def test_a_failure_of_the_second_decoder_refuses_the_file(photo: Array, monkeypatch: pytest.MonkeyPatch) -> None:
    pillow_jxl = pytest.importorskip("pillow_jxl")
    data = imageio.encode(from_numpy(photo), "jxl")

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("Generic Error")

    monkeypatch.setattr(pillow_jxl, "Decoder", fail)
    with pytest.raises(UnreadableImage, match="corrupt or truncated: Generic Error"):
        imageio.read_bytes(data, "a.jxl")


def test_an_animation_is_read_or_called_unsupported(photo: Array, monkeypatch: pytest.MonkeyPatch) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    pytest.importorskip("pillow_jxl")
    data = bytes(imagecodecs.jpegxl_encode(np.stack([photo, photo[::-1]]), lossless=True))
    assert "animation: not preserved" in imageio.read_bytes(data, "a.jxl").notes

    def fail(*_: Any, **__: Any) -> None:
        raise imagecodecs.JpegxlError("JxlDecoderProcessInput", None)

    monkeypatch.setattr(imagecodecs, "jpegxl_decode", fail)
    with pytest.raises(UnsupportedFormat, match="animation that the decoder cannot read: JxlDecoder"):
        imageio.read_bytes(data, "a.jxl")
