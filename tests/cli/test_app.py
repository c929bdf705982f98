"""The program as a whole: commands, the default one, and errors without a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import denoiser
from denoiser_cli import app, commands
from denoiser_cli.commands import COMMANDS, DEFAULT_COMMAND


def test_each_command_has_a_module_and_each_module_a_command() -> None:
    modules = {path.stem for path in Path(commands.__file__).parent.glob("*.py")} - {"__init__"}
    assert modules == set(COMMANDS)
    assert DEFAULT_COMMAND in COMMANDS


@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS)], ids=" ".join)
def test_help_teaches_by_example_and_fits_a_screen(call, words: list[str]) -> None:
    answer = call(*words, "--help")
    assert answer.code == 0 and answer.err == ""
    lines = answer.out.splitlines()
    everyday = lines.index("Writing:") if "Writing:" in lines else len(lines)  # rare flags stand in groups below
    assert everyday <= (56 if words else 72) and len(lines) <= 100
    assert max(map(len, lines)) <= 100
    assert "Examples:" in lines
    examples = lines[lines.index("Examples:") + 1 :]
    assert examples[0].startswith("  denoise ")
    assert call(*words, "-h") == answer


def test_help_lists_every_command(call) -> None:
    answer = call("--help")
    assert all(f"  {name} " in answer.out for name in COMMANDS)


def test_version(call) -> None:
    assert call("--version").out == f"denoise {denoiser.__version__}\n"


def test_a_bare_call_shows_the_help_and_is_a_usage_error(call) -> None:
    answer = call()
    assert answer.code == 2 and answer.out == "" and "Examples:" in answer.err


def test_words_that_are_no_command_are_cleaned(call, make_picture, network) -> None:
    make_picture("imgs/a.png")
    assert call("imgs", "--out", "one", *network).code == 0
    assert call("clean", "imgs", "--out", "two", *network).code == 0
    assert call("--out", "three", "imgs", *network).code == 0
    contents = {Path(name, "a.png").read_bytes() for name in ("one", "two", "three")}
    assert len(contents) == 1


def test_a_folder_named_like_a_command(call, make_picture, network) -> None:
    make_picture("models/a.png")
    assert call("./models", "--out", "one", *network).code == 0
    assert call("clean", "models", "--out", "two", *network).code == 0
    assert Path("one/a.png").read_bytes() == Path("two/a.png").read_bytes()


def test_an_unexpected_error_is_a_line_and_not_a_traceback(call, monkeypatch: pytest.MonkeyPatch) -> None:
    from denoiser.models import catalog

    def broken() -> None:
        raise KeyError("widths")

    monkeypatch.setattr(catalog, "survey", broken)
    answer = call("models")
    assert answer.code == 1
    assert answer.err.splitlines() == [
        "Unexpected KeyError: 'widths'",
        "  This is a bug. Please report it, with the output of the same command with -vv.",
    ]
    assert "Traceback" not in call("models", "-v").err
    told = call("models", "-vv").err
    assert told.startswith("Traceback") and "in broken" in told


def test_a_reader_that_leaves_is_no_error_worth_a_word(tmp_path: Path) -> None:
    program = "import sys; from denoiser_cli.app import run; sys.exit(run(['--help']))"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    words = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 1
    assert words == b""


def test_run_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "denoiser_cli", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("denoise ")


def test_main_exits_with_the_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["denoise", "nowhere", "--out", "x"])
    with pytest.raises(SystemExit) as end:
        app.main()
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("nowhere: no such file or folder.")
