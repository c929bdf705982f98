"""Latent files that are put together by hand, with right checksums all over, by nothing that the writer uses."""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Callable

import pytest

from denoiser.codec import container
from denoiser.errors import DamagedLatent, UnreadableImage
from denoiser.options import ReadOptions

Chunks = list[tuple[bytes, bytes]]
TILE = struct.pack(">I", 7) + b"stream"
FIELDS = {
    "magic": b"\x89DLF\r\n\x1a\n",
    "version": 1,
    "coder": 1,
    "channels": 3,
    "bits": 8,
    "width": 130,
    "height": 60,
    "step": 20,
    "flags": 0,
    "across": 2,
    "down": 1,
    "weights": b"abcdefgh",
}
NO_LATENTS = {"coder": 0, "step": 0, "across": 0, "down": 0, "weights": bytes(8)}
TILES: Chunks = [(b"TILE", TILE), (b"TILE", TILE)]


def attacks(*numbers: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The MUSTs of the page that a test breaks; test_format.py finds these numbers."""
    assert numbers
    return lambda test: test


def chunk(kind: bytes, payload: bytes) -> bytes:
    content = kind + struct.pack(">I", len(payload)) + payload
    return content + struct.pack(">I", zlib.crc32(content))


def header(**changes: object) -> bytes:
    fields = struct.pack(">8sBBBBIIBBBB8s", *(FIELDS | changes).values())
    return fields + struct.pack(">I", zlib.crc32(fields))


def file(chunks: Chunks = TILES, *, done: bool = True, **changes: object) -> bytes:
    """A file with these chunks and a header with these changes; all checksums are right."""
    body = header(**changes) + b"".join(itertools.starmap(chunk, chunks))
    return body + chunk(b"DONE", struct.pack(">I", zlib.crc32(body))) if done else body


def refused(data: bytes, words: str, kind: type[UnreadableImage] = DamagedLatent) -> None:
    with pytest.raises(kind, match=words) as caught:
        container.read_bytes(data, "attack.dlf", ReadOptions(max_pixels=10_000_000))
    assert type(caught.value) is kind
    assert caught.value.message.startswith("attack.dlf")
