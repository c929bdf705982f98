from __future__ import annotations

from pathlib import Path

import pytest

from denoiser_gui.qt import QUrl
from denoiser_gui.view import widgets


def test_the_folder_is_opened_or_the_nearest_that_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[QUrl] = []

    class Services:
        openUrl = staticmethod(asked.append)

    monkeypatch.setattr(widgets, "QDesktopServices", Services)
    widgets.show_folder(tmp_path)
    widgets.show_folder(tmp_path / "not" / "there yet")
    assert [Path(url.toLocalFile()) for url in asked] == [tmp_path, tmp_path]
