"""Folders in the file manager of the system."""

from __future__ import annotations

from pathlib import Path

from denoiser_gui.qt import QDesktopServices, QUrl


def show_folder(folder: Path) -> None:
    """Opens *folder*, or the nearest one above it that is there."""
    place = next((each for each in (folder, *folder.parents) if each.is_dir()), folder)
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(place)))
