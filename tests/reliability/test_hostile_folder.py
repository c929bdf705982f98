"""A folder full of broken pictures of every format: the run ends, names each bad file, and writes no wrong picture.

A mutated file may still be a picture, where its format has no checksum: then it is cleaned like any other. What is
written is therefore compared with what reading that file alone gives.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from denoiser import denoise_folder, imageio
from denoiser.errors import DenoiserError
from denoiser.image import from_numpy
from denoiser.options import BatchOptions, DenoiseOptions, WriteOptions

Maker = Callable[..., Path]
SUFFIXES = (".png", ".jpg", ".tif", ".webp", ".avif", ".bmp")


def _cut(data: bytes, dice: random.Random) -> bytes:
    return data[: dice.randrange(len(data))]


def _flipped(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice((1, 3, 30))):
        changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _torn_out(data: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(len(data))
    return data[:start] + data[start + dice.randrange(1, 200) :]


def _grown(data: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(len(data))
    return data[:start] + dice.randbytes(dice.randrange(1, 100)) + data[start:]


def _numbers_blown_up(data: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(min(200, len(data) - 4))  # where headers are
    return data[:start] + dice.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0")) + data[start + 4 :]


def _random(data: bytes, dice: random.Random) -> bytes:
    return data[:12] + dice.randbytes(300)


MUTATIONS = (_cut, _flipped, _torn_out, _grown, _numbers_blown_up, _random)


def _whole(suffix: str) -> bytes:
    picture = from_numpy(np.random.default_rng(3).integers(0, 256, (30, 40, 3), np.uint8))
    if suffix == ".bmp":
        rows = np.ascontiguousarray(picture.pixels[::-1, :, ::-1]).tobytes()
        sizes = [len(rows) + 54, 0, 54, 40, 40, 30]
        head = b"BM" + b"".join(size.to_bytes(4, "little") for size in sizes) + b"\1\0\x18\0" + bytes(24)
        return head + rows
    return imageio.encode(picture, {".jpg": "jpeg", ".tif": "tiff"}.get(suffix, suffix[1:]), WriteOptions())


def _try_folder(tiny_weights: Path, of_each: int) -> None:
    dice = random.Random(11)
    for suffix in SUFFIXES:
        whole = _whole(suffix)
        place = Path("imgs", suffix[1:])
        place.mkdir(parents=True)
        (place / f"whole{suffix}").write_bytes(whole)
        for number in range(of_each):
            broken = dice.choice(MUTATIONS)(whole, dice)
            (place / f"{number:03}{suffix}").write_bytes(broken)
    before = {path: path.read_bytes() for path in Path("imgs").rglob("*.*")}
    options = DenoiseOptions(model=str(tiny_weights), device="cpu", strength=0.0)
    report = denoise_folder("imgs", "clean", options, batch=BatchOptions(report="report.json"))
    assert (report.done + len(report.failures), report.left) == (len(before), 0)
    failed = {failure.source: failure.error for failure in report.failures}
    assert len(failed) > len(before) / 4 and report.done >= len(SUFFIXES)
    for path, data in before.items():
        assert path.read_bytes() == data, "an input was touched"
        if path in failed:
            assert path.name in failed[path].message and failed[path].hint is not None
            assert "unexpected" not in failed[path].message, failed[path].message
    _compare(set(before) - set(failed))


def _compare(cleaned: set[Path]) -> None:
    """At strength 0 an output is its source, so far as the format allows."""
    outputs = {path for path in Path("clean").rglob("*.*") if ".denoise" not in path.parts}
    assert len(outputs) == len(cleaned)
    for source in cleaned:
        (target,) = (
            path for path in outputs if path.parent.name == source.parent.name and path.stem == source.stem
        )
        written, expected = imageio.read(target), imageio.read(source)
        assert written.pixels.shape == expected.pixels.shape
        difference = np.abs(written.pixels.astype(float) - expected.pixels.astype(float))
        lossy = target.suffix in (".jpg", ".webp", ".avif")
        assert difference.mean() < (24 if lossy else 1e-9), source


def test_a_folder_of_broken_pictures(folder: Path, tiny_weights: Path) -> None:
    _try_folder(tiny_weights, 12)


@pytest.mark.long
def test_a_large_folder_of_broken_pictures(folder: Path, tiny_weights: Path) -> None:
    _try_folder(tiny_weights, 200)


def test_each_mutation_breaks_something() -> None:
    """A mutation that every decoder takes would test nothing."""
    whole, dice = _whole(".png"), random.Random(1)
    for mutate in MUTATIONS:
        broken = 0
        for _ in range(20):
            try:
                imageio.read_bytes(mutate(whole, dice), "a.png")
            except DenoiserError:
                broken += 1
        assert broken, mutate.__name__
