"""All names of PySide6, which no other module imports, Qt's own translations, and showing folders."""

# ruff: noqa: F403, F405 - one place to import Qt from: PySide6 divides its names among modules by library

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from types import ModuleType

from PySide6.QtCore import *
from PySide6.QtGui import *  # type: ignore[assignment]  # a few lists are in each of the modules
from PySide6.QtSvg import *  # type: ignore[assignment]
from PySide6.QtWidgets import *  # type: ignore[assignment]

_REFERENCES = 1 << 40  # more than any process can release, and far from an overflow
_TRANSLATIONS = {"zh": "qtbase_zh_CN"}  # they come with Qt
_installed: list[QTranslator] = []  # Qt keeps no reference


def _keep_constants() -> None:
    """Add references to Python's constants so that they are never freed. Call once per process.

    Works around a reference count bug of PySide6 6.12 on Python 3.11. Every Qt method without a result releases
    None once too often, every signal True. After some ten thousand calls, within minutes, Python aborts with
    "deallocating None". From Python 3.12 on these objects are immortal. A test checks the installed version.
    """
    if sys.implementation.name != "cpython" or sys.version_info >= (3, 12):
        return
    for constant in (None, True, False, NotImplemented, Ellipsis):
        ctypes.c_ssize_t.from_address(id(constant)).value += _REFERENCES


def install_translation(app: QApplication, language: str) -> bool:
    """Install Qt's translation of *language*; return whether it exists. English needs none.

    It has the texts of Qt itself, such as file dialogs and key names.
    """
    while _installed:
        app.removeTranslator(_installed.pop())
    if language not in _TRANSLATIONS:
        return True
    translator = QTranslator()
    found = translator.load(_TRANSLATIONS[language], QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath))
    if found:
        app.installTranslator(translator)
        _installed.append(translator)
    return found


def dbus() -> ModuleType:
    """Return PySide6.QtDBus, which only Linux desktops need."""
    from PySide6 import QtDBus

    return QtDBus


def show_folder(folder: Path) -> None:
    """Open *folder*, or its nearest existing parent, in the file manager of the system."""
    place = next((each for each in (folder, *folder.parents) if each.is_dir()), folder)
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(place)))


_keep_constants()
