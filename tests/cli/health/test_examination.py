"""A check that crashes or hangs becomes a line on the page, and the other checks are run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from denoiser_cli.health.page import CHECKS, Check, Section, examine

Broken = Callable[[str, str], None]


def checks(*names: str) -> tuple[Check, ...]:
    return tuple(check for check in CHECKS if check.name in names)


def findings(*names: str, seconds: float = 120.0) -> dict[str, Section]:
    return {check.name: section for check, section in examine("", checks(*names), seconds=seconds)}


def test_checks_that_need_nothing_are_run() -> None:
    found = findings("versions", "machine")
    assert list(found) == ["versions", "machine"]
    assert found["machine"].facts


def test_a_torch_that_cannot_be_loaded_is_reported_once(broken_package: Broken) -> None:
    broken_package("torch", "raise OSError('libcudart.so.13: cannot open shared object file')")
    found = findings("packages", "network", "formats", "places")
    (remark,) = found["packages"].remarks
    assert remark.stops_cleaning
    assert remark.text == "torch cannot be loaded: libcudart.so.13: cannot open shared object file"
    assert "--force-reinstall torch" in remark.remedy
    for name in ("network", "formats"):
        assert str(found[name].facts[0]) == "not examined: see Packages"
        assert found[name].remarks == []
    assert found["places"].facts and not found["places"].stops_cleaning


def test_a_torch_that_crashes_is_reported(broken_package: Broken) -> None:
    broken_package(
        "torch",
        "import os, signal, sys; print('no AVX here', file=sys.stderr); os.kill(os.getpid(), signal.SIGILL)",
    )
    found = findings("packages", "machine")
    (remark,) = found["packages"].remarks
    assert remark.stops_cleaning
    assert remark.text.endswith("the child process was killed by SIGILL (no AVX here).")
    assert found["machine"].facts, "a new process goes on"


def test_a_check_that_hangs_is_ended(broken_package: Broken, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    broken_package("torch", f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)")
    threads = threading.active_count()
    found = findings("packages", seconds=4.0)
    assert found["packages"].remarks[0].text == "Packages: no response within 4 s."
    assert not pid.exists() or not Path(f"/proc/{pid.read_text()}").exists()
    assert threading.active_count() <= threads


def test_a_library_that_prints_does_not_disturb(broken_package: Broken) -> None:
    broken_package("torch", "import os; print('hello'); os.write(1, b'world'); raise ImportError('no torch')")
    assert findings("packages")["packages"].remarks[0].text == "torch cannot be loaded: no torch"


def test_files_in_the_current_folder_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("json", "platform", "denoiser"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a stranger')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert [remark.text for remark in findings("versions")["versions"].remarks] == []


def test_a_torchvision_of_another_build_stops_nothing(broken_package: Broken) -> None:
    broken_package("torchvision", "raise RuntimeError('operator torchvision::nms does not exist')")
    section = findings("packages")["packages"]
    (remark,) = [remark for remark in section.remarks if "torchvision" in remark.text]
    assert not section.stops_cleaning
    assert "operator torchvision::nms does not exist" in remark.text
    assert remark.text.endswith("Only denoiser.transforms needs it.")
    assert "from one index" in remark.remedy


@pytest.mark.parametrize("name", [check.name for check in CHECKS])
def test_what_a_check_needs_comes_before_it(name: str) -> None:
    names = [check.name for check in CHECKS]
    (check,) = checks(name)
    assert all(names.index(needed) < names.index(name) for needed in check.needs)
