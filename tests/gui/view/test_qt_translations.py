from __future__ import annotations

from denoiser_gui.qt import QApplication, QDialogButtonBox
from denoiser_gui.view import qt_translations
from denoiser_gui.words import LANGUAGES


def _cancel() -> str:
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
    words = box.button(QDialogButtonBox.StandardButton.Cancel).text()
    box.deleteLater()
    return words


def test_qt_uses_the_language_of_the_window(qapp: QApplication) -> None:
    assert all(qt_translations.install(qapp, language) for language in LANGUAGES)
    assert qt_translations.install(qapp, "zh")
    assert "取消" in _cancel()
    assert qt_translations.install(qapp, "en")
    assert "Cancel" in _cancel()
