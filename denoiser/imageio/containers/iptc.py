"""IPTC records inside of Photoshop's resources, the wrapping that JPEG and PNG put around them.

    "8BIM" | id | name, padded to even | size | data, padded to even

The resource 0x0404 holds the IPTC records.
"""

from __future__ import annotations

from denoiser.imageio.containers.span import Span

IN_JPEG = b"Photoshop 3.0\0"
_IPTC = 0x0404
_PATHS = range(2000, 2999)  # clipping and working paths


def resources(block: bytes) -> dict[int, bytes]:
    """The resources of a block by id, as far as it is whole."""
    found: dict[int, bytes] = {}
    span, at = Span(block), 0
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
    """The IPTC records of a block of resources, or None."""
    return resources(block).get(_IPTC)


def wrapped(records: bytes) -> bytes:
    """A block of resources that holds the IPTC records and nothing else."""
    return (
        b"8BIM"
        + _IPTC.to_bytes(2, "big")
        + b"\0\0"
        + len(records).to_bytes(4, "big")
        + records
        + bytes(len(records) % 2)
    )


def has_paths(block: bytes) -> bool:
    """Whether clipping paths are among the resources."""
    return any(key in _PATHS for key in resources(block))
