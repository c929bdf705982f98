"""Boxes, the structure that AVIF, HEIC, JPEG XL and MP4 share: size, name, content; some hold boxes again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from denoiser.imageio.containers.span import MAX_PARTS, Span, broken


@dataclass(frozen=True, slots=True)
class Box:
    """One box: it begins at *start*, and its content of *size* bytes at *at*."""

    name: bytes
    start: int
    at: int
    size: int

    def inside(self, span: Span, skipped: int = 0) -> Span:
        """The content, without its first *skipped* bytes."""
        return span.inner(self.at + skipped, self.size - skipped)


def walk(span: Span) -> Iterator[Box]:
    """The boxes of a stretch, one after the other, each inside of it; UnreadableImage otherwise."""
    at = span.start
    for _ in range(MAX_PARTS):
        if at >= span.end:
            return
        size, name, head = span.number(at, 4), span.take(at + 4, 4), 8
        if size == 1:
            size, head = span.number(at + 8, 8), 16
        elif size == 0:  # the last box: up to the end
            size = span.end - at
        if size < head or not span.has(at, size):
            raise broken(f"truncated: the box {name.decode('latin-1')!r} extends beyond the end of the file")
        yield Box(name, at, at + head, size - head)
        at += size
    raise broken("more boxes than any image needs")


def first(span: Span, *path: bytes) -> Box | None:
    """The first box of the first name, in it the first of the second, and so on; None where there is none."""
    found: Box | None = None
    for name in path:
        inside = span if found is None else found.inside(span)
        found = next((box for box in walk(inside) if box.name == name), None)
        if found is None:
            return None
    return found


def box(name: bytes, content: bytes) -> bytes:
    """A box with this content."""
    return (len(content) + 8).to_bytes(4, "big") + name + content


class Cursor:
    """Reads numbers one after the other, inside of one stretch."""

    __slots__ = ("at", "span")

    def __init__(self, span: Span) -> None:
        self.span = span
        self.at = span.start

    def number(self, size: int) -> int:
        """The next number of *size* bytes; 0 for none."""
        value = self.span.number(self.at, size)
        self.at += size
        return value

    def name(self) -> bytes:
        """The next four bytes."""
        value = self.span.take(self.at, 4)
        self.at += 4
        return value
