"""XMP packets: values set as text, long ones divided for JPEG and joined again without a changed byte."""

from __future__ import annotations

import hashlib
import time
import xml.etree.ElementTree as ET

import pytest

from denoiser.imageio.containers import xmp

_HEAD = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
_TAIL = b"</rdf:RDF></x:xmpmeta>"


def _siblings(count: int) -> bytes:
    one = b'<rdf:Description rdf:about="" xmlns:a="urn:a" a:x="a > b"><!-- <a> --><a:y>%s</a:y></rdf:Description>'
    return _HEAD + b"".join(one % (b"%d" % number * 3000) for number in range(count)) + _TAIL


def _properties(count: int) -> bytes:
    inner = b"".join(
        b"<a:p%d><rdf:Seq><rdf:li>%s</rdf:li></rdf:Seq></a:p%d>" % (n, b"v" * 5000, n) for n in range(count)
    )
    return (
        _HEAD
        + b'<rdf:Description rdf:about="" xmlns:a="urn:a" a:first="1">'
        + inner
        + b"</rdf:Description>"
        + _TAIL
    )


@pytest.mark.parametrize("packet", [_siblings(30), _properties(30)], ids=["descriptions", "properties"])
def test_a_long_packet_is_divided_into_two_that_are_well_formed(packet: bytes) -> None:
    halves = xmp.split(packet)
    assert halves is not None
    main, extension = halves
    assert len(main) <= xmp.MAX_MAIN_IN_JPEG < len(packet)
    assert xmp.extension_wanted(main) == hashlib.md5(extension).hexdigest().upper().encode()
    for half in halves:
        assert ET.fromstring(half).tag == "{adobe:ns:meta/}xmpmeta"


@pytest.mark.parametrize("count", [20, 22, 30, 200])
def test_whole_descriptions_come_back_byte_for_byte(count: int) -> None:
    packet = _siblings(count)
    halves = xmp.split(packet)
    assert halves is not None and xmp.joined(*halves) == packet


def test_one_long_value_goes_over_whole() -> None:
    packet = _HEAD + b'<rdf:Description a="' + b"v" * 70_000 + b'"/>' + _TAIL
    halves = xmp.split(packet)
    assert halves is not None and len(halves[0]) < 400 and xmp.joined(*halves) == packet


def test_divided_properties_come_back_all() -> None:
    packet = _properties(30)
    halves = xmp.split(packet)
    joined = xmp.joined(*halves) if halves else None
    assert joined is not None

    def properties(text: bytes) -> list[str]:
        return sorted(e.tag for e in ET.fromstring(text).iter() if e.tag.startswith("{urn:a}"))

    assert properties(joined) == properties(packet)


@pytest.mark.parametrize(
    "packet",
    [b"", b"x" * 70_000, _HEAD + b"v" * 70_000],
    ids=["empty", "text", "open"],
)
def test_what_cannot_be_divided_is_not(packet: bytes) -> None:
    assert xmp.split(packet) is None


def test_the_note_of_other_programs_is_taken_out_on_joining() -> None:
    main = _HEAD + b'<rdf:Description xmpNote:HasExtendedXMP="0123456789ABCDEF0123456789ABCDEF"/>' + _TAIL
    joined = xmp.joined(main, _HEAD + b"<rdf:Description/>" + _TAIL)
    assert joined == _HEAD + b"<rdf:Description/><rdf:Description/>" + _TAIL
    assert xmp.joined(main, b"") is None


@pytest.mark.parametrize(
    "form", [b'tiff:Orientation="%d"', b"tiff:Orientation = '%d'", b"<tiff:Orientation>%d</t>"]
)
def test_orientation_is_reset_in_place(form: bytes) -> None:
    assert xmp.with_orientation_reset(b"<a " + form % 8) == b"<a " + form % 1
    assert xmp.with_orientation_reset(b"Orientation=12") == b"Orientation=12"


def test_sizes_are_set_where_they_are_named() -> None:
    packet = b'exif:PixelXDimension="640" <exif:PixelYDimension>480</exif:PixelYDimension> tiff:ImageWidth="640"'
    assert xmp.with_size(packet, 480, 1000) == packet.replace(b"480", b"1000").replace(b"640", b"480")


@pytest.mark.parametrize(
    "piece", [b'<a "', b"<!--", b"<![CDATA[", b" " * 100, b"<rdf:RDF", b"<a ", b"xmpNote:HasExtendedXMP "]
)
def test_time_stays_in_step_with_length(piece: bytes) -> None:
    packet = _HEAD + piece * (1_000_000 // len(piece)) + _TAIL
    began = time.process_time()
    xmp.split(packet)
    xmp.joined(packet, packet)
    xmp.with_orientation_reset(packet)
    xmp.with_size(packet, 1, 1)
    assert time.process_time() - began < 5
