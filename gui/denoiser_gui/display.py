"""Checks before Qt is imported: a display, and the system libraries that wheels do not contain.

Without them Qt prints a line about plugins or aborts. Here the error names the packages to install.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Mapping

from denoiser.errors import MissingDisplay

# Shared object -> Debian and Ubuntu package. PySide6-Essentials links to these and does not contain them; a test
# reads the list from the installed wheel. libstdc++, zlib and libc are present wherever Python runs.
WIDGETS = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11.so.6": "libx11-6",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libzstd.so.1": "libzstd1",
}
X11 = {
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxcb.so.1": "libxcb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
WAYLAND = {
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
    "libwayland-egl.so.1": "libwayland-egl1",
}


def check_display(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> None:
    """Raise MissingDisplay, with the command to run, if Qt cannot open a window.

    Asks the dynamic loader for each library by name, as Qt does. On other systems than Linux the wheel contains all
    libraries.
    """
    if platform != "linux":
        return
    missing = missing_packages(_screen(environment))
    if missing:
        raise MissingDisplay(
            f"Qt needs {len(missing)} system package{'s' if len(missing) > 1 else ''} that are not installed.",
            hint=f"On Debian and Ubuntu: sudo apt-get install {' '.join(missing)}",
        )


def missing_packages(screen: str, is_present: Callable[[str], bool] | None = None) -> list[str]:
    """The missing packages that Qt needs for *screen* (xcb, wayland or another), sorted."""
    is_present = is_present or _loads
    needed = WIDGETS | {"xcb": X11, "wayland": WAYLAND}.get(screen, {})
    return sorted({package for library, package in needed.items() if not is_present(library)})


def _screen(environment: Mapping[str, str]) -> str:
    chosen = environment.get("QT_QPA_PLATFORM", "").partition(":")[0]
    if chosen:
        return chosen
    if environment.get("WAYLAND_DISPLAY"):
        return "wayland"
    if environment.get("DISPLAY"):
        return "xcb"
    raise MissingDisplay(
        "No display: WAYLAND_DISPLAY and DISPLAY are not set.",
        hint="Start the app in a desktop session, or through `ssh -X`.",
    )


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
