"""File names cannot break a line or control a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from denoiser_cli.lines import one_line, shown, to_stderr


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain, größer, 日本 🐈", "plain, größer, 日本 🐈"),
        ("two\nlines\r", r"two\nlines\r"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("not text \udcff", r"not text \udcff"),
        ("turned \u202e round", r"turned \u202e round"),
        ("👩\u200d🚀", "👩\u200d🚀"),
    ],
)
def test_one_line(text: str, line: str) -> None:
    assert one_line(text) == line
    assert shown(Path(text)) == line


def test_a_closed_stderr_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def write(self, text: str) -> int:
            raise BrokenPipeError

        def flush(self) -> None:
            raise BrokenPipeError

    monkeypatch.setattr("sys.stderr", Gone())
    to_stderr("anybody?")
