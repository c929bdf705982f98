"""Latent files with all that they can hold."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from denoiser.codec import exact
from denoiser.codec.container import LatentFile, SourceFacts, TileGrid, TileStream
from denoiser.image import Cicp, Image, JpegTables, Metadata

METADATA = Metadata(
    exif=b"II*\0exif",
    xmp=b"<x/>",
    iptc=b"\x1c\2iptc",
    comment="Größe: 2 m",
    resolution=(300.0, 72.5),
    png=b"\0\0\0\1sRGB\0\xae\xce\x1c\xe9",
    resources=b"8BIM\x04\x0a\0\0\0\0\0\1\1\0",
)


@pytest.fixture(scope="session")
def plain() -> LatentFile:
    """One tile and nothing beside it."""
    return LatentFile(
        width=100,
        height=80,
        channels=3,
        bits=8,
        step=38,
        weights="0123456789abcdef",
        grid=TileGrid.planned(100, 80),
        tiles=(TileStream(b"the stream of symbols", 0xDEADBEEF),),
    )


@pytest.fixture(scope="session")
def full(plain: LatentFile) -> LatentFile:
    """Several tiles, and everything that can stand beside them."""
    alpha = np.arange(2000 * 1100, dtype=np.uint32).reshape(1100, 2000) // 777 % 256
    return dataclasses.replace(
        plain,
        width=2000,
        height=1100,
        grid=TileGrid.planned(2000, 1100),
        tiles=tuple(TileStream(bytes([number]) * number, number) for number in range(1, 5)),
        has_alpha=True,
        alpha=exact.encode_plane(alpha.astype(np.uint8)),
        cleaned=True,
        noise=bytes(154),
        thumbnail=b"\xff\xd8\xff small",
        profile=b"profile",
        cicp=Cicp(9, 16),
        jpeg=JpegTables(((9,) * 64, (8,) * 64, (8,) * 64), ((2, 2), (1, 1), (1, 1)), progressive=True),
        metadata=METADATA,
        source=SourceFacts("jpeg", "rgb", False),
    )


@pytest.fixture(scope="session")
def exactly() -> LatentFile:
    """A small picture bit for bit."""
    picture = Image(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))
    return LatentFile(4, 4, 3, 8, exact=exact.encode(picture), metadata=METADATA)
