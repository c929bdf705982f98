"""The machine, the versions of packages with remedies for old or missing ones, and whether packages load."""

from __future__ import annotations

import os
import platform
import re
import tomllib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
import torch

from denoiser import __version__
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
    facts = {fact.name: fact.value for fact in machine.examine_machine().facts}
    assert 0 < float(str(facts["cores"])) <= (os.cpu_count() or 1)
    assert facts["processor"] and facts["system"]
    memory = facts["memory_gb"]
    assert memory is None or float(str(memory)) > 0.1


def test_a_limit_on_threads_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in machine.THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert "thread_limits" not in {fact.name for fact in machine.examine_machine().facts}
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    facts = {fact.name: fact.value for fact in machine.examine_machine().facts}
    assert facts["thread_limits"] == ["OMP_NUM_THREADS=1"]


def test_cards_that_the_driver_offers(driver: Callable[[str], None]) -> None:
    driver("echo 'NVIDIA T4, 15360 MiB, 550.54'")
    assert machine.graphics_cards() == (["NVIDIA T4, 15360 MiB, 550.54"], "")


def test_a_driver_that_fails_is_a_remark(driver: Callable[[str], None]) -> None:
    driver("echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18")
    section = machine.examine_machine()
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


def facts() -> dict[str, object]:
    return {fact.name: fact.value for fact in machine.examine_versions().facts}


def test_ours_python_and_everything_required() -> None:
    found = facts()
    assert found["denoise"] == __version__
    assert found["python"] == platform.python_version()
    for name in ("torch", "torchvision", "numpy", "pillow", "pyvips", "safetensors"):
        assert found[name] == metadata.version(name)
    assert "pytest" not in found, "an extra's package is not required"


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = metadata.version

    def without_torch(name: str) -> str:
        if name == "torch":
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "version", without_torch)
    section = machine.examine_versions()
    assert [remark.text for remark in section.remarks] == ["torch is not installed."]
    assert facts()["torch"] is None


@pytest.mark.parametrize(
    ("version", "old"), [("2.6.9", True), ("2.7", False), ("2.7.0+cpu", False), ("10.0", False)]
)
def test_a_package_that_is_too_old_is_named(monkeypatch: pytest.MonkeyPatch, version: str, old: bool) -> None:
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: version if name == "torch" else real(name))
    remarks = machine.examine_versions().remarks
    expected = [(f"torch {version} is older than 2.7.", "`pip install 'torch>=2.7'`.")] if old else []
    assert [(remark.text, remark.remedy) for remark in remarks] == expected


def test_a_checkout_without_metadata_has_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", unknown)
    assert facts()["torch"] == metadata.version("torch")


def test_what_is_needed_is_what_is_declared(pytestconfig: pytest.Config) -> None:
    project = tomllib.loads((pytestconfig.rootpath / "pyproject.toml").read_text("utf-8"))["project"]
    declared = {re.split(r"[^\w-]", line)[0].lower() for line in project["dependencies"] if ";" not in line}
    assert set(machine._NEEDED) == declared


def test_this_environment_is_sound() -> None:
    section = machine.examine_packages()
    facts = {fact.name: fact.value for fact in section.facts}
    assert not section.stops_cleaning
    assert facts["torchvision"] == "fits"
    assert str(facts["libvips"]).count(".") == 2


def test_too_few_threads_are_reported_with_their_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in machine.THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(machine, "usable_cores", lambda: 64.0)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (remark,) = machine.examine_packages().remarks
    threads = torch.get_num_threads()
    assert remark.text == f"torch uses {threads} of 64 cores (OMP_NUM_THREADS=1), which makes cleaning slower."
    assert remark.remedy == "Unset OMP_NUM_THREADS to use all cores."
    monkeypatch.delenv("OMP_NUM_THREADS")
    (remark,) = machine.examine_packages().remarks
    assert "OMP" not in remark.text and remark.remedy == ""
