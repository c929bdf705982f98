"""The child process that examines parts on request, and may crash.

A broken driver can hang, and a build for another processor can crash. Packages are therefore loaded here and not in
the process that prints the page.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from denoiser.errors import DenoiserError
from denoiser_cli.health.page import Remark, Section, section_as_values

# Modules of the parts that have none of their own name.
_HOMES = {"versions": "machine", "packages": "machine", "weights": "files", "places": "files"}


def main() -> None:
    """Read requests from stdin, one JSON object per line, and print a section for each."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)  # libraries may print to stdout
        for line in sys.stdin:
            asked = json.loads(line)
            section = _examined(asked["part"], asked["words"])
            print(json.dumps(section_as_values(section)), file=answers, flush=True)


def _examined(part: str, words: dict[str, Any]) -> Section:
    try:
        examine: Callable[..., Section] = getattr(
            import_module(f"denoiser_cli.health.{_HOMES.get(part, part)}"), f"examine_{part}"
        )
        return examine(**words)
    except DenoiserError as error:
        return Section((), (Remark(error.message, error.hint, stops_cleaning=True),))
    except Exception as error:  # noqa: BLE001 - every failure becomes a line on the page
        text = f"{type(error).__name__}: {error}".strip().splitlines()[0]
        return Section(
            (), (Remark(text, "Please report this problem and include this page.", stops_cleaning=True),)
        )


if __name__ == "__main__":
    main()
