"""XMP packets: properties, and packets divided for JPEG and joined again without a changed byte."""

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
def test_whole_descriptions_are_preserved_byte_for_byte(count: int) -> None:
    packet = _siblings(count)
    halves = xmp.split(packet)
    assert halves is not None and xmp.joined(*halves) == packet


def test_one_long_value_is_moved_as_a_whole() -> None:
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


def test_the_note_of_other_programs_is_removed_on_joining() -> None:
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


@pytest.mark.parametrize("packet", [None, _siblings(2), _properties(1), _HEAD + _TAIL])
def test_a_property_of_our_own_is_added_read_and_replaced(packet: bytes | None) -> None:
    value = '{"a":"<b> & \\"c\\"","d":0.5}'
    written = xmp.with_property(packet, "urn:us:1.0/", "word", value)
    assert written is not None
    ET.fromstring(written)
    assert xmp.property_of(written, "urn:us:1.0/", "word") == value
    assert xmp.property_of(written, "urn:us:1.0/", "other") is None
    assert xmp.property_of(packet or b"", "urn:us:1.0/", "word") is None
    again = xmp.with_property(written, "urn:us:1.0/", "word", "2")
    assert again is not None
    assert xmp.property_of(again, "urn:us:1.0/", "word") == "2"
    assert again.count(b"urn:us:1.0/") == 1
    if packet is not None:
        # What was there stays, byte for byte.
        assert (
            again.replace(again[again.index(b'<rdf:Description rdf:about="" xmlns:own=') : -len(_TAIL)], b"")
            == packet
        )


def test_other_programs_see_the_property_under_its_name() -> None:
    written = xmp.with_property(_siblings(1), "urn:us:1.0/", "word", "a & b")
    assert written is not None
    found = [part.attrib.get("{urn:us:1.0/}word") for part in ET.fromstring(written).iter()]
    assert "a & b" in found


def test_a_packet_without_a_place_stays_alone() -> None:
    assert xmp.with_property(b"no packet", "urn:us:1.0/", "word", "1") is None
    assert xmp.with_property((_HEAD + _TAIL).decode().encode("utf-16"), "urn:us:1.0/", "word", "1") is None


def test_a_long_packet_with_a_property_is_divided_and_joined() -> None:
    written = xmp.with_property(_siblings(30), "urn:us:1.0/", "word", "x" * 500)
    assert written is not None
    halves = xmp.split(written)
    assert halves is not None
    joined = xmp.joined(*halves)
    assert joined is not None and xmp.property_of(joined, "urn:us:1.0/", "word") == "x" * 500


@pytest.mark.parametrize("size", [1, 2, 7, 100_000])
def test_records_come_out_as_they_went_in(size: int) -> None:
    records = bytes(range(256)) * (size // 256 + 1)
    assert xmp.unwrapped(xmp.wrapped(records[:size])) == records[:size]


def test_records_are_found_behind_other_resources_with_names() -> None:
    path = b"8BIM\x07\xd0\x06Path 1\0\0\0\0\x03abc\0"
    assert xmp.unwrapped(path + xmp.wrapped(b"records")) == b"records"
    assert xmp.has_paths(path) and not xmp.has_paths(xmp.wrapped(b"records"))


@pytest.mark.parametrize("cut", range(0, 19, 3))
def test_a_cut_block_gives_nothing(cut: int) -> None:
    assert xmp.unwrapped(xmp.wrapped(b"records")[:cut]) is None


def test_only_some_resources_are_carried() -> None:
    flag, url = xmp._resource(0x040A, b"\1"), xmp._resource(0x040B, b"https://example.com")
    block = b"8BIM\x03\xed\4name\0\0\0\0\2ab" + url + xmp.wrapped(b"records") + flag + xmp._resource(2000, b"path")
    assert xmp.carried_resources(block) == flag + url
    assert xmp.resources(xmp.wrapped(b"records", flag + url)) == {
        0x0404: b"records",
        0x040A: b"\1",
        0x040B: b"https://example.com",
    }
    assert xmp.carried_resources(b"") is None
