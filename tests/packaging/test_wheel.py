"""What people install: a wheel, built by way of the sdist, looked into, and run with no checkout on the path."""

from __future__ import annotations

import email
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from denoiser import __version__

_ROOM = f"denoiser_studio-{__version__}"
_PACKAGES = {"denoiser", "denoiser_cli", "denoiser_gui", f"{_ROOM}.data", f"{_ROOM}.dist-info"}


def _run(words: list[str], cwd: Path | None = None) -> str:
    """What *words* print, run as by someone who never saw this checkout; a failure is shown whole."""
    bare = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    run = subprocess.run(words, cwd=cwd, env=bare, capture_output=True, text=True, check=False, timeout=300)
    assert run.returncode == 0, f"{words}\n{run.stdout}\n{run.stderr}"
    return run.stdout


@pytest.fixture(scope="module")
def packed(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of this checkout, and the wheel that was built from it."""
    out = tmp_path_factory.mktemp("packed")
    _run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(pytestconfig.rootpath)])
    return out


@pytest.fixture(scope="module")
def wheel(packed: Path) -> Path:
    return packed / f"{_ROOM}-py3-none-any.whl"


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts folder of a fresh environment with the wheel; what it depends on is borrowed from this one.

    A path file lends our site-packages without its own path files, and so without the editable install.
    """
    home = tmp_path_factory.mktemp("environment")
    _run([sys.executable, "-m", "venv", "--without-pip", str(home)])
    python = home / "bin" / "python"
    _run([sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)])
    site = Path(_run([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip())
    lent = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    (site / "lent.pth").write_text("\n".join(lent) + "\n", "utf-8")
    return python.parent


def test_the_wheel_holds_the_packages_and_nothing_else(names: set[str]) -> None:
    assert {name.partition("/")[0] for name in names} == _PACKAGES


def test_every_module_of_the_checkout_is_in_the_wheel(names: set[str], pytestconfig: pytest.Config) -> None:
    root = pytestconfig.rootpath
    for base, package in ((root, "denoiser"), (root / "cli", "denoiser_cli"), (root / "gui", "denoiser_gui")):
        modules = {file.relative_to(base).as_posix() for file in (base / package).rglob("*.py")}
        assert modules <= names, f"not packed: {sorted(modules - names)}"
        data = {file.relative_to(base).as_posix() for file in (base / package).rglob("*.toml")}
        assert data <= names, f"not packed: {sorted(data - names)}"


def test_the_wheel_says_that_it_is_typed_and_carries_no_tests_and_no_left_overs(names: set[str]) -> None:
    assert "denoiser/py.typed" in names
    unwanted = [
        name
        for name in names
        if "tests" in Path(name).parts or Path(name).name.startswith("test_") or name.endswith((".pyc", ".part"))
    ]
    assert not unwanted


def test_the_wheel_carries_the_weights_of_the_checkout(wheel: Path, pytestconfig: pytest.Config) -> None:
    here = {f"denoiser/weights/{file.name}": file for file in (pytestconfig.rootpath / "weights").iterdir()}
    assert any(name.endswith(".safetensors") for name in here), (
        "no weights in the checkout: nothing could be cleaned"
    )
    with zipfile.ZipFile(wheel) as archive:
        for name, file in here.items():
            assert archive.read(name) == file.read_bytes(), name


def _shared(root: Path) -> dict[str, Path]:
    """What lies below the prefix beside the package, by its place there."""
    folders = (root / "cli" / "share", root / "gui" / "denoiser_gui" / "share")
    found = {
        file.relative_to(folder).as_posix(): file
        for folder in folders
        for file in folder.rglob("*")
        if file.is_file()
    }
    return found | {
        "icons/hicolor/scalable/apps/denoise.svg": root / "gui" / "denoiser_gui" / "resources" / "denoise.svg"
    }


def test_manual_page_completion_and_menu_entry_lie_where_they_are_looked_for(
    names: set[str], installed: Path, pytestconfig: pytest.Config
) -> None:
    made = _shared(pytestconfig.rootpath)
    assert {f"{_ROOM}.data/data/share/{name}" for name in made} == {name for name in names if ".data/" in name}
    for name, source in made.items():
        assert (installed.parent / "share" / name).read_bytes() == source.read_bytes()


def test_the_wheel_says_its_licence_and_its_scripts(wheel: Path, pytestconfig: pytest.Config) -> None:
    with zipfile.ZipFile(wheel) as archive:
        about = email.message_from_bytes(archive.read(f"{_ROOM}.dist-info/METADATA"))
        scripts = archive.read(f"{_ROOM}.dist-info/entry_points.txt").decode()
        licence = archive.read(f"{_ROOM}.dist-info/licenses/LICENSE")
    assert about["Name"] == "denoiser-studio"
    assert about["License-Expression"] == "Apache-2.0"
    assert about["Requires-Python"] == ">=3.11"
    assert licence == (pytestconfig.rootpath / "LICENSE").read_bytes()
    assert b"Apache License" in licence
    assert "denoise = denoiser_cli.app:main" in scripts.splitlines()
    assert "denoise-gui = denoiser_gui.app:main" in scripts.splitlines()


def test_the_sdist_holds_what_a_checkout_holds_and_nothing_private(packed: Path) -> None:
    with tarfile.open(packed / f"{_ROOM}.tar.gz") as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    for name in (
        "LICENSE",
        "Makefile",
        "README.md",
        "pyproject.toml",
        "tests/conftest.py",
        "cli/denoiser_cli/app.py",
    ):
        assert name in inside, name
    parts = {part for name in inside for part in Path(name).parts}
    assert not parts & {".venv", ".git", "__pycache__", "imgs", "clean", "runs", "shared"}


def test_the_installed_wheel_is_not_the_checkout(
    installed: Path, pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    program = (
        "import denoiser as a, denoiser_cli as b, denoiser_gui as c; print(a.__file__, b.__file__, c.__file__)"
    )
    found = _run([str(installed / "python"), "-c", program], cwd=tmp_path).split()
    assert len(found) == 3
    for file in found:
        assert Path(file).is_relative_to(installed.parent)
        assert not Path(file).is_relative_to(pytestconfig.rootpath)


def test_the_installed_wheel_runs(installed: Path, tmp_path: Path) -> None:
    assert __version__ in _run([str(installed / "denoise"), "--version"], cwd=tmp_path)
    assert "denoiser-fast" in _run([str(installed / "denoise"), "models"], cwd=tmp_path)


def test_the_installed_wheel_cleans_a_picture(installed: Path, tmp_path: Path) -> None:
    from denoiser import from_numpy, open_image, save_image

    noisy = np.random.default_rng(5).normal(128, 20, (48, 64, 3)).clip(0, 255).astype(np.uint8)
    save_image(from_numpy(noisy), tmp_path / "noisy.png")
    words = [str(installed / "denoise"), "noisy.png", "--out", "clean.png", "--device", "cpu"]
    _run(words, cwd=tmp_path)
    clean = open_image(tmp_path / "clean.png").pixels
    assert clean.shape == noisy.shape
    assert clean.std() < 0.5 * noisy.std(), "flat grey with noise must come out flatter"
