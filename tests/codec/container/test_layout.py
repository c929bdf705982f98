"""What stands in the layout is for ever: a change here is a change of every file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from denoiser.codec.container import LatentFile, layout, write
from denoiser.codec.grain import BYTES
from denoiser.imageio import formats


def test_sizes_add_up() -> None:
    assert layout.HEADER_BYTES == layout.HEADER.size + layout.CRC.size == 36
    assert layout.CHUNK_BYTES == layout.CHUNK.size + layout.CRC.size == 12
    assert layout.NOISE_BYTES == BYTES


def test_numbers_have_not_moved() -> None:
    assert list(layout.ORDER.values()) == list(range(1, 18))
    assert b"".join(layout.ORDER) == b"ICCPcicpresoorigexifxmppiptcnotepngcphotjpgtnoisthmbALPHTILEEXACDONE"
    assert layout.EXACT_CODECS == {1: "webp", 2: "png"}
    assert layout.SOURCE_FORMATS[1] == "png" and layout.SOURCE_FORMATS[9] == "raw"


def test_every_format_that_is_read_has_a_number() -> None:
    assert set(layout.SOURCE_FORMATS.values()) == set(formats.ROWS)


def test_the_file_on_the_page_is_the_file_that_is_written(plain: LatentFile, pytestconfig: pytest.Config) -> None:
    page = Path(pytestconfig.rootpath, "docs", "format.md").read_text("utf-8")
    lines = re.findall(r"^((?:[0-9a-f]{2} )+)  ", page, re.MULTILINE)
    assert bytes.fromhex("".join(lines)) == write(plain)


def test_the_page_names_every_chunk(pytestconfig: pytest.Config) -> None:
    page = Path(pytestconfig.rootpath, "docs", "format.md").read_text("utf-8")
    assert re.findall(r"^\| `(\w{4})` \|", page, re.MULTILINE) == [kind.decode() for kind in layout.ORDER]
