"""The laws that conftest.py lays on every test are seen to hold: each is broken once, in a run of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
import logging, socket, urllib.request, warnings
import pytest

def test_red_foreign_address():
    socket.create_connection(("192.0.2.1", 80), timeout=1)

def test_red_foreign_name_even_when_errors_are_forgiven():
    try:
        urllib.request.urlopen("http://example.org", timeout=1)
    except Exception:
        pass

def test_red_warning():
    warnings.warn("left alone", stacklevel=1)

def test_red_log_line():
    logging.getLogger("somewhere").warning("left alone")

@pytest.mark.logs("never said")
def test_red_expected_line_that_never_came():
    pass

@pytest.mark.logs("some", "other")
def test_red_log_line_beside_the_expected():
    logging.getLogger("x").warning("some")
    logging.getLogger("x").warning("other")
    logging.getLogger("x").error("third")

@pytest.mark.xfail
def test_red_expected_failure_that_passes():
    pass

@pytest.mark.logs("WARNING x: some.*thing")
def test_green_expected_line():
    logging.getLogger("x").warning("some nice thing")
    logging.getLogger("x").info("nobody minds")

def test_green_loopback():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1])).close()

@pytest.mark.data
def test_skipped_without_data(data_folder):
    raise AssertionError("must not run")

@pytest.mark.long
def test_deselected():
    raise AssertionError("must not run")
"""


def _pytest(root: Path, file: Path, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "DENOISE_DATA"}
    environment |= {"PYTHONPATH": str(root / "tests"), **extra}
    command = [sys.executable, "-m", "pytest", "-c", str(root / "pyproject.toml"), "--rootdir", str(root)]
    return subprocess.run(
        [*command, "-p", "conftest", "-p", "no:cacheprovider", "-rA", "--tb=line", *words, str(file)],
        cwd=file.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_each_law_is_seen_to_hold(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    file = tmp_path / "test_planted.py"
    file.write_text(_PROGRAM, "utf-8")
    run = _pytest(pytestconfig.rootpath, file)
    ends = {
        name: end for end, name in re.findall(r"^(PASSED|FAILED|ERROR) .*?::(test_\w+)", run.stdout, re.MULTILINE)
    }
    wanted = {
        name for name in re.findall(r"def (test_\w+)", _PROGRAM) if name.startswith(("test_red", "test_green"))
    }
    assert set(ends) == wanted, run.stdout
    for name, end in ends.items():
        assert (end == "PASSED") == name.startswith("test_green"), f"{name}: {end}\n{run.stdout}"
    assert "1 skipped" in run.stdout
    assert "1 deselected" in run.stdout


def test_an_unknown_marker_is_an_error(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    file = tmp_path / "test_planted.py"
    file.write_text("import pytest\n@pytest.mark.lnog\ndef test_nothing(): pass\n", "utf-8")
    run = _pytest(pytestconfig.rootpath, file)
    assert run.returncode != 0
    assert "lnog" in run.stdout


def test_another_copy_of_the_package_is_not_tested_in_silence(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "denoiser"
    elsewhere.mkdir(parents=True)
    (elsewhere / "__init__.py").write_text("", "utf-8")
    file = tmp_path / "test_planted.py"
    file.write_text("def test_nothing(): pass\n", "utf-8")
    paths = os.pathsep.join([str(elsewhere.parent), str(pytestconfig.rootpath / "tests")])
    run = _pytest(pytestconfig.rootpath, file, PYTHONPATH=paths)
    assert run.returncode != 0
    assert "install this checkout" in run.stdout + run.stderr
