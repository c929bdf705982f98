"""Pictures that a transform coder can do something with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from denoiser.codec.container import TileGrid
from denoiser.image import Image
from denoiser.options import DecodeOptions, EncodeOptions


@pytest.fixture
def make_photo() -> Callable[..., Image]:
    """Soft shapes with a little texture, of any size and kind."""

    def make(height: int, width: int, *, channels: int = 3, bits: int = 8, noise: float = 0.0) -> Image:
        dice = np.random.default_rng(height * 7919 + width)
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        planes = [
            np.sin(x / (17 + 9 * c)) * np.cos(y / (23 - 5 * c)) + 0.3 * np.sin((x + 2 * y) / 5)
            for c in range(channels)
        ]
        values = (
            0.5 + 0.22 * np.stack(planes, axis=2) + dice.normal(0, noise / 255 + 0.004, (height, width, channels))
        )
        if bits == 32:
            return Image(values.astype(np.float32))
        white = (1 << bits) - 1
        dtype = np.uint8 if bits <= 8 else np.uint16
        return Image(np.rint(np.clip(values, 0, 1) * white).astype(dtype), bits=bits)

    return make


@pytest.fixture
def asked(tiny_codec: Path) -> Callable[..., EncodeOptions]:
    """Options to encode with the tiny codec."""
    return lambda **words: EncodeOptions(model=str(tiny_codec), device="cpu", precision="fp32", **words)


@pytest.fixture
def wanted(tiny_codec: Path) -> Callable[..., DecodeOptions]:
    """Options to decode with it."""
    return lambda **words: DecodeOptions(model=str(tiny_codec), device="cpu", precision="fp32", **words)


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are cut into tiles of 128 x 64 pixels, as a file may say: large ones would take long."""
    monkeypatch.setattr(TileGrid, "planned", classmethod(lambda _cls, wide, tall: TileGrid(wide, tall, 128, 64)))
