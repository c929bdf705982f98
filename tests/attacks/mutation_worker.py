"""Decodes damaged copies of a latent file under limits of time and memory, and says what came of them, as JSON.

Run by test_mutations.py as a process of its own: one that a decoder may take down. Half of the copies are signed
again: their checksums are right, so that what lies behind the checksums is tried as well.
"""

from __future__ import annotations

import json
import random
import resource
import struct
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from denoiser.codec import container
from denoiser.codec.decode import Decoder
from denoiser.errors import UnknownWeights, UnreadableImage
from denoiser.image import Image
from denoiser.options import DecodeOptions, ReadOptions

HEADER, CHUNK = 36, 12
MAX_PIXELS = (
    1_000_000  # a small picture can be made to promise a larger one, and a person can say how large it may be
)
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF)


def chunks(data: bytes) -> list[tuple[int, int]]:
    """Where each chunk begins and ends, as far as they make sense."""
    found, at = [], HEADER
    while at + CHUNK <= len(data):
        end = at + CHUNK + int.from_bytes(data[at + 4 : at + 8], "big")
        if end > len(data):
            break
        found.append((at, end))
        at = end
    return found


def signed(data: bytes) -> bytes:
    """The same with right checksums all over."""
    parts = [data[: HEADER - 4] + struct.pack(">I", zlib.crc32(data[: HEADER - 4]))]
    for at, end in chunks(data):
        content = data[at : end - 4]
        if content[:4] == b"DONE" and len(content) == 12:
            content = content[:8] + struct.pack(">I", zlib.crc32(b"".join(parts)))
        parts.append(content + struct.pack(">I", zlib.crc32(content)))
    return b"".join(parts) + data[sum(map(len, parts)) :]


def cut(data: bytes, rng: random.Random) -> bytes:
    length = rng.randrange(1, max(2, len(data) // 4))
    at = rng.randrange(len(data) - length)
    return data[:at] + data[at + length :]


def insert(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + rng.randbytes(rng.randrange(1, 64)) + data[at:]


def flip(data: bytes, rng: random.Random) -> bytes:
    damaged = bytearray(data)
    for _ in range(rng.randrange(1, 5)):
        damaged[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def overwrite(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    length = min(rng.randrange(1, 64), len(data) - at)
    block = bytes([rng.choice(EXTREMES)]) * length if rng.random() < 0.5 else rng.randbytes(length)
    return data[:at] + block + data[at + length :]


def header(data: bytes, rng: random.Random) -> bytes:
    """A field of the header becomes small, large, or anything."""
    damaged = bytearray(data)
    at = rng.randrange(8, HEADER - 4)
    damaged[at] = rng.choice([*EXTREMES, damaged[at] ^ (1 << rng.randrange(8)), rng.randrange(256)])
    return bytes(damaged)


def payload(data: bytes, rng: random.Random) -> bytes:
    """Something inside a chunk."""
    at, end = rng.choice(chunks(data))
    inner = data[at + 8 : end - 4]
    if inner:
        inner = rng.choice([flip, overwrite, lambda some, _: some[: rng.randrange(len(some))]])(inner, rng)
    return data[: at + 4] + struct.pack(">I", len(inner)) + inner + data[end - 4 :]


def shuffle(data: bytes, rng: random.Random) -> bytes:
    """Chunks are left out, repeated, renamed or change places."""
    parts = [data[at:end] for at, end in chunks(data)]
    for _ in range(rng.randrange(1, 3)):
        at = rng.randrange(len(parts))
        kind = rng.choice([b"EXAC", b"TILE", b"ALPH", b"news", b"NEWS", b"DONE", b"nois", b"orig", b"reso"])
        parts[at : at + 1] = rng.choice([[], [parts[at]] * 2, [parts[-1], parts[at]], [kind + parts[at][4:]]])
        if not parts:
            break
    return data[:HEADER] + b"".join(parts)


KINDS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    lambda data, rng: data[: rng.randrange(len(data))],
    cut,
    insert,
    flip,
    overwrite,
    header,
    payload,
    shuffle,
)


def outcome(data: bytes, decoder: Decoder, good: Image) -> str:
    try:
        file = container.read_bytes(data, "a.dlf", ReadOptions(max_pixels=MAX_PIXELS))
        picture = decoder.decode(file, "a.dlf").image
    except (UnreadableImage, UnknownWeights) as error:
        named = error.message.startswith("a.dlf") and "\n" not in error.message
        return "refused" if named else f"refused in bad words: {error.message!r}"
    same = picture.pixels.shape == good.pixels.shape and bool((picture.pixels == good.pixels).all())
    return "same" if same else "changed"


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(path: Path, weights: str, count: int, seed: int) -> None:
    whole = path.read_bytes()
    decoder = Decoder(DecodeOptions(model=weights, device="cpu", precision="fp32"))
    good = decoder.decode(container.read(path), path.name).image
    base = peak_bytes()
    rng = random.Random(seed)
    came: Counter[str] = Counter()
    wrong, slowest = [], 0.0
    for number in range(count):
        damaged = KINDS[number % len(KINDS)](whole, rng)
        is_signed = number // len(KINDS) % 2 == 1
        if is_signed:
            damaged = signed(damaged)
        began = time.process_time()
        result = outcome(damaged, decoder, good)
        slowest = max(slowest, time.process_time() - began)
        came[f"{'signed' if is_signed else 'unsigned'} {result}"] += 1
        if "words" in result or (result == "changed" and not is_signed):
            wrong.append({"number": number, "came": result})
    print(json.dumps({"came": came, "wrong": wrong, "slowest": slowest, "growth": peak_bytes() - base}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
