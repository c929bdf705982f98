"""A latent file is sound when it is built: parts that contradict each other never become one."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from denoiser.codec.container import Exact, LatentFile, SourceFacts, TileGrid, TileStream
from denoiser.errors import DamagedLatent

TILE = TileStream(b"x", 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 0},
        {"height": -1},
        {"width": 1 << 31},
        {"channels": 2},
        {"channels": 4},
        {"bits": 0},
        {"bits": 17},
        {"step": 64},
        {"step": -1},
        {"grid": None},
        {"grid": TileGrid.planned(80, 100)},
        {"tiles": ()},
        {"tiles": (TILE, TILE)},
        {"weights": ""},
        {"weights": "0" * 16},
        {"weights": "g" * 16},
        {"weights": "A" * 16},
        {"has_alpha": True},
        {"alpha": Exact("webp", b"RIFF")},
        {"exact": Exact("webp", b"RIFF")},
        {"noise": bytes(154)},
        {"noise": bytes(153), "cleaned": True},
    ],
)
def test_contradictions_are_refused(plain: LatentFile, changes: dict[str, Any]) -> None:
    with pytest.raises(DamagedLatent):
        dataclasses.replace(plain, **changes)


@pytest.mark.parametrize(
    "changes", [{"step": 1}, {"weights": "0123456789abcdef"}, {"cleaned": True}, {"tiles": (TILE,)}, {"bits": 32}]
)
def test_an_exact_picture_has_nothing_of_latents(exactly: LatentFile, changes: dict[str, Any]) -> None:
    with pytest.raises(DamagedLatent):
        dataclasses.replace(exactly, **changes)


def test_facts_are_known_without_decoding(plain: LatentFile, exactly: LatentFile) -> None:
    assert (plain.megapixels, plain.is_exact, exactly.is_exact) == (0.008, False, True)


def test_a_source_is_one_of_those_with_numbers() -> None:
    with pytest.raises(DamagedLatent):
        SourceFacts("gif", "rgb", True)
    with pytest.raises(DamagedLatent):
        SourceFacts("png", "hsv", True)


@pytest.mark.parametrize(
    ("codec", "data"), [("png", b"RIFF"), ("webp", b"\x89PNG\r\n\x1a\n"), ("bmp", b"BM"), ("png", b"")]
)
def test_an_exact_picture_is_what_it_is_called(codec: str, data: bytes) -> None:
    with pytest.raises(DamagedLatent, match=f"not {codec}"):
        Exact(codec, data)
