"""The other process: examines one part after another as it is asked to, and may die of what it finds.

A broken driver hangs, a build for other processors ends in an illegal instruction: both must become a line on the
page. So the packages that could do that are loaded here and never in the process that writes the page.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from denoiser.errors import DenoiserError
from denoiser_cli.health.finding import Remark, Section, as_values


def main() -> None:
    """Reads part and words from stdin, one JSON object a line, and answers each with a section on stdout."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)  # what a library prints is not an answer
        for line in sys.stdin:
            asked = json.loads(line)
            section = _examined(asked["part"], asked["words"])
            print(json.dumps(as_values(section)), file=answers, flush=True)


def _examined(part: str, words: dict[str, Any]) -> Section:
    try:
        examine: Callable[..., Section] = import_module(f"denoiser_cli.health.{part}").examine
        return examine(**words)
    except DenoiserError as error:
        return Section((), (Remark(error.message, error.hint, stops_cleaning=True),))
    except Exception as error:  # noqa: BLE001 - whatever is broken becomes a line on the page
        text = f"{type(error).__name__}: {error}".strip().splitlines()[0]
        return Section((), (Remark(text, "Please report it with this page.", stops_cleaning=True),))


if __name__ == "__main__":
    main()
