"""Reading bytes: regular files only, never more than the limit, and changes during reading are noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from denoiser.errors import ImageTooLarge, UnreadableImage
from denoiser.imageio import source
from denoiser.options import ReadOptions

PNG = b"\x89PNG\r\n\x1a\n"


def test_all_bytes_and_the_times(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG + bytes(10_000))
    file = source.from_path(path, ReadOptions())
    assert file.data == PNG + bytes(10_000)
    assert file.format.key == "png"
    assert file.times_ns is not None
    assert file.times_ns[1] == path.stat().st_mtime_ns


def test_a_map_shows_the_same_bytes_and_is_closed_again(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG + b"rest")
    with source.mapped(path) as (data, row):
        assert bytes(data[:]) == PNG + b"rest"
        assert row.key == "png"
    assert data.closed


def test_links_are_followed_to_files(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "link.png").symlink_to("a.png")
    assert source.from_path(tmp_path / "link.png", ReadOptions()).data == PNG


def test_nothing_at_all_is_empty() -> None:
    with pytest.raises(UnreadableImage, match="is empty"):
        source.from_bytes(b"", "stdin", ReadOptions())


def test_pixels_up_to_the_limit_pass() -> None:
    source.refuse_pixels(10, 10, 100)
    with pytest.raises(ImageTooLarge, match="has 101x1 pixels, more than the limit of 100"):
        source.refuse_pixels(101, 1, 100)


def test_a_file_may_have_any_image_at_the_limit() -> None:
    source.refuse_bytes(500_000_000 * 16, 500_000_000)
    with pytest.raises(ImageTooLarge, match="10,000,000,000 bytes"):
        source.refuse_bytes(10_000_000_000, 500_000_000)
