from __future__ import annotations

import dataclasses
import json
import random
import string
from pathlib import Path
from typing import Any

import pytest

from denoiser.errors import UnwritableImage
from denoiser_gui.model.preferences import (
    MOST_BYTES,
    MOST_RECENT,
    Preferences,
    load_preferences,
    preferences_file,
    save_preferences,
)


def _loaded(folder: Path, text: str | bytes) -> Preferences:
    file = folder / "desktop.json"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_preferences(file)


def test_saved_preferences_are_loaded(tmp_path: Path) -> None:
    file = tmp_path / "denoise" / "desktop.json"
    wanted = Preferences(
        theme="light",
        language="zh",
        split_at=0.25,
        batch_folder="/pictures/clean",
        geometry="01d9",
        recent=("/a/b.jpg",),
    )
    save_preferences(wanted, file)
    assert load_preferences(file) == wanted
    assert list(json.loads(file.read_text())) == [
        f.name for f in dataclasses.fields(Preferences) if getattr(wanted, f.name) != f.default
    ]


def test_undecodable_file_names_are_kept(tmp_path: Path) -> None:
    odd = "/pictures/caf\udce9.jpg"  # how Python holds a name in Latin-1
    save_preferences(Preferences(recent=(odd,)), tmp_path / "p.json")
    assert load_preferences(tmp_path / "p.json").recent == (odd,)


def test_defaults_without_a_file(tmp_path: Path) -> None:
    assert load_preferences(tmp_path / "none.json") == Preferences()
    assert load_preferences(tmp_path) == Preferences()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "17",
        '"dark"',
        b"\xff\xfe\0",
        b"\0" * 100,
        "[" * 100_000,
        '{"theme": ' + "9" * 5000 + "}",
    ],
    ids=["empty", "cut", "list", "null", "number", "text", "no UTF-8", "zeros", "deep", "huge number"],
)
def test_a_corrupt_file_gives_defaults(tmp_path: Path, text: str | bytes) -> None:
    assert _loaded(tmp_path, text) == Preferences()


def test_an_oversized_file_is_not_read(tmp_path: Path) -> None:
    assert _loaded(tmp_path, '{"theme": "dark"}' + " " * MOST_BYTES) == Preferences()


def test_each_value_is_validated_separately(tmp_path: Path) -> None:
    values: dict[str, Any] = {
        "theme": "pink",
        "language": 3,
        "split_at": float("nan"),
        "geometry": "xyz",
        "compare": "split",
    }
    assert _loaded(tmp_path, json.dumps(values | {"from a later version": 1})) == Preferences(compare="split")


def test_invalid_recent_files_are_dropped(tmp_path: Path) -> None:
    listed = ["/a.png", 7, None, "/a.png", "\0", "", "\ud800", *(f"/{n}.png" for n in range(99))]
    recent = _loaded(tmp_path, json.dumps({"recent": listed})).recent
    assert recent[:2] == ("/a.png", "/0.png")
    assert len(recent) == MOST_RECENT
    assert _loaded(tmp_path, '{"recent": "/a.png"}').recent == ()


def test_random_files_never_raise(tmp_path: Path) -> None:
    dice = random.Random(5)
    names = [field.name for field in dataclasses.fields(Preferences)]
    values: list[Any] = [None, True, -1, 1e308, "", "dark", "\ud800\0", [], [[]], {}, {"a": 1}, "x" * 9000]
    for _ in range(300):
        chosen = {dice.choice([*names, "?"]): dice.choice(values) for _ in range(6)}
        text = list(json.dumps(chosen))
        for _ in range(dice.randrange(3)):
            text[dice.randrange(len(text))] = dice.choice(string.printable)
        loaded = _loaded(tmp_path, "".join(text))
        save_preferences(loaded, tmp_path / "again.json")
        assert load_preferences(tmp_path / "again.json") == loaded


def test_recent_files_are_unique_and_newest_first(tmp_path: Path) -> None:
    opened = Preferences().with_opened(["/a/1.png", "/b/2.png"]).with_opened(["/b/2.png"])
    assert opened.recent == ("/b/2.png", "/a/1.png")
    assert opened.open_folder == "/b"
    assert opened.recent_folders(2) == [Path("/b"), Path("/a")]
    folder = opened.with_opened(["/d/photos/"])
    assert folder.recent[0] == "/d/photos/" and folder.open_folder == "/d/photos"
    assert folder.recent_folders(2) == [Path("/d/photos"), Path("/b")]
    many = opened.with_opened([f"/c/{n}.png" for n in range(40)])
    assert len(many.recent) == MOST_RECENT
    assert opened.with_opened([]) is opened


def test_the_file_is_next_to_the_presets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert preferences_file() == tmp_path / "denoise" / "desktop.json"
    save_preferences(Preferences(theme="dark"))
    assert load_preferences().theme == "dark"
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert preferences_file().is_absolute()


def test_an_unwritable_folder_raises_unwritable_image(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UnwritableImage):
        save_preferences(Preferences(), tmp_path / "file" / "desktop.json")
