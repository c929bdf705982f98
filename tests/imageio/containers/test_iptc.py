"""IPTC records inside of Photoshop's resources."""

from __future__ import annotations

import pytest

from denoiser.imageio.containers import iptc


@pytest.mark.parametrize("size", [1, 2, 7, 100_000])
def test_records_come_out_as_they_went_in(size: int) -> None:
    records = bytes(range(256)) * (size // 256 + 1)
    assert iptc.unwrapped(iptc.wrapped(records[:size])) == records[:size]


def test_records_are_found_behind_other_resources_with_names() -> None:
    path = b"8BIM\x07\xd0\x06Path 1\0\0\0\0\x03abc\0"
    assert iptc.unwrapped(path + iptc.wrapped(b"records")) == b"records"
    assert iptc.has_paths(path) and not iptc.has_paths(iptc.wrapped(b"records"))


@pytest.mark.parametrize("cut", range(0, 19, 3))
def test_a_cut_block_gives_nothing(cut: int) -> None:
    assert iptc.unwrapped(iptc.wrapped(b"records")[:cut]) is None
