"""Reads 200 damaged copies of an image under limits of time and memory, and says what came of each, as JSON.

Run by test_hostile.py as a process of its own: one that a decoder may take down.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import time
from pathlib import Path

import numpy as np

from denoiser import imageio
from denoiser.errors import UnreadableImage

MUTATIONS = 200
KINDS = ("truncate", "cut", "flip", "insert", "zero")
MEMORY_BYTES = 3 << 30  # of addresses; the libraries alone take one
CPU_SECONDS = 60


def mutate(whole: bytes, kind: str, rng: random.Random) -> tuple[bytes, int]:
    """A damaged copy, and how many bytes are missing or changed."""
    size = len(whole)
    at = rng.randrange(size)
    if kind == "truncate":
        return whole[:at], size - at
    if kind == "cut":
        length = rng.randrange(1, size // 4)
        at = rng.randrange(size - length)
        return whole[:at] + whole[at + length :], length
    if kind == "insert":
        length = rng.randrange(1, 64)
        return whole[:at] + rng.randbytes(length) + whole[at:], length
    damaged = bytearray(whole)
    if kind == "zero":
        length = min(rng.randrange(1, 256), size - at)
        damaged[at : at + length] = bytes(length)
        return bytes(damaged), length
    count = rng.randrange(1, 5)
    for _ in range(count):
        damaged[rng.randrange(size)] ^= 1 << rng.randrange(8)
    return bytes(damaged), count


def outcome(damaged: bytes, name: str, good: np.ndarray) -> str:
    try:
        picture = imageio.read_bytes(damaged, name)
    except UnreadableImage as error:
        named = error.message.startswith(name) and "\n" not in error.message
        return "refused" if named else f"refused in bad words: {error.message!r}"
    equal = picture.pixels.shape == good.shape and np.array_equal(picture.pixels, good)
    return "same" if equal else "changed"


def main(path: Path, seed: int) -> None:
    whole = path.read_bytes()
    good = imageio.read_bytes(whole, path.name).pixels
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    rng = random.Random(seed)
    for number in range(MUTATIONS):
        kind = KINDS[number % len(KINDS)]
        damaged, size = mutate(whole, kind, rng)
        begun = time.process_time()
        came = outcome(damaged, path.name, good)
        print(json.dumps({"kind": kind, "size": size, "came": came, "seconds": time.process_time() - begun}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
