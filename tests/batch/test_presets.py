"""Presets: saved, loaded, and rejected if an option is unknown or invalid."""

from __future__ import annotations

from pathlib import Path

import pytest

from denoiser.batch.presets import CLASSES, load_preset, preset_names, presets_folder, save_preset
from denoiser.errors import UsageError
from denoiser.options import DenoiseOptions, ReadOptions, WriteOptions


@pytest.fixture(autouse=True)
def _configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_a_saved_preset_can_be_loaded(tmp_path: Path) -> None:
    options = {
        DenoiseOptions: DenoiseOptions(noise_level=12.5, strength=1 / 3, model='a "b"\\c.safetensors'),
        WriteOptions: WriteOptions(format="tiff", strip=True, quality=80),
        ReadOptions: ReadOptions(max_pixels=10),
    }
    path = save_preset("night shots", options)
    assert path == tmp_path / "config" / "denoise" / "presets" / "night shots.toml"
    values = load_preset("night shots")
    assert load_preset(str(path)) == values and preset_names() == ["night shots"]
    for kind in CLASSES:
        names = {name: value for name, value in values.items() if name in kind.__dataclass_fields__}
        assert kind(**names) == options[kind]


def test_defaults_are_not_saved() -> None:
    path = save_preset("plain", {kind: kind() for kind in CLASSES})
    assert path.read_bytes() == b"" and load_preset("plain") == {}


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("strenght = 1", "'strenght' is not an option.", "Did you mean strength?"),
        ("wizardry = 1", "'wizardry' is not an option.", "Options: noise_level,"),
        ("strength = 2", "strength must be between 0 and 1, not 2.", "Fix the preset"),
        ("strength = 'much'", "strength must be a number, not 'much'.", "Fix the preset"),
        ("strength =", "invalid preset", "TOML file"),
        ("\x00\x01", "invalid preset", "TOML file"),
    ],
)
def test_unknown_options_are_an_error_with_the_file_name(text: str, message: str, hint: str) -> None:
    path = presets_folder() / "wrong.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        load_preset("wrong")
    assert refused.value.message.startswith(str(path)) and message in refused.value.message
    assert hint in refused.value.hint


@pytest.mark.parametrize("name", ["", "../wrong", "/etc/passwd", ".hidden", "a\nb"])
def test_a_name_leads_nowhere_else(name: str) -> None:
    with pytest.raises(UsageError, match="is not a valid preset name"):
        load_preset(name)


def test_one_that_is_not_there_names_those_that_are() -> None:
    save_preset("night", {kind: kind() for kind in CLASSES})
    with pytest.raises(UsageError, match="day: no such preset") as refused:
        load_preset("day")
    assert "Saved presets: night." in refused.value.hint


def test_the_former_name_of_the_quality_still_works(tmp_path: Path) -> None:
    preset = tmp_path / "old.toml"
    preset.write_text("jpeg_quality = 80\n", encoding="utf-8")
    assert load_preset(str(preset)) == {"quality": 80}
