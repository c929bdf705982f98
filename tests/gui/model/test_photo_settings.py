from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from typing import Any

import click
import pytest

from denoiser.errors import UsageError
from denoiser.options import DenoiseOptions, WriteOptions, controls
from denoiser_cli.commands.clean import command
from denoiser_cli.flags import collect
from denoiser_gui.model import photo_settings
from denoiser_gui.model.photo_settings import PhotoSettings, SettingsHistory, command_for


def test_undo_and_redo() -> None:
    history = SettingsHistory()
    assert not history.can_undo and not history.undo()
    assert history.change(strength=0.5)
    assert history.change(noise_level=12.0)
    assert history.undo() and history.now.denoise.noise_level is None and history.now.denoise.strength == 0.5
    assert history.undo() and history.now == PhotoSettings()
    assert history.redo() and history.redo() and not history.redo()
    assert history.now.denoise.noise_level == 12.0


def test_dragging_a_slider_is_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(photo_settings.time, "monotonic", lambda: now[0])
    history = SettingsHistory()
    for step in range(30):
        now[0] += 0.02
        history.change(noise_level=float(step + 1))
    history.undo()
    assert history.now == PhotoSettings()
    history.redo()
    now[0] += 5
    history.change(noise_level=40.0)
    history.undo()
    assert history.now.denoise.noise_level == 30.0


def test_a_reset_is_a_separate_step() -> None:
    history = SettingsHistory()
    history.change(noise_level=20.0)
    history.change(noise_level=21.0)
    history.change(noise_level=None)
    history.undo()
    assert history.now.denoise.noise_level == 21.0


def test_a_new_change_clears_redo() -> None:
    history = SettingsHistory()
    history.change(strength=0.5)
    history.undo()
    history.change(detail=0.5)
    assert not history.can_redo


def test_equal_values_are_no_step_and_invalid_values_raise() -> None:
    history = SettingsHistory()
    assert not history.change(strength=1.0)
    with pytest.raises(UsageError):
        history.change(strength=1.5)
    assert not history.can_undo


def test_settings_include_output_options() -> None:
    history = SettingsHistory()
    history.change(format="tiff", strip=True)
    assert history.now.write.format == "tiff" and history.now.write.strip


_OTHER: dict[str, Any] = {
    "size": "2048",
    "model": "denoiser-fast",
    "format": "tiff",
    "memory": 2.5,
    "noise_level": 12.3,
}


def _another(name: str, kind: type[Any]) -> Any:
    """A value of an option that is not its default."""
    control = controls(kind)[name]
    default = next(field.default for field in dataclasses.fields(kind) if field.name == name)
    if name in _OTHER:
        return _OTHER[name]
    if isinstance(default, bool):
        return not default
    if control.choices:
        return control.choices[-1]
    if isinstance(default, float):
        return 0.25
    return 256 if name == "tile" else 7


def _understood(line: str) -> dict[str, Any]:
    words = shlex.split(line)
    assert words[0] == "denoise"
    with click.Context(command, **command.context_settings) as context:
        command.parse_args(context, list(words[1:]))
        return dict(context.params)


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind in (DenoiseOptions, WriteOptions) for name in controls(kind)],
)
def test_the_command_line_parses_every_option_to_the_same_value(kind: type[Any], name: str) -> None:
    settings = PhotoSettings().changed(**{name: _another(name, kind)})
    line = command_for(Path("in/a b.jpg"), Path("out/it's.tif"), settings)
    words = _understood(line)
    with click.Context(command, **command.context_settings):
        assert collect(DenoiseOptions, words) == settings.denoise
        assert collect(WriteOptions, words) == settings.write


def test_defaults_are_omitted_and_unusual_names_are_quoted() -> None:
    line = command_for(Path("-odd name.png"), Path("clean/x.png"), PhotoSettings())
    assert line == "denoise './-odd name.png' --out clean/x.png"


def test_the_command_has_the_file_of_the_mask() -> None:
    line = command_for(Path("a.png"), Path("clean/a.png"), PhotoSettings(), Path("-my mask.png"))
    assert line == "denoise a.png --out clean/a.png --mask './-my mask.png'"
    assert _understood(line)["mask"] == "./-my mask.png"
