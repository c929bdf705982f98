"""Desktop integration on Linux: menu entry, icon, MIME type and thumbnails of `.dlf` files. No Qt.

Installs four files below the user's data folder, as specified by freedesktop.org. The wheel installs the same
files for a whole prefix.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

from denoiser.atomicfile import whole_file
from denoiser.errors import Missing

ENTRY = "applications/denoise.desktop"
ICON = "icons/hicolor/scalable/apps/denoise.svg"
MIME = "mime/packages/denoise.xml"
THUMBNAILER = "thumbnailers/denoise.thumbnailer"
LATENT_TYPE = "image/x-denoise-latent"
# Desktops read these caches instead of the files. Without the tool, they read the files.
_REFRESH = (
    ("update-mime-database", "mime"),
    ("update-desktop-database", "applications"),
    ("gtk-update-icon-cache", "icons/hicolor"),
)
Run = Callable[[list[str]], None]


def data_folder() -> Path:
    """The user's data folder."""
    configured = os.environ.get("XDG_DATA_HOME", "")
    return Path(configured) if os.path.isabs(configured) else Path.home() / ".local" / "share"


def install(folder: Path | None = None, *, platform: str = sys.platform, run: Run | None = None) -> list[Path]:
    """Write the four files below *folder* and refresh the caches; return the written paths."""
    if platform in ("win32", "darwin"):
        raise Missing("Menu entries can be installed on Linux only.", hint="Start the app with `denoise gui`.")
    home = folder or data_folder()
    written = []
    for name, data in contents(command()).items():
        with whole_file(home / name) as file:
            file.write(data)
        written.append(home / name)
    _refresh(home, run or _run_quietly)
    return written


def remove(folder: Path | None = None, *, run: Run | None = None) -> list[Path]:
    """Remove the four files; return the paths that existed."""
    home = folder or data_folder()
    found = [home / name for name in (ENTRY, ICON, MIME, THUMBNAILER) if (home / name).is_file()]
    for path in found:
        path.unlink()
    if found:
        _refresh(home, run or _run_quietly)
    return found


def contents(start: str) -> dict[str, bytes]:
    """The files to install, by path below the data folder; *start* is the command of the menu entry."""
    share = files("denoiser_gui") / "share"
    entry = (share / "applications" / "denoise.desktop").read_text("utf-8")
    return {
        ENTRY: entry.replace("Exec=denoise-gui", f"Exec={start}").encode(),
        ICON: (files("denoiser_gui") / "resources" / "denoise.svg").read_bytes(),
        MIME: (share / "mime" / "packages" / "denoise.xml").read_bytes(),
        THUMBNAILER: (share / "thumbnailers" / "denoise.thumbnailer").read_bytes(),
    }


def command() -> str:
    """Absolute command of this installation: menus do not use virtual environments."""
    beside = Path(sys.executable).with_name("denoise-gui")
    found = str(beside) if beside.is_file() else shutil.which("denoise-gui")
    return _quoted(found or "denoise-gui")


def _quoted(path: str) -> str:
    """A path as in Exec lines: quoted, with special characters escaped."""
    if not set(path) & set(" \t\n\"'\\><~|&;$*?#()`%"):
        return path
    for special in '\\"`$':
        path = path.replace(special, f"\\{special}")
    return '"' + path.replace("\\", "\\\\").replace("%", "%%") + '"'


def _refresh(home: Path, run: Run) -> None:
    for tool, below in _REFRESH:
        if (home / below).is_dir():
            run([tool, str(home / below)])


def _run_quietly(command: list[str]) -> None:
    with suppress(OSError, subprocess.SubprocessError):
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30)


def change(action: str) -> Iterator[str]:
    """Install or remove the desktop integration; yield the lines to print."""
    if action == "remove":
        yield from (f"Removed: {path}" for path in remove())
        return
    yield from (f"Written: {path}" for path in install())
    yield "denoise is now in the application menu and opens .dlf files, which have thumbnails."
