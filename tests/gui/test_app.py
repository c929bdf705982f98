from __future__ import annotations

import os
import subprocess
import sys

import pytest

_START = "import sys; sys.argv = ['denoise-gui', *sys.argv[1:]]; from denoiser_gui.app import main; main()"


def _called(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    kept.pop("QT_QPA_PLATFORM", None)
    return subprocess.run(
        [sys.executable, "-c", _START, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=kept | environment,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a screen")
def test_exit_code_4_without_a_display() -> None:
    run = _called("photo.jpg")
    assert run.returncode == 4
    assert run.stdout == ""
    cause, hint = run.stderr.splitlines()
    assert "DISPLAY" in cause and "ssh -X" in hint


def test_help_needs_no_display_and_names_the_paths() -> None:
    run = _called("--help")
    assert run.returncode == 0 and "PATHS" in run.stdout and run.stderr == ""


def test_help_and_version_load_no_qt() -> None:
    check = (
        _START.replace("main()", "")
        + "\nimport sys\ntry:\n    main()\nfinally:\n    print('PySide6' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", check, "--version"], capture_output=True, text=True, check=False, timeout=120
    )
    assert run.returncode == 0
    assert run.stdout.splitlines()[-1] == "False"


def test_an_unknown_option_is_a_usage_error() -> None:
    assert _called("--no-such-flag").returncode == 2
