"""The file that mypy checks also runs."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def test_the_typed_calls_run(tmp_path: Path) -> None:
    path = Path(__file__).with_name("typed_calls.py")
    spec = importlib.util.spec_from_file_location("typed_calls", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.all_forms(tmp_path)
