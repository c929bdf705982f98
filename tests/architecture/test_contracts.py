"""A planted violation breaks each contract of pyproject.toml, which shows that each is effective."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

# Contract -> files to write into a copy of the tree. Text is appended to a file that stands.
VIOLATIONS = {
    "layers": [
        {"denoiser/errors.py": "import denoiser.options\n"},  # upwards
        {"denoiser/evaluation/__init__.py": "import denoiser.batch\n"},  # siblings of one layer
        {"denoiser/helpers.py": "x = 1\n"},  # a package that no layer names
    ],
    "front-ends": [
        {"cli/denoiser_cli/__init__.py": "import denoiser_gui\n"},
        {"denoiser/engine/__init__.py": "import denoiser_cli\n"},
    ],
    "words-and-windows": [
        {"denoiser/batch/__init__.py": "def show():\n    import rich\n"},  # inside a function
        {"denoiser/events.py": "import click\n"},
        {"denoiser/imageio/__init__.py": "from PySide6 import QtGui\n"},
    ],
    "files": [
        {"denoiser/engine/__init__.py": "from PIL import Image\n"},
        {"cli/denoiser_cli/__init__.py": "import pyvips\n"},
    ],
    "absent": [
        {"denoiser/imageio/__init__.py": "import tifffile\n"},
        {"gui/denoiser_gui/app.py": "def late():\n    import shiboken6\n"},
    ],
    "integers-on-disk": [
        {"denoiser/codec/container/layout.py": "import torch\n"},
        {"denoiser/codec/entropy/symbols.py": "def decode():\n    import torch\n"},
        {"denoiser/codec/container/reader.py": "import denoiser.networks.registry\n"},  # through another package
    ],
    "decoder": [
        {"denoiser/codec/decode.py": "import denoiser.codec.encode\n"},
        {"denoiser/codec/mosaic.py": "import denoiser.codec.encode\n"},  # which decode.py looks through
        {"denoiser/codec/container/writer.py": "import denoiser.codec.analysed\n"},
    ],
    "runtime": [
        {"denoiser/engine/__init__.py": "import denoiser.training\n"},
        {"gui/denoiser_gui/__init__.py": "import denoiser.evaluation\n"},
    ],
    "window-door": [
        {"gui/denoiser_gui/view/film_strip.py": "from PySide6.QtCore import QTimer\n"},
    ],
    "window-model": [
        {"gui/denoiser_gui/model/session.py": "from denoiser_gui.qt import QColor\n"},
        {
            "gui/denoiser_gui/model/notices.py": "def late():\n    import denoiser_gui.view.theme\n"
        },  # by way of a widget
    ],
    "window-view": [
        {"gui/denoiser_gui/view/denoise_panel.py": "def late():\n    import denoiser.engine\n"},
        {"gui/denoiser_gui/view/canvas.py": "import torch\n"},
    ],
    "rings": [
        {
            "denoiser/batch/one.py": "import denoiser.batch.two\n",
            "denoiser/batch/two.py": "import denoiser.batch.one\n",
        },
    ],
}
_PLANTED = [(contract, files) for contract, cases in VIOLATIONS.items() for files in cases]


@pytest.fixture(scope="module")
def pristine(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("tree")
    root = pytestconfig.rootpath
    for package in ("denoiser", "cli", "gui"):
        shutil.copytree(root / package, copy / package, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    shutil.copy(root / "pyproject.toml", copy)
    return copy


def test_every_contract_has_a_planted_violation_and_a_remedy(pytestconfig: pytest.Config) -> None:
    settings = tomllib.loads((pytestconfig.rootpath / "pyproject.toml").read_text("utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    assert {contract["id"] for contract in contracts} == set(VIOLATIONS)
    assert [c["id"] for c in contracts if len(c["broken_contract_guidance"].strip()) < 40] == []


def test_the_tree_as_it_stands_keeps_every_contract(pristine: Path) -> None:
    result = _lint(pristine)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(("contract", "files"), _PLANTED, ids=[contract for contract, _ in _PLANTED])
def test_a_planted_violation_breaks_its_contract(
    pristine: Path, tmp_path: Path, contract: str, files: dict[str, str]
) -> None:
    tree = shutil.copytree(pristine, tmp_path / "tree")
    for name, text in files.items():
        target = tree / name
        target.parent.mkdir(exist_ok=True)
        before = target.read_text("utf-8") if target.exists() else ""
        target.write_text(f"{before}\n{text}", "utf-8")
    result = _lint(tree, "--contract", contract)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "1 broken" in result.stdout, result.stdout


def _lint(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs import-linter on *tree*, whose packages come before the installed ones."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(str(tree / part) for part in ("", "cli", "gui")),
        "NO_COLOR": "1",
    }
    program = "from importlinter.cli import lint_imports_command as run; run()"
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache", "--no-logo", *words],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
