"""The tree of errors is the one that is drawn; every error is one printable line and says what to do."""

from __future__ import annotations

import inspect
import re

import pytest

from denoiser import errors
from denoiser.errors import DenoiserError, MissingExtra

CLASSES = {
    name: value
    for name, value in vars(errors).items()
    if inspect.isclass(value) and issubclass(value, Exception) and value.__module__ == errors.__name__
}


def drawn_tree() -> list[tuple[str, str | None, int | None]]:
    """Name, parent and exit code (None: not drawn, so that of the parent) of each line of the drawing."""
    found: list[tuple[str, str | None, int | None]] = []
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.fullmatch(r"    ((?:[│ ]   )*)(├── |└── )?([A-Z]\w+) +(?:(\d+)   )?.*", line)
        if match is None:
            continue
        depth = len(match[1]) // 4 + bool(match[2])
        path[depth:] = [match[3]]
        found.append((match[3], path[depth - 1] if depth else None, int(match[4]) if match[4] else None))
    return found


def test_every_class_is_drawn_once_and_nothing_else() -> None:
    names = [name for name, _, _ in drawn_tree()]
    assert sorted(names) == sorted(CLASSES)


@pytest.mark.parametrize(("name", "parent", "code"), drawn_tree())
def test_the_drawing_is_true(name: str, parent: str | None, code: int | None) -> None:
    bases = CLASSES[name].__bases__
    assert bases == ((CLASSES[parent],) if parent else (Exception,))
    wanted = CLASSES[parent].exit_code if parent and code is None else code
    assert CLASSES[name].exit_code == wanted


def test_the_exit_codes_are_those_that_people_were_told() -> None:
    codes = {name: kind.exit_code for name, kind in CLASSES.items()}
    assert set(codes.values()) == {1, 2, 3, 4, 5, 130}
    assert codes["UsageError"] == 2
    assert codes["NothingToDo"] == 3
    assert codes["MissingExtra"] == codes["MissingDisplay"] == 4
    assert codes["UnsafeOutput"] == codes["UntrustedWeights"] == 5
    assert codes["OutputFull"] == codes["UnsupportedFormat"] == 1
    assert codes["Cancelled"] == 130


def test_a_hint_comes_from_the_class_unless_one_is_given() -> None:
    assert errors.UnsafeOutput("a.jpg: …").hint == errors.UnsafeOutput.default_hint
    assert errors.UnsafeOutput("a.jpg: …", hint="Do this.").hint == "Do this."
    assert errors.UnsafeOutput("a.jpg: …", hint="").hint == "", "an empty hint is a wish too"


def test_a_missing_extra_says_how_to_install_it() -> None:
    error = MissingExtra("photo.heic: HEIC needs a package.", extra="heif")
    assert error.extra == "heif"
    assert "pip install 'denoiser-studio[heif]'" in error.hint


@pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES)
def test_hints_are_one_sentence_that_is_not_cut(kind: type[DenoiserError]) -> None:
    if kind.default_hint:
        assert kind.default_hint.endswith(".")
        assert len(kind.default_hint) <= 100, "more does not fit on a line of a terminal"


def test_a_message_is_one_line_whatever_the_file_is_called() -> None:
    name = "a\nb\rc\x1b[2J\x9bm\u2028\udcff\x00.jpg"
    error = DenoiserError(f"{name}: broken.", hint=f"Rename {name}.")
    for text in (error.message, error.hint, str(error)):
        assert text.isprintable(), text
        text.encode()  # a lone surrogate would raise
        assert r"a\nb\rc\x1b[2J\x9bm\u2028\udcff\x00.jpg" in text


def test_a_message_leaves_honest_names_alone() -> None:
    name = "Urlaub 2024 – Küste\u3000夏休み 👩\u200d🚀 3:15\u202fPM 100 % \\ok.jpg"
    assert str(DenoiserError(name)) == name
