"""A TAB completes commands, options, values and files: click's answers, and a real bash."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from denoiser_cli.app import run

_SHARE = Path(__file__).parents[2] / "cli" / "share"
_BASH = _SHARE / "bash-completion" / "completions" / "denoise"


def completed(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what click answers to bash for the last word; "(file)" and "(dir)" where bash adds the names."""
    monkeypatch.setenv("_DENOISE_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", " ".join(["denoise", *words]))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    assert run([]) == 0
    answers = [line.partition(",") for line in capsys.readouterr().out.splitlines() if line]
    return [value if kind == "plain" else f"({kind})" for kind, _, value in answers]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["cl"], ["clean"]),
        (["d"], ["decode", "doctor"]),
        (["./im"], ["(file)"]),
        (["./imgs", ""], ["(file)"]),
        (["--dr"], ["--dry-run"]),
        (["./imgs", "--out", "./clean", "--colour"], ["--colour-noise"]),
        (["./imgs", "--device", ""], ["auto", "cpu", "cuda", "mps"]),
        (["./imgs", "--device", "=", "cu"], ["cuda"]),
        (["--device", "=", "cu"], ["cuda"]),
        (["./imgs", "--device", "="], ["auto", "cpu", "cuda", "mps"]),
        (["imgs", "--model", "f"], ["fast"]),
        (["imgs", "--model", ""], ["auto", "fast", "best", "denoiser-best", "denoiser-fast"]),
        (["encode", "imgs", "--model", ""], ["auto", "codec"]),
        (["train", "denoiser", "--teacher", "b"], ["best"]),
        (["train", "codec", "--from", ""], ["codec"]),
        (["redo", "--from", ""], ["(file)"]),
        (["models", "c"], ["codec"]),
        (["imgs", "--preset", ""], ["night"]),
        (["./imgs", "--model", "./f"], ["(file)"]),
        (["./imgs", "--strength", ""], []),
        (["./imgs", "--out", ""], ["(file)"]),
        (["clean", "./imgs", "--format", "j"], ["jpeg", "jxl"]),
        (["compare", "--re"], ["--reference"]),
        (["compare", "ho"], ["(file)"]),
        (["watch", ""], ["(dir)"]),
        (["train", "den"], ["denoiser"]),
        (["train", "denoiser", "--res"], ["--resume"]),
        (["evaluate", "denoiser", "--kind", "p"], ["pairs"]),
        (["doctor", "--o"], ["--out"]),
        (["doctor", "--out", ""], ["(dir)"]),
        (["./doctor", "--dev"], ["--device"]),
        (["clean", "--recu"], ["--recursive"]),
        (["clean", "--no-"], ["--no-recursive", "--no-ticket"]),
    ],
    ids=" ".join,
)
def test_what_is_offered(
    words: list[str],
    offered: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "denoise" / "presets").mkdir(parents=True)
    (tmp_path / "denoise" / "presets" / "night.toml").touch()
    assert completed(words, monkeypatch, capsys) == offered


def test_a_tab_imports_neither_torch_nor_numpy() -> None:
    code = "import sys; from denoiser_cli.app import run; run([]); assert not {'torch', 'numpy'} & set(sys.modules)"
    environment = os.environ | {
        "_DENOISE_COMPLETE": "bash_complete", "COMP_WORDS": "denoise ./imgs --model ", "COMP_CWORD": "3",
    }  # fmt: skip
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_a_tab_in_an_interactive_bash(tmp_path: Path) -> None:
    """Types into a terminal: a command, an option and a folder are completed, and nothing is run."""
    (tmp_path / "holiday").mkdir()
    words = typed_into_bash(tmp_path, b"denoise comp\thol\t --ref\t", b"denoise compare holiday/ --reference ")
    assert b"denoise compare holiday/ --reference " in words


def typed_into_bash(folder: Path, keys: bytes, until: bytes) -> bytes:
    """Return what the terminal shows after *keys*, up to *until* or twenty seconds."""
    program = folder / "bin" / "denoise"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m denoiser_cli "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        path = f"{program.parent}:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "TERM": "dumb", "PS1": "ready> ", "INPUTRC": "/dev/null"}
        os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], environment)
    try:
        os.write(terminal, f"bind 'set enable-bracketed-paste off'; source '{_BASH}'; echo sour''ced\n".encode())
        shown = _read(terminal, b"sourced", seconds=20)
        assert b"sourced" in shown, shown
        os.write(terminal, keys)
        return _read(terminal, until, seconds=20)
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
        except OSError:  # the shell has ended
            break
    return shown


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_scripts_have_valid_syntax(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    script = next(file for file in _SHARE.rglob("*") if file.is_file() and shell in file.as_posix())
    subprocess.run([shell, "-n", str(script)], check=True, timeout=60)
