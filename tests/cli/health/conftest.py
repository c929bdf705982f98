"""Broken packages for child processes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def broken_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """`broken_package("torch", code)`: whichever Python process starts now runs *code* when it imports torch."""

    def plant(name: str, code: str) -> None:
        place = tmp_path / "planted" / name
        place.mkdir(parents=True)
        (place / "__init__.py").write_text(code + "\n", encoding="utf-8")
        before = os.environ.get("PYTHONPATH")
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(place.parent), before))))

    return plant
