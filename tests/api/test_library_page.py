"""The examples of docs/library.md run, and give what the page shows."""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import Any

import pytest


def test_the_examples_run(pytestconfig: pytest.Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (pytestconfig.rootpath / "docs" / "library.md").read_text("utf-8")
    monkeypatch.chdir(tmp_path)
    report: list[str] = []
    names: dict[str, Any] = {}
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    test = doctest.DocTestParser().get_doctest(_examples(page), names, "library.md", "library.md", 0)
    runner.run(test, out=report.append)
    assert not report, "".join(report)
    assert runner.tries > 30 and len(test.examples) == page.count("\n>>> ")


def _examples(page: str) -> str:
    """The Python blocks of the page, each line where it is there."""
    lines, inside = [], False
    for line in page.splitlines():
        inside = line == "```python" if line.startswith("```") else inside
        lines.append("" if not inside or line.startswith("```") else line)
    return "\n".join(lines) + "\n"
