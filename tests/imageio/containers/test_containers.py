"""`inspect`, `check_whole` and `embed` for every format, and malicious files."""

from __future__ import annotations

import mmap
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from denoiser.errors import UnreadableImage
from denoiser.image import Metadata
from denoiser.imageio import containers

Encode = Callable[..., bytes]
WRITTEN = ["avif", "jpeg", "png", "tiff", "webp"]
ALL = [*WRITTEN, "bmp", "heif"]
SEED = 20
ROUNDS = 200


def _full_file(encode: Encode, full: Metadata, format: str) -> bytes:
    encoded = encode(format)
    return containers.embed(encoded, format, full, b"profile" * 1000)


@pytest.mark.parametrize("format", WRITTEN)
def test_metadata_is_preserved_or_named(encode: Encode, full: Metadata, profile: bytes, format: str) -> None:
    found = containers.inspect(containers.embed(encode(format), format, full, profile), format)
    named = containers.not_carried(format, full, profile)
    assert found.profile == profile and found.metadata.xmp == full.xmp
    assert (found.metadata.iptc == full.iptc) != ("IPTC" in named)
    assert (found.metadata.comment == full.comment) != ("comment" in named)
    assert (found.metadata.resources == full.resources) != any("Photoshop" in word for word in named)
    assert found.metadata.resolution == full.resolution  # from EXIF, where the format has no place of its own
    if format != "tiff":  # there the block is taken apart and put together again: see test_tiff_blocks
        assert found.metadata.exif == full.exif


def test_resolution_is_named_only_where_exif_does_not_tell_it(full: Metadata) -> None:
    assert containers.not_carried("webp", Metadata(resolution=(300.0, 300.0))) == ("resolution",)
    assert "resolution" not in containers.not_carried("webp", full)
    assert containers.not_carried("tiff", Metadata(exif=b"damaged"))[0].startswith("EXIF")


@pytest.mark.parametrize("format", ALL)
def test_a_mapped_file_is_read_alike_and_can_be_closed_afterwards(
    encode: Encode, full: Metadata, tmp_path: Path, format: str
) -> None:
    data = _full_file(encode, full, format)
    path = tmp_path / "file"
    for whole in (data, data[: len(data) // 2]):
        path.write_bytes(whole)
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            if whole is data:
                containers.check_whole(mapped, format)
                found = containers.inspect(mapped, format)
                assert found == containers.inspect(memoryview(data), format) == containers.inspect(data, format)
            else:
                with pytest.raises(UnreadableImage):
                    containers.check_whole(mapped, format)


def test_upright_metadata(full: Metadata) -> None:
    turned = containers.upright(full, 480, 640, orientation=6)
    assert turned.exif and turned.xmp
    assert containers.exif.orientation(turned.exif) == 1 and b'tiff:Orientation="1"' in turned.xmp
    assert (turned.iptc, turned.comment) == (full.iptc, full.comment)
    different = Metadata(resolution=(300.0, 72.0))
    assert containers.upright(different, 1, 1, orientation=5).resolution == (72.0, 300.0)
    assert containers.upright(different, 1, 1, orientation=3) == different


def test_an_orientation_only_in_xmp_is_kept_if_nothing_was_turned() -> None:
    alone = Metadata(xmp=b'<rdf:Description tiff:Orientation="3"/>')
    assert containers.upright(alone, 9, 9) == alone
    assert containers.upright(alone, 9, 9, orientation=3).xmp == b'<rdf:Description tiff:Orientation="1"/>'


def test_an_unknown_format_is_empty_and_passes() -> None:
    containers.check_whole(b"anything", "x3f")
    assert containers.inspect(b"anything", "x3f") == containers.Inspection()
    assert containers.embed(b"anything", "x3f", Metadata(xmp=b"<x/>"), None) == b"anything"


def _mutated(data: bytes, chance: random.Random) -> bytes:
    """The file with a few bytes changed, cut or doubled; most often near its start, where the structure is."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        at = min(int(chance.expovariate(8 / len(changed))), len(changed) - 1)
        kind = chance.randrange(5)
        if kind == 0:
            changed[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        elif kind == 1:
            changed[at : at + 4] = chance.choice(
                (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\1")
            )
        elif kind == 2:
            del changed[at : at + chance.choice((1, 2, 4, 100))]
        elif kind == 3:
            changed[at:at] = changed[at : at + chance.choice((1, 4, 12, 100))]
        else:
            changed[at] ^= 1 << chance.randrange(8)
        if len(changed) < 2:
            break
    return bytes(changed)


@pytest.mark.parametrize("format", [*ALL, "jxl", "raw"])
def test_mutations_give_a_result_or_an_unreadable_image(encode: Encode, full: Metadata, format: str) -> None:
    chance = random.Random(SEED)
    whole = _full_file(encode, full, {"jxl": "avif", "raw": "tiff"}.get(format, format))
    if format == "jxl":
        whole = containers.embed(b"\xff\x0a\x28\x01" + bytes(40), "jxl", full, None)
    began = time.process_time()
    reasons = []
    for _ in range(ROUNDS):
        data = _mutated(whole, chance)
        for look in (containers.check_whole, containers.inspect):
            try:
                look(data, format)
            except UnreadableImage as error:
                reasons.append(error.message)
    assert bool(reasons) == (format != "raw")  # a RAW file's metadata are taken as far as they go
    assert all(reason.isprintable() and 0 < len(reason) < 200 for reason in reasons)
    assert time.process_time() - began < 20


@pytest.mark.parametrize("format", WRITTEN)
def test_mutated_blocks_do_not_damage_the_image(encode: Encode, full: Metadata, format: str) -> None:
    chance = random.Random(SEED)
    bare = encode(format)
    assert full.exif and full.xmp and full.iptc
    for _ in range(ROUNDS):
        metadata = Metadata(_mutated(full.exif, chance), _mutated(full.xmp, chance), _mutated(full.iptc, chance))
        metadata = containers.upright(metadata, 48, 64, orientation=6)
        small = containers.exif.with_thumbnail(metadata.exif or b"", b"\xff\xd8" + bytes(chance.randrange(2000)))
        containers.exif.summary(small)
        encoded = containers.embed(bare, format, Metadata(small, metadata.xmp, metadata.iptc), None)
        containers.check_whole(encoded, format)
        found = containers.inspect(encoded, format)
        assert (found.width, found.height) == (64, 48)


@pytest.mark.parametrize("format", ALL)
def test_rubbish_is_refused(format: str) -> None:
    chance = random.Random(SEED)
    for size in (0, 1, 3, 8, 100, 5000):
        for data in (bytes(size), b"\xff" * size, chance.randbytes(size)):
            with pytest.raises(UnreadableImage):
                containers.check_whole(data, format)
