"""Damaged latent files: a named error or the same pixels, in bounded time and memory, whatever was done to them."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data

from denoiser.codec import container
from denoiser.codec.decode import Decoder
from denoiser.codec.encode import Encoder
from denoiser.errors import UnreadableImage
from denoiser.image import Image, Metadata
from denoiser.options import DecodeOptions, EncodeOptions

SECONDS_EACH = 1.0
MORE_BYTES = 200 << 20
_WORKER = Path(__file__).with_name("mutation_worker.py")
METADATA = Metadata(exif=b"II*\0\x08\0\0\0\0\0\0\0\0\0", xmp=b"<x/>", comment="a comment", resolution=(72.0, 72.0))


def picture(height: int, width: int, *, alpha: bool) -> Image:
    photo = skimage.data.astronaut()[40 : 40 + height, 180 : 180 + width].copy()
    plane = np.add.outer(np.arange(height), np.arange(width)).astype(np.uint8) if alpha else None
    return Image(photo, alpha=plane, metadata=METADATA)


@pytest.fixture(scope="session")
def files(tiny_codec: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file of latents with alpha and metadata, a bare one of latents, and an exact one."""
    folder = tmp_path_factory.mktemp("latents")
    words = {"model": str(tiny_codec), "device": "cpu", "precision": "fp32"}
    made = {
        "latents": Encoder(EncodeOptions(quality=50, thumbnail=True, **words)).encode(picture(90, 130, alpha=True)),
        "bare": Encoder(EncodeOptions(quality=20, strip=True, **words)).encode(picture(70, 64, alpha=False)),
        "exact": Encoder(EncodeOptions(lossless=True)).encode(picture(20, 30, alpha=True)),
    }
    paths = {name: folder / f"{name}.dlf" for name in made}
    for name, path in paths.items():
        path.write_bytes(made[name].data)
        assert container.read(path).is_exact == (name == "exact")
    return paths


def mutated(path: Path, weights: Path, count: int, seed: int) -> dict[str, Any]:
    words = [sys.executable, str(_WORKER), str(path), str(weights), str(count), str(seed)]
    run = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30 + count * SECONDS_EACH)
    assert run.returncode == 0, run.stderr[-2000:]
    found: dict[str, Any] = json.loads(run.stdout)
    assert found["wrong"] == []
    assert found["slowest"] < SECONDS_EACH
    assert found["growth"] < MORE_BYTES
    assert sum(found["came"].values()) == count
    return found


@pytest.mark.long
@pytest.mark.parametrize("name", ["latents", "bare", "exact"])
def test_a_thousand_mutations_do_no_harm(files: dict[str, Path], tiny_codec: Path, name: str) -> None:
    came = mutated(files[name], tiny_codec, 1000, seed=1)["came"]
    assert came["unsigned refused"] > 400, "most damage is found by the checksums"
    assert came["signed refused"] > 200, "and what is signed again by what lies behind them"
    assert came["signed refused"] < 500, "some of it harmless: else nothing behind the checksums was tried"


@pytest.mark.long
@pytest.mark.parametrize("name", ["latents", "bare", "exact"])
def test_a_hundred_thousand_mutations_do_no_harm(files: dict[str, Path], tiny_codec: Path, name: str) -> None:
    """33,334 of each: a named error or the same pixels, under a second and 200 MB each."""
    mutated(files[name], tiny_codec, 33_334, seed=2)


@pytest.mark.parametrize("name", ["latents", "bare", "exact"])
def test_every_truncation_and_every_flipped_bit_is_refused(files: dict[str, Path], name: str) -> None:
    """Before a single symbol is decoded: nothing of a damaged file is believed."""
    whole = files[name].read_bytes()
    damaged = [whole[:size] for size in range(len(whole))]
    for place in range(8 * len(whole)):
        other = bytearray(whole)
        other[place // 8] ^= 1 << place % 8
        damaged.append(bytes(other))
    for data in damaged:
        with pytest.raises(UnreadableImage, match=r"^a\.dlf"):
            container.read_bytes(data, "a.dlf")


def test_a_flipped_bit_behind_the_checksums_never_becomes_a_picture(
    files: dict[str, Path], tiny_codec: Path
) -> None:
    """Each bit of the streams, with the checksums of the file put right: the symbols' own checksum tells."""
    whole = container.read(files["bare"])
    decoder = Decoder(DecodeOptions(model=str(tiny_codec), device="cpu", precision="fp32"))
    good = decoder.decode(whole, "a.dlf").image
    came = []
    stream = whole.tiles[0].stream
    for place in range(0, 8 * len(stream), 5):
        other = bytearray(stream)
        other[place // 8] ^= 1 << place % 8
        tile = dataclasses.replace(whole.tiles[0], stream=bytes(other))
        try:
            found = decoder.decode(dataclasses.replace(whole, tiles=(tile,)), "a.dlf").image
        except UnreadableImage:
            came.append("refused")
        else:
            came.append("same" if np.array_equal(found.pixels, good.pixels) else "changed")
    assert "changed" not in came
    assert came.count("refused") > 0.8 * len(came)
