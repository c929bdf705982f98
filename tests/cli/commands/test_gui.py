"""`denoise gui` starts the app by its entry point, like `denoise-gui`."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

import pytest

from denoiser_cli.commands import gui


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a screen")
def test_it_is_the_same_as_the_other_program(call, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    for screen in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"):  # with one it would open, and wait for people
        monkeypatch.delenv(screen, raising=False)
    monkeypatch.setattr(sys, "argv", ["denoise-gui"])
    (entry,) = entry_points(group="console_scripts", name="denoise-gui")
    with pytest.raises(SystemExit) as end:
        entry.load()()
    words = capsys.readouterr().err
    answer = call("gui", "a.png")
    assert (answer.code, answer.err) == (end.value.code, words) and answer.code == 4
    assert sys.argv == ["denoise-gui", "a.png"]


def test_a_package_without_the_app_is_an_error(call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gui, "entry_points", lambda **_: ())
    answer = call("gui")
    assert answer.code == 4 and answer.err.startswith("The installed package has no denoise-gui.")
