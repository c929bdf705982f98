"""What people get wrong, and the two lines that answer it: docs/mistakes.md, called row by row and word by word."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from denoiser_cli import app
from denoiser_cli.commands import COMMANDS

_PAGE = Path(__file__).parents[2] / "docs" / "mistakes.md"
_ROW = re.compile(
    r"^\| `denoise (?P<words>[^`|]*)` \| (?P<code>\d+) \| (?P<cause>.+) \| (?P<hint>.+) \|$", re.MULTILINE
)
_WITHOUT_MISTAKES = {"gui"}  # it takes nothing but paths, and opens a window


def _rows() -> list[tuple[str, int, str, str]]:
    found = _ROW.finditer(_PAGE.read_text(encoding="utf-8"))
    return [(row["words"], int(row["code"]), _unquoted(row["cause"]), _unquoted(row["hint"])) for row in found]


def _unquoted(cell: str) -> str:
    """The words of a cell, which Markdown holds between one backtick and one, or two and two."""
    return cell[3:-3] if cell.startswith("`` ") else cell[1:-1]


ROWS = _rows()


@pytest.fixture
def scene(folder: Path, make_picture, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folder that the page describes; everything that is in it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "nobody"))  # no presets
    for name in ("imgs/a.png", "imgs/b.png", "other/b.png", "other/coffee.jpg"):
        make_picture(name)
    for name in ("empty", "texts", "hard"):
        Path(name).mkdir()
    Path("texts/a.txt").write_bytes(b"words")
    Path("file").write_bytes(b"mine")
    os.mkfifo("pipe.png")
    os.symlink("imgs/a.png", "linked.png")
    os.symlink("imgs", "linked")
    os.link("imgs/a.png", "hard/a.png")
    return sorted(Path().rglob("*"))


@pytest.mark.parametrize(("words", "code", "cause", "hint"), ROWS, ids=[words for words, *_ in ROWS])
def test_a_mistake_is_answered_as_the_page_says(
    scene: list[Path], capsys: pytest.CaptureFixture[str], words: str, code: int, cause: str, hint: str
) -> None:
    before = {path: path.read_bytes() for path in scene if path.is_file()}
    assert app.run(words.split()) == code
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert len(lines) == 2, said.err
    assert _fits(cause, lines[0]), lines[0]
    assert _fits(f"  {hint}", lines[1]), lines[1]
    assert sorted(Path().rglob("*")) == scene, "nothing is written"
    assert {path: path.read_bytes() for path in before} == before


def _fits(wanted: str, line: str) -> bool:
    """Whether they are the same, where … stands for any words."""
    return re.fullmatch(".+".join(map(re.escape, wanted.split("…"))), line) is not None


def test_the_page_is_read_whole() -> None:
    rows = [line for line in _PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert len(rows) == len(ROWS) >= 25
    assert len({words for words, *_ in ROWS}) == len(ROWS), "no call stands there twice"


def test_every_command_has_its_mistakes() -> None:
    first = {words.split()[0] for words, *_ in ROWS}
    assert set(COMMANDS) - first <= {"clean", *_WITHOUT_MISTAKES}, "clean is meant without a command name"


@pytest.mark.parametrize(("wanted", "line"), [("a … c.", "a b c."), ("a.", "a.")])
def test_dots_stand_for_words(wanted: str, line: str) -> None:
    assert _fits(wanted, line)
    assert not _fits(wanted, line + "!")
    assert not _fits("a.", "ab")
