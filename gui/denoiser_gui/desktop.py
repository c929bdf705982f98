"""The services of the desktop that the window uses: colour profile, notification and progress in the taskbar.

On Linux, profile and progress are on D-Bus: colord, and the signal LauncherEntry of Unity, which docks of other
desktops understand, too. Where a service is missing nothing happens.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from denoiser.errors import UsageError
from denoiser.imageio.screen import profile_at, system_profile
from denoiser_gui import qt

_COLORD, _COLORD_PATH = "org.freedesktop.ColorManager", "/org/freedesktop/ColorManager"
_LAUNCHER, _LAUNCHER_PATH = "com.canonical.Unity.LauncherEntry", "/com/canonical/unity/launcherentry/denoise"
_APPLICATION = "application://denoise.desktop"
_SECONDS = 2.0  # for an answer of colord
_SHOWN_MS = 10_000  # of a notification


def display_profile(screen: str) -> bytes | None:
    """Return the colour profile of a display by its name in Qt; None if it has none. Blocks for seconds at most."""
    found = _from_colord(screen)
    try:
        return profile_at(found) if found is not None else system_profile()
    except UsageError:
        return None


def notify(window: qt.QWidget, title: str, text: str) -> None:
    """Show a notification of the desktop, and mark the window in the taskbar; not if the window is active."""
    if window.isActiveWindow():
        return
    qt.QApplication.alert(window)
    if not (qt.QSystemTrayIcon.isSystemTrayAvailable() and qt.QSystemTrayIcon.supportsMessages()):
        return
    tray = qt.QSystemTrayIcon(window.windowIcon(), window)  # only an icon in the tray can show messages
    tray.messageClicked.connect(window.activateWindow)
    tray.show()
    tray.showMessage(title, text, window.windowIcon(), _SHOWN_MS)
    qt.QTimer.singleShot(_SHOWN_MS, tray, tray.deleteLater)


def show_progress(share: float | None) -> None:
    """Show the progress of the batch, 0 to 1, on the icon in the taskbar; None removes it. Returns immediately."""
    if not _has_session_bus():
        return
    signal = qt.dbus().QDBusMessage.createSignal(_LAUNCHER_PATH, _LAUNCHER, "Update")
    signal.setArguments([_APPLICATION, {"progress": share or 0.0, "progress-visible": share is not None}])
    qt.dbus().QDBusConnection.sessionBus().send(signal)


def _has_session_bus() -> bool:
    return bool(os.environ.get("DBUS_SESSION_BUS_ADDRESS")) and qt.dbus().QDBusConnection.sessionBus().isConnected()


def _from_colord(screen: str) -> Path | None:
    """Return the file of the profile that colord has for a display."""
    device = _asked(_COLORD_PATH, _COLORD, "FindDeviceByProperty", "XRANDR_name", screen)
    if device is None:
        return None
    profiles = _property(device.path(), "Device", "Profiles")
    if profiles is None:
        return None
    profiles.beginArray()
    if profiles.atEnd():
        return None
    name = _property(profiles.asVariant().path(), "Profile", "Filename")  # the first is the default
    return Path(name) if name else None


def _property(path: str, interface: str, name: str) -> Any:
    found = _asked(path, "org.freedesktop.DBus.Properties", "Get", f"{_COLORD}.{interface}", name)
    return None if found is None else found.variant()


def _asked(path: str, interface: str, method: str, *arguments: str) -> Any:
    """Return the answer of colord; None without one."""
    bus = qt.dbus().QDBusConnection.systemBus()
    if not bus.isConnected():
        return None
    message = qt.dbus().QDBusMessage.createMethodCall(_COLORD, path, interface, method)
    message.setArguments(list(arguments))
    reply = bus.call(message, qt.dbus().QDBus.CallMode.Block, round(1000 * _SECONDS))
    answered = reply.type() is qt.dbus().QDBusMessage.MessageType.ReplyMessage
    return reply.arguments()[0] if answered and reply.arguments() else None
