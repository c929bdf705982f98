"""Only safetensors with the digest on their card are ever loaded, and nothing is unpickled."""

from __future__ import annotations

import ast
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


class Trap:
    """Unpickling it writes a file."""

    def __reduce__(self):
        return (open, ("sprung", "w"))


def _changed(weights: Path) -> None:
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)


def _cut(weights: Path) -> None:
    weights.write_bytes(weights.read_bytes()[:-7])


def _foreign(weights: Path) -> None:
    weights.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(1000))


def _pickled(weights: Path) -> None:
    weights.write_bytes(pickle.dumps(Trap()))


def _without_card(weights: Path) -> None:
    weights.with_suffix(".toml").unlink()


def _strange_card(weights: Path) -> None:
    weights.with_suffix(".toml").write_text("name = 'and no more'", encoding="utf-8")


@pytest.mark.parametrize("spoil", [_changed, _cut, _foreign, _pickled, _without_card, _strange_card])
def test_weights_that_are_not_what_they_say_are_refused_by_name(
    folder: Path,
    make_picture,
    network,
    capsys: pytest.CaptureFixture[str],
    tiny_weights: Path,
    spoil: Callable[[Path], None],
) -> None:
    from denoiser_cli import app

    make_picture("imgs/a.png")
    spoil(tiny_weights)
    assert app.run(["imgs", "--out", "clean", *network]) == 5
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and "denoiser-tiny" in lines[0] and lines[1].startswith("  ")
    assert not Path("clean").exists() and not Path("sprung").exists()


_WATCHED = """
import sys
def watch(event, arguments):
    if event == "pickle.find_class":
        print("unpickled:", arguments, file=sys.stderr, flush=True)
sys.addaudithook(watch)
"""


def test_nothing_is_unpickled_while_pictures_are_cleaned(folder: Path, make_picture, denoise, network) -> None:
    make_picture("imgs/a.png")
    caught = denoise(before=_WATCHED + "import pickle, decimal; pickle.loads(pickle.dumps(decimal.Decimal(1)))")
    assert "unpickled:" in caught.stderr  # the watch sees what it should
    ended = denoise("imgs", "--out", "clean", *network, before=_WATCHED)
    assert ended.returncode == 0 and "unpickled" not in ended.stderr


_FORBIDDEN = {"pickle", "_pickle", "cPickle", "dill", "joblib", "cloudpickle", "shelve", "marshal"}
_FORBIDDEN_CALLS = {("torch", "load"), ("np", "load"), ("numpy", "load"), ("torch", "hub"), ("torch", "package")}


def _unpicklers(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in _FORBIDDEN)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {(node.module, alias.name) for alias in node.names}
            yield from (".".join(name) for name in names & _FORBIDDEN_CALLS)
            if node.module.split(".")[0] in _FORBIDDEN:
                yield node.module
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (node.value.id, node.attr) in _FORBIDDEN_CALLS:
                yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.Constant) and node.value in ("pickle", "dill", "joblib"):
            yield f"import_module({node.value!r})"


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "import torch\ntorch.load('x')",
        "from torch import load",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "importlib.import_module('pickle')",
    ],
)
def test_the_search_finds_what_it_should(source: str) -> None:
    assert list(_unpicklers(source))


def test_no_module_knows_how_to_unpickle(pytestconfig: pytest.Config) -> None:
    root = pytestconfig.rootpath
    files = [file for part in ("denoiser", "cli", "gui") for file in (root / part).rglob("*.py")]
    assert len(files) > 50
    found = {str(file.relative_to(root)): list(_unpicklers(file.read_text("utf-8"))) for file in files}
    assert {file: names for file, names in found.items() if names} == {}
