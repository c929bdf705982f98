from __future__ import annotations

from denoiser_gui.qt import QApplication, QDialogButtonBox, install_translation
from denoiser_gui.words import LANGUAGES


def _cancel() -> str:
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
    words = box.button(QDialogButtonBox.StandardButton.Cancel).text()
    box.deleteLater()
    return words


def test_qt_uses_the_language_of_the_window(qapp: QApplication) -> None:
    assert all(install_translation(qapp, language) for language in LANGUAGES)
    assert install_translation(qapp, "zh")
    assert "取消" in _cancel()
    assert install_translation(qapp, "en")
    assert "Cancel" in _cancel()
