"""The machine as its system tells it, with drivers that answer, fail and hang."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from denoiser_cli.health import machine


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`driver(script)`: nvidia-smi is this shell script, and the only one."""

    def plant(script: str) -> None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", os.pathsep.join((str(tmp_path), "/usr/bin", "/bin")))

    return plant


def test_what_every_machine_can_say() -> None:
    facts = {fact.name: fact.value for fact in machine.examine().facts}
    assert 0 < float(str(facts["cores"])) <= (os.cpu_count() or 1)
    assert facts["processor"] and facts["system"]
    memory = facts["memory_gb"]
    assert memory is None or float(str(memory)) > 0.1


def test_a_limit_on_threads_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in machine.THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert "thread_limits" not in {fact.name for fact in machine.examine().facts}
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    facts = {fact.name: fact.value for fact in machine.examine().facts}
    assert facts["thread_limits"] == ["OMP_NUM_THREADS=1"]


def test_cards_that_the_driver_offers(driver: Callable[[str], None]) -> None:
    driver("echo 'NVIDIA T4, 15360 MiB, 550.54'")
    assert machine.graphics_cards() == (["NVIDIA T4, 15360 MiB, 550.54"], "")


def test_a_driver_that_fails_is_a_remark(driver: Callable[[str], None]) -> None:
    driver("echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18")
    section = machine.examine()
    assert [remark.text for remark in section.remarks] == [
        "The NVIDIA driver reported an error: Failed to initialize NVML: Driver/library version mismatch"
    ]
    assert not section.stops_cleaning


def test_a_driver_that_hangs_is_not_waited_for(
    driver: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    driver("exec sleep 100")
    monkeypatch.setattr(machine, "_DRIVER_SECONDS", 1)
    assert machine.graphics_cards() == ([], "The NVIDIA driver did not respond within 1 s.")


def test_a_file_that_is_no_program(tmp_path: Path, driver: Callable[[str], None]) -> None:
    driver("")
    (tmp_path / "nvidia-smi").write_bytes(b"\x7fELF")
    cards, fault = machine.graphics_cards()
    assert cards == [] and fault.startswith("nvidia-smi cannot be run")
