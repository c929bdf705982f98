"""A TAB in a real bash completes verbs, flags, their values and files; no Python starts for it."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest

_SHARE = Path(__file__).parents[2] / "cli" / "share"
_BASH = _SHARE / "bash-completion" / "completions" / "denoise"
_WITHOUT_PYTHON = {"PATH": "/nowhere", "LC_ALL": "C"}

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")


def completed(*words: str) -> list[str]:
    """What bash offers for the last word, without files, which readline adds itself."""
    script = (
        'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _denoise; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    command = [shutil.which("bash") or "bash", "--norc", "-c", script, "bash", str(_BASH), "denoise", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=_WITHOUT_PYTHON)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["cl"], ["clean"]),
        (["e"], ["encode", "estimate", "evaluate"]),
        (["./imgs"], []),
        (["--dr"], ["--dry-run"]),
        (["./imgs", "--out", "./clean", "--colour"], ["--colour-noise"]),
        (["./imgs", "--device", ""], ["auto", "cpu", "cuda", "mps"]),
        (["./imgs", "--device", "=", "cu"], ["cuda"]),
        (["./imgs", "--device", "="], ["auto", "cpu", "cuda", "mps"]),
        (["./imgs", "--model", "f"], ["fast"]),
        (["./imgs", "--strength", ""], []),
        (["clean", "./imgs", "--format", "j"], ["jpeg", "jxl"]),
        (["compare", "--re"], ["--reference"]),
        (["train", "den"], ["denoiser"]),
        (["train", "denoiser", "--res"], ["--resume"]),
        (["evaluate", "denoiser", "--kind", "p"], ["pairs"]),
        (["doctor", "--o"], ["--out"]),
        (["./doctor", "--dev"], ["--device"]),
        (["clean", "--recu"], ["--recursive"]),
        (["clean", "--no-"], ["--no-recursive", "--no-ticket"]),
    ],
    ids=" ".join,
)
def test_what_bash_offers(words: list[str], offered: list[str]) -> None:
    assert completed(*words) == offered


def test_a_tab_in_an_interactive_bash(tmp_path: Path) -> None:
    """Types into a terminal: a verb, a flag and a file are completed, and the call is left to be run."""
    (tmp_path / "holiday").mkdir()
    words = typed_into_bash(tmp_path, b"denoise comp\thol\t --ref\t", b"denoise compare holiday/ --reference ")
    assert b"denoise compare holiday/ --reference " in words


def typed_into_bash(folder: Path, keys: bytes, until: bytes) -> bytes:
    """What the terminal shows after *keys*, up to *until* or ten seconds."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        environment = {**os.environ, "TERM": "dumb", "PS1": "ready> ", "INPUTRC": "/dev/null"}
        os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], environment)
    try:
        os.write(terminal, f"bind 'set enable-bracketed-paste off'; source '{_BASH}'; echo sour''ced\n".encode())
        shown = _read(terminal, b"sourced", seconds=20)
        assert b"sourced" in shown, shown
        os.write(terminal, keys)
        return _read(terminal, until, seconds=10)
    finally:
        os.write(terminal, b"\x15exit\n")
        _read(terminal, b"no such words", seconds=5)
        os.close(terminal)
        os.waitpid(child, 0)


def _read(terminal: int, until: bytes, *, seconds: float) -> bytes:
    shown, end = b"", time.monotonic() + seconds
    while until not in shown and (left := end - time.monotonic()) > 0:
        if not select.select([terminal], [], [], left)[0]:
            break
        try:
            shown += os.read(terminal, 4096)
        except OSError:  # the shell has gone
            break
    return shown


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_scripts_are_good_syntax(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    script = next(file for file in _SHARE.rglob("*") if file.is_file() and shell in file.as_posix())
    subprocess.run([shell, "-n", str(script)], check=True, timeout=60)


def test_all_shells_know_the_same_flags() -> None:
    zsh = (_SHARE / "zsh" / "site-functions" / "_denoise").read_text(encoding="utf-8")
    fish = (_SHARE / "fish" / "vendor_completions.d" / "denoise.fish").read_text(encoding="utf-8")
    flags = completed("clean", "--")
    assert len(flags) > 20
    for flag in flags:
        assert f"{flag}[" in zsh or f"{flag}=[" in zsh
        assert f"'__denoise_verb clean' -l {flag[2:]} " in fish or f" -l {flag[2:]} -d " in fish
