"""Whether a JPEG is complete, as far as its structure tells: frame, scans, restarts, end.

That the coded data of a scan reach its last block cannot be seen without decoding them, except where restart
markers count the blocks; the decoder must be asked to take its warnings for errors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from denoiser.imageio.containers.jpeg import DRI, FRAMES, SOS, Segment, walk
from denoiser.imageio.containers.span import Data, Span, broken

MAX_SCANS = 500  # ten are usual; thousands of them on a large frame are a known way to keep a decoder busy
_RESTART = re.compile(rb"\xff([\xd0-\xd7])")
_CYCLE = bytes(range(0xD0, 0xD8))
_PROGRESSIVE, _LOSSLESS = {0xC2, 0xC6, 0xCA, 0xCE}, {0xC3, 0xC7, 0xCB, 0xCF}


@dataclass(frozen=True, slots=True)
class Frame:
    """The frame header: size, and the sampling factors of each component by its id."""

    marker: int
    width: int
    height: int
    sampling: dict[int, tuple[int, int]]

    def units(self, components: list[int]) -> int:
        """How many units a scan of these components codes: interleaved units, or blocks when it is but one."""
        across = max(h for h, _ in self.sampling.values())
        down = max(v for _, v in self.sampling.values())
        if len(components) > 1:
            return _ceil(self.width, 8 * across) * _ceil(self.height, 8 * down)
        h, v = self.sampling[components[0]]
        return _ceil(_ceil(self.width * h, across), 8) * _ceil(_ceil(self.height * v, down), 8)


def check_whole(data: Data) -> None:
    """Raises UnreadableImage when the structure shows that something is missing or out of place."""
    span = Span(data)
    frame: Frame | None = None
    interval = scans = 0
    drawn: set[int] = set()
    for segment in walk(data):
        if segment.marker in FRAMES:
            if frame is not None:
                raise broken("a JPEG with two frame headers")
            frame = _read_frame(span, segment)
        elif segment.marker == DRI and segment.size >= 2:
            interval = span.number(segment.at, 2)
        elif segment.marker == SOS:
            if frame is None:
                raise broken("picture data before the frame header")
            scans += 1
            if scans > MAX_SCANS:
                raise broken(f"more than {MAX_SCANS} scans")
            drawn.update(_check_scan(span, segment, frame, interval))
    if frame is None or not scans:
        raise broken("cut short: no picture data before the end marker")
    if drawn != set(frame.sampling):
        raise broken("cut short: a colour component has no picture data")


def _read_frame(span: Span, segment: Segment) -> Frame:
    header = span.take(segment.at, segment.size)
    if len(header) < 6 or len(header) != 6 + 3 * header[5] or not header[5]:
        raise broken("a JPEG frame header of the wrong length")
    height, width = int.from_bytes(header[1:3], "big"), int.from_bytes(header[3:5], "big")
    if not width or not height:
        raise broken("a JPEG frame header without a size")
    sampling = {header[at]: (header[at + 1] >> 4, header[at + 1] & 15) for at in range(6, len(header), 3)}
    if len(sampling) != header[5] or any(not 1 <= f <= 4 for pair in sampling.values() for f in pair):
        raise broken("a JPEG frame header with impossible components")
    return Frame(segment.marker, width, height, sampling)


def _check_scan(span: Span, segment: Segment, frame: Frame, interval: int) -> list[int]:
    """The components that this scan draws, or begins to draw."""
    header = span.take(segment.at, segment.size)
    count = header[0] if header else 0
    if not 1 <= count <= 4 or len(header) != 4 + 2 * count:
        raise broken("a JPEG scan header of the wrong length")
    components = [header[1 + 2 * index] for index in range(count)]
    if any(component not in frame.sampling for component in components) or len(set(components)) != count:
        raise broken("a JPEG scan of components that the frame does not have")
    start = segment.at + segment.size
    if segment.data_end == start:
        raise broken("cut short: a JPEG scan without data")
    if interval and frame.marker not in _LOSSLESS:
        _check_restarts(span, start, segment.data_end, _ceil(frame.units(components), interval) - 1)
    first_of_progressive = header[-3] == 0 and header[-1] >> 4 == 0
    return components if frame.marker not in _PROGRESSIVE or first_of_progressive else []


def _check_restarts(span: Span, start: int, end: int, expected: int) -> None:
    # In steps, so that a file of restart markers alone takes no memory beyond its own size.
    found = b"".join(_RESTART.findall(span.data, start, end))
    if found != (_CYCLE * (len(found) // 8 + 1))[: len(found)]:
        raise broken("restart markers out of order: picture data are missing or exchanged")
    if len(found) < expected:
        raise broken(f"cut short: {len(found)} of {expected} restart markers")


def _ceil(size: int, unit: int) -> int:
    return -(-size // unit)
