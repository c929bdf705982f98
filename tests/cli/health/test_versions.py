"""Versions are read from what is installed; what is missing or too old is said with the line that mends it."""

from __future__ import annotations

import platform
import re
import tomllib
from importlib import metadata

import pytest

from denoiser import __version__
from denoiser_cli.health import versions


def facts() -> dict[str, object]:
    return {fact.name: fact.value for fact in versions.examine().facts}


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
    section = versions.examine()
    assert [remark.text for remark in section.remarks] == ["torch is not installed."]
    assert facts()["torch"] is None


@pytest.mark.parametrize(
    ("version", "old"), [("2.6.9", True), ("2.7", False), ("2.7.0+cpu", False), ("10.0", False)]
)
def test_a_package_that_is_too_old_is_named(monkeypatch: pytest.MonkeyPatch, version: str, old: bool) -> None:
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: version if name == "torch" else real(name))
    remarks = versions.examine().remarks
    expected = [(f"torch {version} is older than 2.7.", "`pip install 'torch>=2.7'`.")] if old else []
    assert [(remark.text, remark.remedy) for remark in remarks] == expected


def test_a_checkout_that_was_never_installed_still_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", unknown)
    assert facts()["torch"] == metadata.version("torch")


def test_what_is_needed_is_what_is_declared(pytestconfig: pytest.Config) -> None:
    project = tomllib.loads((pytestconfig.rootpath / "pyproject.toml").read_text("utf-8"))["project"]
    declared = {re.split(r"[^\w-]", line)[0].lower() for line in project["dependencies"]}
    assert set(versions._NEEDED) == declared
