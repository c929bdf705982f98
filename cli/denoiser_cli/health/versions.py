"""Versions of installed packages, found without importing them, and outdated ones."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from importlib import metadata

from denoiser import __version__
from denoiser_cli.health.finding import Fact, Remark, Section

_PACKAGE = "denoiser-studio"
_OPTIONAL = (
    *("imagecodecs", "pillow-heif", "pillow-jxl-plugin", "rawpy"),
    *("scikit-image", "opencv-python-headless", "lightning-fabric"),
)
_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:\[[^]]*])?(?P<bounds>[^;]*)(?P<marker>;.*)?")
_NEEDED = (
    *("click", "constriction", "numpy", "pillow", "pyside6-essentials", "pyvips", "rich", "safetensors"),
    *("torch", "torchvision"),
)
_OFTEN_SEEN = 3  # version components to compare: 2.15.0+cpu is 2, 15, 0


def examine() -> Section:
    """Return the versions of denoise, Python and the packages."""
    facts = [
        Fact("denoise", __version__),
        Fact("python", platform.python_version(), f"{platform.python_version()} ({_python_kind()})"),
    ]
    remarks = []
    for name, least in _required():
        version = _installed(name)
        facts.append(Fact(name, version, version or "not installed"))
        if version is None:
            again = f"pip install --force-reinstall {_PACKAGE}"
            remarks.append(Remark(f"{name} is not installed.", f"Reinstall: `{again}`."))
        elif least and _numbers(version) < _numbers(least):
            remarks.append(Remark(f"{name} {version} is older than {least}.", f"`pip install '{name}>={least}'`."))
    facts += [Fact(name, version) for name in _OPTIONAL if (version := _installed(name))]
    return Section(facts, remarks)


def _python_kind() -> str:
    bits = platform.architecture()[0].replace("bit", "-bit")
    return f"{platform.python_implementation()}, {bits}, {platform.machine()}"


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _required() -> Iterator[tuple[str, str]]:
    """Yield name and minimum version of each required package.

    The names are also listed here: package metadata may be missing or outdated in a checkout.
    """
    try:
        lines = metadata.requires(_PACKAGE) or []
    except metadata.PackageNotFoundError:
        lines = []
    bounds = dict.fromkeys(_NEEDED, "")
    for line in lines:
        found = _REQUIREMENT.match(line)
        if found is not None and "extra" not in (found["marker"] or ""):
            least = re.search(r">=\s*([\w.]+)", found["bounds"])
            bounds[found["name"].lower()] = least[1] if least else ""
    yield from sorted(bounds.items())


def _numbers(version: str) -> tuple[int, ...]:
    numbers = [int(number) for number in re.findall(r"\d+", version.partition("+")[0])][:_OFTEN_SEEN]
    return (*numbers, *[0] * (_OFTEN_SEEN - len(numbers)))
