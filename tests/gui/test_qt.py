from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from denoiser_gui import qt
from denoiser_gui.translation import LANGUAGES

_CALLS = 60_000  # None has some ten thousand references when a process begins


def test_only_qt_py_imports_pyside(pytestconfig: pytest.Config) -> None:
    others = []
    for file in (pytestconfig.rootpath / "gui").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.partition(".")[0] in ("PySide6", "shiboken6") for name in names):
                others.append(file.name)
    assert set(others) == {"qt.py"}


def test_qt_uses_the_language_of_the_window(qapp: qt.QApplication) -> None:
    assert all(qt.install_translation(qapp, language) for language in LANGUAGES)
    for language, words in (("zh", "取消"), ("en", "Cancel")):
        assert qt.install_translation(qapp, language)
        box = qt.QDialogButtonBox(qt.QDialogButtonBox.StandardButton.Cancel)
        assert words in box.button(qt.QDialogButtonBox.StandardButton.Cancel).text()
        box.deleteLater()


def test_the_folder_or_its_nearest_existing_parent_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[qt.QUrl] = []

    class Services:
        openUrl = staticmethod(shown.append)

    monkeypatch.setattr(qt, "QDesktopServices", Services)
    qt.show_folder(tmp_path)
    qt.show_folder(tmp_path / "not" / "there yet")
    assert [Path(url.toLocalFile()) for url in shown] == [tmp_path, tmp_path]


def test_views_do_not_import_the_engine_or_torch(pytestconfig: pytest.Config) -> None:
    for file in (pytestconfig.rootpath / "gui" / "denoiser_gui" / "view").rglob("*.py"):
        text = file.read_text("utf-8")
        assert "denoiser.engine" not in text and "import torch" not in text, file


def test_models_do_not_import_qt(pytestconfig: pytest.Config) -> None:
    for file in (pytestconfig.rootpath / "gui" / "denoiser_gui" / "model").rglob("*.py"):
        assert not re.search(r"denoiser_gui(\.qt| import .*\bqt\b)", file.read_text("utf-8")), file


def test_a_long_session_does_not_use_up_the_constants_of_python() -> None:
    """In a child process, because too many released references end Python at once."""
    script = (
        "from denoiser_gui.qt import QApplication, QTimer\n"
        "app = QApplication([])\n"
        "timer = QTimer()\n"
        "timer.timeout.connect(lambda: None)\n"
        f"for _ in range({_CALLS}):\n"
        "    timer.timeout.emit()\n"
        "    timer.setInterval(5)\n"
        "print('alive')\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    assert run.stdout.split() == ["alive"], run.stderr[-500:]
