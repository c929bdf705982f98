"""Rules that no linter checks."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

_PARTS = ("denoiser", "cli", "gui", "benchmarks", "tests")
_VOICES = {"sys.stderr", "sys.stdout", "logging.warning", "logging.error", "logging.getLogger(__name__)"}


def _sources(root: Path, *parts: str) -> dict[str, str]:
    return {
        str(file.relative_to(root)): file.read_text("utf-8")
        for part in parts
        for file in sorted((root / part).rglob("*.py"))
    }


@pytest.fixture(scope="module")
def root(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath


def test_one_broad_except_in_the_library(root: Path) -> None:
    broad = [name for name, text in _sources(root, "denoiser").items() for _ in re.finditer(r"noqa: ?BLE001", text)]
    assert broad in ([], ["denoiser/batch/steps.py"]), (
        f"only batch.steps.attempt may catch everything; name the exceptions instead: {broad}"
    )


def test_the_library_never_prints_logs_or_exits(root: Path) -> None:
    speaking = [
        f"{name}:{node.lineno}"
        for name, text in _sources(root, "denoiser").items()
        for node in ast.walk(ast.parse(text))
        if (isinstance(node, ast.Raise) and "SystemExit" in ast.dump(node))
        or (isinstance(node, ast.Attribute | ast.Call) and ast.unparse(node) in _VOICES)
    ]
    assert not speaking, f"raise one of denoiser.errors or send an event of denoiser.events instead: {speaking}"


def test_nothing_is_left_for_later(root: Path) -> None:
    later = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
    here = Path(__file__).name
    left = [
        name for name, text in _sources(root, *_PARTS).items() if later.search(text) and Path(name).name != here
    ]
    assert not left, f"do it, or leave it out and say so in the docs: {left}"


def test_every_module_begins_with_its_promise(root: Path) -> None:
    silent = [
        name
        for name, text in _sources(root, "denoiser", "cli", "gui", "benchmarks").items()
        if text.strip() and not ast.get_docstring(ast.parse(text))
    ]
    assert not silent, f"say in one line what the module promises: {silent}"


def test_every_public_function_and_class_says_what_it_promises(root: Path) -> None:
    silent = []
    for name, text in _sources(root, "denoiser").items():
        for node in ast.parse(text).body:
            named = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
            if named and not ast.get_docstring(node) and "overload" not in map(ast.unparse, node.decorator_list):
                silent.append(f"{name}:{node.lineno} {node.name}")
    assert not silent, f"the first line of the docstring is the promise: {silent}"


def test_a_suppressed_check_says_which(root: Path) -> None:
    blanket = re.compile(r"#\s*(noqa(?!: ?[A-Z]+\d)|type: ignore(?!\[))")
    bare = [
        f"{name}:{number}"
        for name, text in _sources(root, *_PARTS).items()
        for number, line in enumerate(text.splitlines(), 1)
        if blanket.search(line) and "blanket" not in line
    ]
    assert not bare, f"name the rule that is suppressed: {bare}"


def test_the_project_speaks_of_itself_alone(root: Path) -> None:
    foreign = re.compile(r"/work/|/tmp/|/root/|/home/\w")
    texts = _sources(root, "denoiser", "cli", "gui", "benchmarks")
    for file in [*root.glob("*.md"), *(root / "docs").rglob("*.md"), *(root / "weights").glob("*.toml")]:
        texts[str(file.relative_to(root))] = file.read_text("utf-8")
    named = [name for name, text in texts.items() if foreign.search(text)]
    assert not named, f"a path of one machine means nothing on another: {named}"
