"""Every package that is installed has a reason on the page, and every package that is imported is declared."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

_OWN = {"denoiser", "denoiser_cli", "denoiser_gui"}

# May not be used by everyone, so no extra brings them: who may, installs them. The page says so under "Not taken".
_LEFT_TO_THE_USER = {"bm3d"}

# Import name -> distribution, where they differ.
_DISTRIBUTIONS = {
    "PIL": "pillow",
    "PySide6": "PySide6-Essentials",
    "cv2": "opencv-python-headless",
    "kubernetes_validate": "kubernetes-validate",
    "pillow_heif": "pillow-heif",
    "pillow_jxl": "pillow-jxl-plugin",
    "pytestqt": "pytest-qt",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "tomli_w": "tomli-w",
    "umap": "umap-learn",
    "yaml": "PyYAML",
}


@pytest.fixture(scope="module")
def declared(pytestconfig: pytest.Config) -> dict[str, list[str]]:
    """Requirements by extra; the core is the extra ""."""
    project = tomllib.loads((pytestconfig.rootpath / "pyproject.toml").read_text("utf-8"))["project"]
    return {"": project["dependencies"], **project["optional-dependencies"]}


@pytest.fixture(scope="module")
def page(pytestconfig: pytest.Config) -> str:
    return (pytestconfig.rootpath / "docs" / "decisions" / "0001-dependencies.md").read_text("utf-8")


def _distribution(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None, requirement
    return found.group()


def test_the_decision_page_and_pyproject_say_the_same(declared: dict[str, list[str]], page: str) -> None:
    rows = re.findall(r"^\| (\S+) \| `([^`]+)` \| (.+) \|$", page, re.MULTILINE)
    said = {("" if extra == "core" else extra, requirement) for extra, requirement, _ in rows}
    wanted = {(extra, requirement) for extra, requirements in declared.items() for requirement in requirements}
    assert said == wanted
    short = [requirement for _, requirement, reason in rows if len(reason.split()) < 5]
    assert not short, f"say why, not what: {short}"


def test_each_extra_stands_on_the_page_also_an_empty_one(declared: dict[str, list[str]], page: str) -> None:
    absent = [extra for extra in declared if extra and f"| {extra} |" not in page and f"`{extra}`" not in page]
    assert not absent
    assert {
        "demo",
        "raw",
        "heif",
        "jxl",
        "workbench",
        "private",
        "cluster",
        "bench",
        "test",
        "dev",
    } <= declared.keys()


def test_each_requirement_has_a_lower_bound(declared: dict[str, list[str]]) -> None:
    requirements = [r for group in declared.values() for r in group if _distribution(r) != "denoiser-studio"]
    assert [r for r in requirements if ">=" not in r] == []


def test_what_is_imported_is_declared(
    declared: dict[str, list[str]], page: str, pytestconfig: pytest.Config
) -> None:
    known = {_distribution(r).lower() for requirements in declared.values() for r in requirements}
    known |= {name for name in _LEFT_TO_THE_USER if f"`{name}`" in page.partition("**Not taken.**")[2]}
    undeclared = {
        f"{file.name}: {name}"
        for part in ("denoiser", "cli", "gui", "benchmarks", "tests")
        for file in (pytestconfig.rootpath / part).rglob("*.py")
        for name in _imported(file)
        if _DISTRIBUTIONS.get(name, name).lower() not in known
    }
    undeclared = {entry for entry in undeclared if entry.rpartition(" ")[2] not in _local(pytestconfig.rootpath)}
    assert not undeclared, f"declare these in pyproject.toml, with a reason on the page: {sorted(undeclared)}"


def test_what_the_core_needs_at_run_time_is_imported_somewhere(
    declared: dict[str, list[str]], pytestconfig: pytest.Config
) -> None:
    imported = {
        _DISTRIBUTIONS.get(name, name).lower()
        for part in ("denoiser", "cli", "gui")
        for file in (pytestconfig.rootpath / part).rglob("*.py")
        for name in _imported(file)
    }
    idle = {_distribution(r).lower() for r in declared[""]} - imported
    assert not idle, f"installed on every machine and used by nothing: {sorted(idle)}"


def _imported(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            names |= {str(word.value).partition(".")[0] for word in node.args if isinstance(word, ast.Constant)}
    return names - set(sys.stdlib_module_names) - _OWN


def _local(root: Path) -> set[str]:
    """Modules of the checkout outside of the packages."""
    beside = {
        file.stem for folder in ("benchmarks", "docs", "tests/reference") for file in (root / folder).glob("*.py")
    }
    return {"benchmarks", "tests", "conftest"} | beside
