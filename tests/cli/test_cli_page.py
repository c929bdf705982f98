"""docs/cli.md and the manual page are generated from the program's help, and current."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from denoiser_cli.commands import COMMANDS


@pytest.fixture(scope="module")
def files(pytestconfig: pytest.Config) -> dict[str, str]:
    """Return what `generate_cli.py` would write."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(pytestconfig.rootpath / "docs"))
        made: Callable[[], dict[str, str]] = import_module("generate_cli").files
        return made()


def test_all_that_is_generated_is_current(files: dict[str, str], pytestconfig: pytest.Config) -> None:
    root = pytestconfig.rootpath
    stale = [name for name, text in files.items() if (root / name).read_text(encoding="utf-8") != text]
    assert not stale, f"run `python docs/generate_cli.py` and commit {' '.join(stale)}"


def test_the_manual_page_has_every_command_flag_and_exit_code(files: dict[str, str]) -> None:
    page = files["cli/share/man/man1/denoise.1"].replace("\\-", "-")
    for name in COMMANDS:
        assert f".SH DENOISE {name.upper()}\n" in page
    for flag in ("--out", "--noise-level", "--no-recursive", "--quiet", "--resume", "--reference"):
        assert rf"\fB{flag}\fR" in page
    for code in (0, 1, 2, 3, 4, 5, 130):
        assert f"\n\\fB{code}\\fR\n" in page
    assert page.isascii()


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
def test_the_manual_page_is_good_roff_and_its_calls_can_be_copied(
    pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    page = pytestconfig.rootpath / "cli" / "share" / "man" / "man1" / "denoise.1"
    command = ["groff", "-man", "-Tutf8", "-ww", "-P-c", str(page)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    shown = re.sub(r".\x08", "", done.stdout)
    assert "denoise ./imgs --out ./clean --dry-run    show what would be done" in shown
    assert "find . -name '*.nef' | denoise --files-from - --out ./clean" in shown
