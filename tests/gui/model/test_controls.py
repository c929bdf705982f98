from __future__ import annotations

import pytest

from denoiser.errors import UsageError
from denoiser_gui.model import controls
from denoiser_gui.model.controls import PhotoSettings, SettingsHistory


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
    monkeypatch.setattr(controls.time, "monotonic", lambda: now[0])
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
