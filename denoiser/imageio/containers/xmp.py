"""XMP packets and IPTC records.

JPEG has 64 KB of an XMP packet in one segment and the rest in extension segments; other formats have one packet.
`joined` moves the descriptions of the extension into the main packet, `split` moves them out again. IPTC records
are in Photoshop resources:

"8BIM" | id | name, padded to even | size | data, padded to even

The resource 0x0404 holds the IPTC records.
"""

from __future__ import annotations

import hashlib
import html
import re
import struct
from collections.abc import Iterator

from denoiser.imageio.containers.span import ByteSpan

MAX_MAIN_IN_JPEG = 65_533 - 29  # a segment without "http://ns.adobe.com/xap/1.0/" and its zero byte

_ORIENTATION = re.compile(rb"(tiff:Orientation\s*(?:=\s*[\"']|>)\s*)[2-8](?=\s*[\"'<])")
_NOTE = re.compile(rb"\sxmpNote:HasExtendedXMP\s*=\s*[\"']([0-9A-Fa-f]{32})[\"']|"
                   rb"<xmpNote:HasExtendedXMP>\s*([0-9A-Fa-f]{32})\s*</xmpNote:HasExtendedXMP>")  # fmt: skip
_OUR_NOTE = (
    b'<rdf:Description rdf:about="" xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="%s"/>'
)
_OUR_NOTE_FOUND = re.compile(re.escape(_OUR_NOTE).replace(b"%s", b"[0-9A-F]{32}"))
_HEAD = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
_TAIL = b"</rdf:RDF></x:xmpmeta>"
_PACKET_BEGIN = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>'
_PACKET_END = b'<?xpacket end="w"?>'
_RDF_END = b"</rdf:RDF>"
_RDF_BEGIN = re.compile(rb"<rdf:RDF\b[^<>]*>")
# A tag, whose quoted values may contain ">"; or a comment, CDATA section or instruction.
_TAG = re.compile(
    rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|<(/?)([\w:.-]+)((?:\"[^\"]*\"|'[^']*'|[^\"'<>])*?)(/?)>", re.DOTALL
)


def with_orientation_reset(xmp: bytes) -> bytes:
    """Return the packet with orientation 1; its length is unchanged."""
    return _ORIENTATION.sub(rb"\g<1>1", xmp)


def with_size(xmp: bytes, width: int, height: int) -> bytes:
    """Return the packet with this size in its EXIF and TIFF properties."""
    sizes = {rb"(?:exif:PixelX|exif:PixelXDimension|tiff:ImageWidth)": width,
             rb"(?:exif:PixelY|exif:PixelYDimension|tiff:ImageLength)": height}  # fmt: skip
    for name, value in sizes.items():
        xmp = re.sub(rb"(" + name + rb"\s*(?:=\s*[\"']|>)\s*)\d{1,9}(?=\s*[\"'<])", rb"\g<1>%d" % value, xmp)
    return xmp


def extension_wanted(main: bytes) -> bytes | None:
    """Return the name (an MD5 in hex) of the extension that the main packet refers to, or None."""
    found = _NOTE.search(main)
    return (found[1] or found[2]) if found else None


def joined(main: bytes, extension: bytes) -> bytes | None:
    """Return one packet from a main packet and its extension, or None if one of them is corrupt."""
    begin, inner_end = _RDF_BEGIN.search(extension), extension.rfind(_RDF_END)
    place = main.rfind(_RDF_END)
    if not begin or inner_end < begin.end() or place < 0:
        return None
    head = main[:place]
    ours = list(_OUR_NOTE_FOUND.finditer(head))
    head = head[: ours[-1].start()] + head[ours[-1].end() :] if ours else _NOTE.sub(b"", head)
    return head + extension[begin.end() : inner_end] + main[place:]


def split(packet: bytes, limit: int = MAX_MAIN_IN_JPEG) -> tuple[bytes, bytes] | None:
    """Return a main packet of at most *limit* bytes and its extension, or None if that is impossible.

    The extension has the last descriptions, or else properties of the last description.
    """
    place = packet.rfind(_RDF_END)
    begin = _RDF_BEGIN.search(packet)
    if place < 0 or begin is None or begin.end() > place:
        return None
    spare = limit - (len(packet) - place) - len(_OUR_NOTE) - 32
    for start, end, opening, closing in _cuts(packet, begin.end(), place):
        if start + len(closing) <= spare:
            moved = packet[start:end]
            extension = _HEAD + opening + moved + closing + packet[end + len(closing) : place] + _TAIL
            name = hashlib.md5(extension, usedforsecurity=False).hexdigest().upper().encode()
            return packet[:start] + closing + _OUR_NOTE % name + packet[place:], extension
    return None


def _cuts(packet: bytes, begin: int, end: int) -> list[tuple[int, int, bytes, bytes]]:
    """Return where the packet can be cut, the latest first: (from, to, opening, closing tag of the part)."""
    cuts: list[tuple[int, int, bytes, bytes]] = []
    inner: list[tuple[int, bytes]] = []
    depth = 0
    opening = b""
    for tag in _tags(packet, begin, end):
        closes, empty = bool(tag[1]), bool(tag[4])
        if not closes and depth == 0:
            cuts.append((tag.start(), end, b"", b""))
            opening = _description_opening(tag)
            inner = []
        elif not closes and depth == 1:
            inner.append((tag.start(), opening))
        if not empty:
            depth += -1 if closes else 1
        if closes and depth == 0:
            closing = tag[0]
            cuts.extend((at, tag.start(), head, closing) for at, head in inner)
    # Whole descriptions first, then parts of one, each the longest main packet first.
    return sorted(cuts, key=lambda cut: (bool(cut[2]), -cut[0])) if depth == 0 else []


def _tags(packet: bytes, begin: int, end: int) -> Iterator[re.Match[bytes]]:
    """Yield the tags, without comments and instructions, up to the first invalid one, in linear time."""
    while (at := packet.find(b"<", begin, end)) >= 0:
        tag = _TAG.match(packet, at, end)
        if tag is None:
            return
        begin = tag.end()
        if tag[2] is not None:
            yield tag


def _description_opening(tag: re.Match[bytes]) -> bytes:
    """Return the tag with its namespaces and rdf:about, but without its properties."""
    kept = re.findall(rb"\s+(?:xmlns:[\w.-]+|rdf:about)\s*=\s*(?:\"[^\"]*\"|'[^']*')", tag[3])
    return b"<" + tag[2] + b"".join(kept) + b">"


def with_property(packet: bytes | None, namespace: str, name: str, value: str) -> bytes | None:
    """Return the packet, or a new one, with this property in its own description, replacing an older one.

    *namespace* ends with "/", *name* is a plain word. Returns None if the packet is corrupt, or not in UTF-8.
    """
    description = (
        f'<rdf:Description rdf:about="" xmlns:own="{_escaped(namespace)}" own:{name}="{_escaped(value)}"/>'.encode()
    )
    return _with_description(_own(namespace, name).sub(b"", packet) if packet else None, description)


def with_dublin_core(packet: bytes | None, properties: dict[str, str]) -> bytes | None:
    """Return the packet, or a new one, with these properties of Dublin Core, where it has none of that name."""
    items = ""
    for name, value in properties.items():
        if packet is None or f"dc:{name}".encode() not in packet:
            kind, language = ("Seq", "") if name == "creator" else ("Alt", ' xml:lang="x-default"')
            value = "".join(letter for letter in value if letter.isprintable() or letter in "\n\t")
            item = f"<rdf:li{language}>{html.escape(value)}</rdf:li>"
            items += f"<dc:{name}><rdf:{kind}>{item}</rdf:{kind}></dc:{name}>"
    if not items:
        return packet
    head = '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">'
    return _with_description(packet, f"{head}{items}</rdf:Description>".encode()) or packet


def _with_description(packet: bytes | None, description: bytes) -> bytes | None:
    if packet is None:
        return _PACKET_BEGIN + _HEAD + description + _TAIL + _PACKET_END
    place = packet.rfind(_RDF_END)
    return None if place < 0 else packet[:place] + description + packet[place:]


def property_of(packet: bytes, namespace: str, name: str) -> str | None:
    """Return the last value of a property that `with_property` wrote, or None."""
    found = _own(namespace, name).findall(packet)
    return html.unescape(found[-1].decode("utf-8", "replace")) if found else None


def _own(namespace: str, name: str) -> re.Pattern[bytes]:
    place = re.escape(f'xmlns:own="{_escaped(namespace)}" own:{name}='.encode())
    return re.compile(rb'<rdf:Description rdf:about="" ' + place + rb'"([^"<>]*)"/>')


def _escaped(text: str) -> str:
    return html.escape(text, quote=True)


IN_JPEG = b"Photoshop 3.0\0"
_IPTC = 0x0404
_CARRIED = (0x040A, 0x040B, 0x041E, 0x0425)
_PATHS = range(2000, 2999)  # clipping and working paths


def resources(block: bytes) -> dict[int, bytes]:
    """Return the resources of a block by ID, up to the first that is truncated."""
    found: dict[int, bytes] = {}
    span, at = ByteSpan(block), 0
    while span.has(at, 12) and block[at : at + 4] in (b"8BIM", b"AgHg", b"DCSR", b"PHUT", b"MeSa"):
        name_size = block[at + 6] + 1
        start = at + 6 + name_size + name_size % 2
        if not span.has(start, 4):
            break
        size = span.number(start, 4)
        if not span.has(start + 4, size):
            break
        found.setdefault(span.number(at + 4, 2), block[start + 4 : start + 4 + size])
        at = start + 4 + size + size % 2
    return found


def unwrapped(block: bytes) -> bytes | None:
    """Return the IPTC records of a block of resources, or None."""
    return resources(block).get(_IPTC)


def carried_resources(block: bytes) -> bytes | None:
    """Return the resources of a block that are copied: copyright flag, URL, URLs, and the digest of the IPTC."""
    found = resources(block)
    return b"".join(_resource(key, found[key]) for key in _CARRIED if key in found) or None


def wrapped(records: bytes | None, others: bytes | None = None) -> bytes:
    """Return a block of resources with the IPTC records, and others."""
    return (_resource(_IPTC, records) if records else b"") + (others or b"")


def _resource(key: int, data: bytes) -> bytes:
    return struct.pack(">4sH2xI", b"8BIM", key, len(data)) + data + bytes(len(data) % 2)


def has_paths(block: bytes) -> bool:
    """Return whether there are clipping paths among the resources."""
    return any(key in _PATHS for key in resources(block))
