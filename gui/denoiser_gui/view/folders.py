"""Opening folders in the system's file manager."""

from __future__ import annotations

from pathlib import Path

from denoiser_gui.qt import QDesktopServices, QUrl


def show_folder(folder: Path) -> None:
    """Open *folder*, or its nearest existing parent."""
    place = next((each for each in (folder, *folder.parents) if each.is_dir()), folder)
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(place)))
