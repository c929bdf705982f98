"""Services of the desktop, with a real D-Bus daemon and a small service in place of colord."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from denoiser.image import Cicp
from denoiser.imageio import colour
from denoiser_gui import desktop
from denoiser_gui.qt import QWidget

_PATIENCE = 120.0
_CLIENT = """
import hashlib, sys
from denoiser_gui import desktop, qt
app = qt.QCoreApplication([])
found = desktop.display_profile(sys.argv[1])
print(hashlib.sha256(found).hexdigest() if found is not None else "none")
"""
_PROGRESS = """
from denoiser_gui import desktop, qt
app = qt.QCoreApplication([])
desktop.show_progress(0.25)
desktop.show_progress(None)
qt.dbus().QDBusConnection.sessionBus().interface().registeredServiceNames()  # waits until both are sent
"""


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """The variables of a process whose session bus and system bus is one of its own."""
    pytest.importorskip("jeepney", reason="needed for services on D-Bus")
    daemon = shutil.which("dbus-daemon")
    if daemon is None:
        pytest.skip("dbus-daemon is not installed")
    command = [daemon, "--session", "--nofork", "--print-address"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        yield os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": address, "DBUS_SESSION_BUS_ADDRESS": address}
        process.terminate()


def _client(environment: dict[str, str], code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=_PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def colord(environment: dict[str, str], tmp_path: Path) -> Iterator[bytes]:
    """A service that has a profile for the display DP-1."""
    profile = colour.profile_of(Cicp(12, 13), 3)
    assert profile is not None
    file = tmp_path / "display.icc"
    file.write_bytes(profile)
    command = [sys.executable, str(Path(__file__).with_name("fake_colord.py")), str(file), "DP-1"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        yield profile
        process.kill()


def test_the_profile_of_the_display_is_that_of_colord(environment: dict[str, str], colord: bytes) -> None:
    assert _client(environment, _CLIENT, "DP-1") == hashlib.sha256(colord).hexdigest()
    assert _client(environment, _CLIENT, "without") == "none", "a display without a profile"
    assert _client(environment, _CLIENT, "DP-2") == "none", "an unknown display"


def test_a_profile_that_cannot_be_read_is_none(environment: dict[str, str], colord: bytes, tmp_path: Path) -> None:
    (tmp_path / "display.icc").write_bytes(b"no profile")
    assert _client(environment, _CLIENT, "DP-1") == "none"


def test_without_colord_there_is_no_profile(environment: dict[str, str]) -> None:
    assert _client(environment, _CLIENT, "DP-1") == "none"


def test_without_a_bus_nothing_happens(environment: dict[str, str]) -> None:
    nowhere = "unix:path=/nonexistent/bus"
    alone = environment | {"DBUS_SYSTEM_BUS_ADDRESS": nowhere, "DBUS_SESSION_BUS_ADDRESS": nowhere}
    assert _client(alone, _CLIENT, "DP-1") == "none"
    quiet = _PROGRESS.replace("qt.dbus().QDBusConnection.sessionBus().interface().registeredServiceNames()", "")
    assert _client(alone, quiet) == ""


def test_the_taskbar_shows_progress(environment: dict[str, str]) -> None:
    from jeepney import HeaderFields, MatchRule, message_bus
    from jeepney.io.blocking import open_dbus_connection

    rule = MatchRule(type="signal", interface="com.canonical.Unity.LauncherEntry", member="Update")
    with open_dbus_connection(environment["DBUS_SESSION_BUS_ADDRESS"]) as bus:
        bus.send_and_get_reply(message_bus.AddMatch(rule))
        with bus.filter(rule, bufsize=4) as signals:
            _client(environment, _PROGRESS)
            first, second = (bus.recv_until_filtered(signals, timeout=_PATIENCE) for _ in range(2))
    assert first.header.fields[HeaderFields.path] == "/com/canonical/unity/launcherentry/denoise"
    shown = {"progress": ("d", 0.25), "progress-visible": ("b", True)}
    assert first.body == ("application://denoise.desktop", shown)
    assert second.body[1]["progress-visible"] == ("b", False)


def test_an_active_window_is_not_notified(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    alerted: list[QWidget] = []
    monkeypatch.setattr(desktop.qt.QApplication, "alert", alerted.append)
    window = QWidget()
    qtbot.addWidget(window)
    desktop.notify(window, "Batch", "3 photos denoised")
    assert alerted == [window]
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=60_000)
    desktop.notify(window, "Batch", "3 photos denoised")
    assert alerted == [window]
