"""The entry point of `denoise-gui`."""

from __future__ import annotations

import sys
from typing import NoReturn

from denoiser.errors import Missing
from denoiser_gui.display import APT_LINE, missing_packages


def main() -> NoReturn:
    """Says that the desktop app is not in this version, and what the machine will want for it; exits 4."""
    absent = Missing(
        "The desktop app is not part of this version yet.",
        hint="The command line does the same work: `denoise ./imgs --out ./clean`.",
    )
    print(absent.message, absent.hint, sep="\n", file=sys.stderr)
    if sys.platform == "linux" and missing_packages("xcb"):
        print(f"Once it is, this machine will need: {APT_LINE}", file=sys.stderr)
    raise SystemExit(absent.exit_code)
