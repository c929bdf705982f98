"""The public is a list: sorted, exact, and every name on it can be had."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import denoiser


def test_all_is_sorted_and_names_exactly_what_resolves() -> None:
    assert denoiser.__all__ == sorted(denoiser.__all__)
    assert set(denoiser.__all__) == set(denoiser._HOMES)
    for name in denoiser.__all__:
        assert getattr(denoiser, name) is not None
    assert set(dir(denoiser)) == {*denoiser.__all__, "__version__"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = denoiser.no_such_name


def test_type_checkers_see_the_same_names(pytestconfig: pytest.Config) -> None:
    """Names that are resolved lazily are invisible to type checkers unless they are also imported for them."""
    tree = ast.parse((pytestconfig.rootpath / "denoiser" / "__init__.py").read_text("utf-8"))
    blocks = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imported = {
        alias.asname or alias.name: node.module
        for block in blocks
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported == denoiser._HOMES


def test_rooms_with_a_list_keep_it_sorted_and_true(pytestconfig: pytest.Config) -> None:
    for file in sorted((pytestconfig.rootpath / "denoiser").rglob("__init__.py")):
        names = _declared(file)
        if names is None:
            continue
        room = ".".join(file.parent.relative_to(pytestconfig.rootpath).parts)
        assert names == sorted(names), f"{room}.__all__ is not sorted"
        module = importlib.import_module(room)
        absent = [name for name in names if not hasattr(module, name)]
        assert not absent, f"{room}.__all__ names what is not there: {absent}"


def _declared(file: Path) -> list[str] | None:
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]:
            return list(ast.literal_eval(node.value))
    return None
