"""Translations of Qt's own texts, such as file dialogs and key names; they come with Qt."""

from __future__ import annotations

from denoiser_gui.qt import QApplication, QLibraryInfo, QTranslator

_FILES = {"zh": "qtbase_zh_CN"}
_installed: list[QTranslator] = []  # Qt keeps no reference


def install(app: QApplication, language: str) -> bool:
    """Install Qt's translation of *language*; return whether it exists. English needs none."""
    while _installed:
        app.removeTranslator(_installed.pop())
    if language not in _FILES:
        return True
    translator = QTranslator()
    found = translator.load(_FILES[language], QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath))
    if found:
        app.installTranslator(translator)
        _installed.append(translator)
    return found
