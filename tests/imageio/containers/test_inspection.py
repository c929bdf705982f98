"""Inspections: defaults, notes and hidden content."""

from __future__ import annotations

import pytest

from denoiser.image import Metadata
from denoiser.imageio.containers import inspection
from denoiser.imageio.containers.inspection import Inspection, distinct, trailing_note


def test_an_empty_inspection_is_a_single_upright_image() -> None:
    empty = Inspection()
    assert (empty.orientation, empty.frames, empty.hidden, empty.notes) == (1, 1, (), ())
    assert empty.metadata == Metadata()


def test_words_come_once_and_in_order() -> None:
    assert distinct(["depth map", "gain map", "depth map"]) == ("depth map", "gain map")


def test_a_trailer_is_noted_when_there_is_one() -> None:
    assert trailing_note(0) == trailing_note(-8) == []
    assert trailing_note(12_345) == ["12,345 bytes follow after its end"]


@pytest.mark.parametrize(
    ("packet", "words"),
    [
        (None, []),
        (b"<x:xmpmeta/>", []),
        (b'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"', ["gain map"]),
        (b'Item:Semantic="GainMap"', ["gain map"]),
        (b"<apdi:AuxiliaryImageType>urn:com:apple:photo:2020:aux:hdrgainmap<", ["gain map"]),
        (b'xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/"', ["depth map"]),
        (b'GCamera:MicroVideo="1"', ["Motion Photo"]),
        (b"<GCamera:MotionPhoto>1</GCamera:MotionPhoto>", ["Motion Photo"]),
        (b'GCamera:MotionPhoto="0"', []),
        (b'xmlns:GAudio="http://ns.google.com/photos/1.0/audio/"', ["sound"]),
        (b'xmlns:GImage="http://ns.google.com/photos/1.0/image/"', ["second image"]),
    ],
)
def test_hidden_content_in_xmp(packet: bytes | None, words: list[str]) -> None:
    assert inspection.in_xmp(packet) == words


@pytest.mark.parametrize(
    ("trailer", "words"),
    [
        (b"", []),
        (bytes(64), []),
        (b"\0\0\0\x18ftypmp42" + bytes(12), ["Motion Photo"]),
        (b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data....SEFH....SEFT", ["Motion Photo"]),
        (b"\0\0\x30\x0a\x10\0\0\0Image_UTC_Data1700000000SEFH....SEFT", ["Samsung trailer"]),
        (b"DualShot_DepthMap_1" + bytes(100), ["depth map"]),
    ],
)
def test_hidden_content_in_trailers(trailer: bytes, words: list[str]) -> None:
    assert inspection.in_trailer(b"picture" + trailer, 7) == words


@pytest.mark.parametrize(
    ("head", "purpose"),
    [
        (b"\xff\xd8 a photo", None),
        (b"\xff\xd8\xff\xe2urn:iso:std:iso:ts:21496:-1\0", "gain map"),
        (b"\xff\xd8 urn:com:apple:photo:2020:aux:hdrgainmap", "gain map"),
        (b"\xff\xd8 urn:mpeg:hevc:aux:depth", "depth map"),
        (b"\xff\xd8 aux:portraiteffectsmatte", "matte"),
    ],
)
def test_the_purpose_of_further_images(head: bytes, purpose: str | None) -> None:
    assert inspection.purpose_of_image(b"first" + head, 5, 1000) == purpose
