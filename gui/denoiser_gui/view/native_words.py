"""Qt's own words, as in its file dialogs and names of keys, in the language of the window; Qt brings them."""

from __future__ import annotations

from denoiser_gui.qt import QApplication, QLibraryInfo, QTranslator

_FILES = {"zh": "qtbase_zh_CN"}
_installed: list[QTranslator] = []  # Qt asks them again and again, and does not keep them


def install(app: QApplication, language: str) -> bool:
    """Lets Qt speak *language* from now on; whether it can. English needs nothing."""
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
