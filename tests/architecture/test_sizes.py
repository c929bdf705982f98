"""Files, functions and folders stay small enough to be read in one sitting."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import pytest

FILE_LINES = 400
FUNCTION_LINES = 60
FUNCTION_LINES_OF_MOST = 35  # the 90th percentile lies under this
_PARTS = ("denoiser", "cli", "gui", "benchmarks")
_VAGUE = {"utils", "util", "helpers", "helper", "misc", "common", "base", "core", "stuff", "tools", "lib"}


def _modules(root: Path, *parts: str) -> list[Path]:
    return sorted(file for part in parts for file in (root / part).rglob("*.py"))


def _functions(file: Path) -> list[tuple[str, int]]:
    """Name and length of each function; a docstring is not counted, since explaining should cost nothing."""
    found = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            lines = node.end_lineno - node.lineno + 1
            first = node.body[0]
            if ast.get_docstring(node) is not None and first.end_lineno is not None:
                lines -= first.end_lineno - first.lineno + 1
            found.append((f"{file.name}:{node.lineno} {node.name}", lines))
    return found


@pytest.fixture(scope="module")
def modules(pytestconfig: pytest.Config) -> list[Path]:
    found = _modules(pytestconfig.rootpath, *_PARTS)
    assert len(found) > 20
    return found


def test_files_fit_one_sitting(modules: list[Path]) -> None:
    long = {file.name: n for file in modules if (n := len(file.read_text("utf-8").splitlines())) > FILE_LINES}
    assert not long, f"over {FILE_LINES} lines; split by noun, one file each: {long}"


def test_functions_fit_one_screen(modules: list[Path]) -> None:
    long = {name: n for file in modules for name, n in _functions(file) if n > FUNCTION_LINES}
    assert not long, f"over {FUNCTION_LINES} lines; name the beats of the work and make each a function: {long}"


def test_most_functions_are_short(modules: list[Path]) -> None:
    lengths = sorted(n for file in modules for _, n in _functions(file))
    ninetieth = lengths[math.ceil(0.9 * len(lengths)) - 1]
    assert ninetieth < FUNCTION_LINES_OF_MOST, (
        f"one in ten has {ninetieth} lines or more: name the beats of the longest and make each a function"
    )


def test_tests_stay_readable_too(pytestconfig: pytest.Config) -> None:
    long = {
        file.name: n
        for file in _modules(pytestconfig.rootpath, "tests")
        if (n := len(file.read_text("utf-8").splitlines())) > FILE_LINES + 100
    }
    assert not long, f"over {FILE_LINES + 100} lines; split by what is promised: {long}"


def test_a_file_is_a_noun_that_says_what_is_inside(modules: list[Path]) -> None:
    vague = [str(file) for file in modules if {file.stem.strip("_"), file.parent.name} & _VAGUE]
    assert not vague, f"name these after what they hold: {vague}"


def test_each_module_of_the_lower_layers_has_a_test_of_its_name(pytestconfig: pytest.Config) -> None:
    root = pytestconfig.rootpath
    packages = (
        "networks",
        "imageio",
        "noise",
        "models",
        "estimation",
    )  # layers 2 and 3; layers 0 to 2 have plain modules
    sources = [*sorted((root / "denoiser").glob("*.py")), *_modules(root / "denoiser", *packages)]
    orphans = []
    for file in sources:
        inside = file.relative_to(root / "denoiser")
        if file.name == "__init__.py":
            continue
        twin = root / "tests" / inside.parent / f"test_{file.stem.lstrip('_')}.py"
        if not twin.exists():
            orphans.append(str(twin.relative_to(root)))
    assert not orphans, f"write these tests: {orphans}"
