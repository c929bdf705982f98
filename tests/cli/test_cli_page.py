"""docs/cli.md is what the program says of itself."""

from __future__ import annotations

import importlib.util

import pytest


def test_the_page_is_current(pytestconfig: pytest.Config) -> None:
    docs = pytestconfig.rootpath / "docs"
    spec = importlib.util.spec_from_file_location("generate_cli", docs / "generate_cli.py")
    assert spec is not None and spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    written = (docs / "cli.md").read_text(encoding="utf-8")
    assert written == generator.page(), "run `python docs/generate_cli.py` and commit docs/cli.md"
