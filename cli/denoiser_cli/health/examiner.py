"""The child process that runs the checks, and may crash or hang.

Broken drivers hang, and builds for another processor crash. Packages are therefore loaded here and not in the
process that prints the page.
"""

from __future__ import annotations

from dataclasses import asdict
from importlib import import_module
from typing import Any

from denoiser.childprocess import serve
from denoiser.errors import DenoiserError
from denoiser_cli.health.page import REPORT, Section

# Modules of the checks that have none of their own name.
_HOMES = {"versions": "machine", "packages": "machine", "weights": "files", "places": "files"}


def _examined(request: dict[str, Any]) -> dict[str, Any]:
    name, section = request["check"], Section()
    try:
        module = import_module(f"denoiser_cli.health.{_HOMES.get(name, name)}")
        section = getattr(module, f"examine_{name}")(**request["words"])
    except DenoiserError as error:
        section.remark(error.message, error.hint, stops_cleaning=True)
    except Exception as error:  # noqa: BLE001 - every failure becomes a line on the page
        text = f"{type(error).__name__}: {error}".strip().splitlines()[0]
        section.remark(text, REPORT, stops_cleaning=True)
    return asdict(section)


if __name__ == "__main__":
    serve(_examined)
