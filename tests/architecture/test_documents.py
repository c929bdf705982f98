"""The diagrams of ARCHITECTURE.md match the contracts and the folders; files named in documents exist."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

_DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")


@pytest.fixture(scope="module")
def root(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath


def _blocks(root: Path) -> list[str]:
    """The fenced diagrams of ARCHITECTURE.md."""
    return re.findall(r"^```\n(.*?)^```", (root / "ARCHITECTURE.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)


def _names(layer: str) -> frozenset[str]:
    return frozenset(name.strip(" ()") for name in layer.split("|"))


def test_the_drawn_layers_are_the_layers_of_the_contracts(root: Path) -> None:
    drawn = [_names(re.split(r"\s{2,}", line.strip()[2:].strip())[0]) for line in _blocks(root)[0].splitlines()]
    contracts = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = {contract["id"]: contract["layers"] for contract in contracts if "layers" in contract}
    held = [_names(layers["front-ends"][0]), *(_names(layer) for layer in layers["layers"])]
    assert drawn == held, "ARCHITECTURE.md must list the layers of pyproject.toml in the same order"


def test_the_drawn_packages_are_the_packages_that_exist(root: Path) -> None:
    drawn = {
        name
        for line in _blocks(root)[0].splitlines()[1:]
        for name in _names(re.split(r"\s{2,}", line.strip()[2:].strip())[0])
    }
    packages = {file.stem for file in (root / "denoiser").glob("*.py")} - {"__init__"}
    packages |= {file.parent.name for file in (root / "denoiser").glob("*/__init__.py")}
    assert drawn == packages


def test_a_package_is_called_planned_exactly_while_it_is_empty(root: Path) -> None:
    for line in _blocks(root)[0].splitlines()[1:]:
        for name in _names(re.split(r"\s{2,}", line.strip()[2:].strip())[0]):
            folder = root / "denoiser" / name
            if not folder.is_dir():
                continue
            empty = [file.name for file in folder.rglob("*.py")] == ["__init__.py"]
            assert empty == ("planned" in line), f"{name}: ARCHITECTURE.md says otherwise"


def test_the_data_flow_names_modules_that_exist(root: Path) -> None:
    flow = [line.split()[0] for line in _blocks(root)[1].splitlines()]
    assert len(flow) >= 6
    for name in flow:
        base = root / "cli" if name.startswith("denoiser_cli") else root
        place = base.joinpath(*name.split("."))
        assert place.with_suffix(".py").is_file() or (place / "__init__.py").is_file(), f"{name} does not exist"


def test_only_batch_imports_reader_engine_and_writer(root: Path) -> None:
    """Reading, cleaning and writing do not import each other; in batch one module opens the engine."""
    engine = _imports(root / "denoiser" / "engine")
    imageio = _imports(root / "denoiser" / "imageio")
    assert not [name for name in engine if name.startswith("denoiser.imageio")]
    assert not [name for name in imageio if name.startswith("denoiser.engine")]
    callers = {
        file.name
        for file in (root / "denoiser" / "batch").glob("*.py")
        if any(name.startswith("denoiser.engine") for name in _imports(file))
    }
    assert callers == {"cleaning.py"}


@pytest.mark.parametrize("document", _DOCUMENTS)
def test_every_file_that_a_document_names_exists(root: Path, document: str) -> None:
    text = (root / document).read_text("utf-8")
    linked = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    quoted = re.findall(r"`((?:denoiser|cli|gui|tests|docs|benchmarks|weights|\.ci)/[\w./-]*)`", text)
    absent = [name for name in [*linked, *quoted] if not (root / name).exists()]
    assert not absent, f"{document} names files that do not exist: {absent}"


def _imports(place: Path) -> set[str]:
    names: set[str] = set()
    for file in [place] if place.is_file() else place.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def test_every_page_is_in_the_navigation_of_the_site(root: Path) -> None:
    listed = set(re.findall(r"[\w/-]+\.md", (root / "mkdocs.yml").read_text("utf-8")))
    pages = {file.relative_to(root / "docs").as_posix() for file in (root / "docs").rglob("*.md")}
    assert listed == pages


def test_every_decision_is_listed(root: Path) -> None:
    folder = root / "docs" / "decisions"
    listed = set(re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (folder / "README.md").read_text("utf-8")))
    assert listed == {file.name for file in folder.glob("[0-9]*.md")}, (
        "add a line for each page to docs/decisions/README.md"
    )
