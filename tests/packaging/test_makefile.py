"""`make demo` and `make test` on machines that are not ready: one clear line, and nothing half made."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")

_FROM_AN_OUTER_MAKE = {"MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS", "PYTHON", "TORCH", "VIRTUAL_ENV"}
_OLD = "#!/bin/sh\nexit 1\n"  # what an interpreter before 3.11 answers to the question for its version
_NO_VENV = '#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\nexit 0\n'  # Debian's python3 without python3-venv


@pytest.fixture
def checkout(tmp_path: Path, pytestconfig: pytest.Config) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(pytestconfig.rootpath / name, folder)
    return folder


def _make(
    checkout: Path, *words: str, interpreters: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs make where these *interpreters* are the only ones, or all of this machine's."""
    environment = {name: value for name, value in os.environ.items() if name not in _FROM_AN_OUTER_MAKE}
    if interpreters is not None:
        programs = checkout / "programs"
        programs.mkdir()
        for tool in ("sh", "make", "cksum", "touch", "rm"):
            found = shutil.which(tool)
            assert found is not None
            (programs / tool).symlink_to(found)
        for name, script in interpreters.items():
            (programs / name).write_text(script, "utf-8")
            (programs / name).chmod(0o755)
        environment["PATH"] = str(programs)
    make = shutil.which("make")
    assert make is not None
    return subprocess.run(
        [make, *words], cwd=checkout, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def test_no_python_at_all(checkout: Path) -> None:
    run = _make(checkout, "test", interpreters={})
    assert run.returncode != 0
    assert "Python 3.11 or newer is needed; found none." in run.stderr
    assert not (checkout / ".venv").exists()


def test_every_python_is_too_old(checkout: Path) -> None:
    run = _make(checkout, "demo", interpreters={"python3": _OLD, "python": _OLD})
    assert run.returncode != 0
    assert "Python 3.11 or newer is needed; found python3 python." in run.stderr
    assert "PYTHON=" in run.stderr


def test_a_python_without_its_venv_package(checkout: Path) -> None:
    run = _make(checkout, "test", interpreters={"python3": _NO_VENV})
    assert run.returncode != 0
    assert "apt-get install python3-venv" in run.stderr
    assert not (checkout / ".venv").exists()


def test_the_environment_is_made_with_the_python_that_is_named(checkout: Path) -> None:
    run = _make(checkout, ".venv/bin/python", f"PYTHON={sys.executable}")
    assert run.returncode == 0, run.stderr
    assert (checkout / ".venv" / "bin" / "pip").exists()


def test_a_second_run_installs_nothing_and_a_new_pyproject_does(checkout: Path) -> None:
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").touch()
    stamps = re.findall(r"touch (\S+)", _make(checkout, "-n", "demo", "test").stdout)
    assert len(stamps) == 2
    for stamp in stamps:
        (checkout / stamp).touch()
    assert "pip install" not in _make(checkout, "-n", "demo", "test", "lint").stdout
    os.utime(checkout / "pyproject.toml", (4e9, 4e9))
    assert _make(checkout, "-n", "demo", "test").stdout.count("pip install") == 2


def test_continuous_integration_runs_the_commands_of_contributing(pytestconfig: pytest.Config) -> None:
    script = pytestconfig.rootpath / ".ci" / "run"
    assert os.access(script, os.X_OK)
    commands = [line for line in script.read_text("utf-8").splitlines() if line.startswith("make ")]
    assert commands == ["make lint", "make docs", "make test"]
    page = (pytestconfig.rootpath / "CONTRIBUTING.md").read_text("utf-8")
    assert not [command for command in commands if f"\n{command} " not in page]


def test_the_workflows_run_targets_that_exist(pytestconfig: pytest.Config) -> None:
    targets = re.findall(r"^([a-z-]+):", (pytestconfig.rootpath / "Makefile").read_text("utf-8"), re.MULTILINE)
    workflows = (pytestconfig.rootpath / ".github" / "workflows").glob("*.yml")
    used = {name for file in workflows for name in re.findall(r"- run: make ([a-z-]+)", file.read_text("utf-8"))}
    assert used >= {"lint", "docs", "test", "test-long", "dist"}
    assert used <= set(targets)


@pytest.mark.parametrize(
    ("heading", "version", "said"),
    [
        ("1.2.0, 2030-01-02", "1.2.0", "- Faster."),
        ("1.2.0, unreleased", "1.2.0", "version 1.2.0 is unreleased"),
        ("1.1.0, 2030-01-02", "1.2.0", "has no section '## 1.2.0, DATE'"),
        ("1.3.0, 2030-01-02", "1.3.0", "pyproject.toml has version 1.2.0, not 1.3.0"),
    ],
)
def test_release_notes_need_a_version_and_a_date(
    tmp_path: Path, pytestconfig: pytest.Config, heading: str, version: str, said: str
) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(pytestconfig.rootpath / ".ci" / "release-notes", tmp_path / ".ci")
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n', "utf-8")
    (tmp_path / "CHANGELOG.md").write_text(
        f"# Changelog\n\n## {heading}\n\n- Faster.\n\n## 1.0.0\n\n- Old.\n", "utf-8"
    )
    script = [sys.executable, str(tmp_path / ".ci" / "release-notes"), version]
    run = subprocess.run(script, capture_output=True, text=True, check=False, timeout=60)
    assert said in run.stdout + run.stderr
    assert (run.returncode == 0) == said.startswith("- ")
    assert "Old" not in run.stdout


def test_the_cpu_only_torch_comes_first_and_in_a_pair(checkout: Path) -> None:
    lines = _make(checkout, "-n", "test", "TORCH=cpu").stdout.splitlines()
    installs = [line for line in lines if "pip install" in line]
    assert "whl/cpu torch torchvision" in installs[0]
    assert "--editable" in installs[1]
