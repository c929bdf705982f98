"""Every way to end has its lines and its code."""

from __future__ import annotations

import json

import click
import pytest

from denoiser.errors import Cancelled, MissingExtra, UnsafeOutput
from denoiser_cli.failure import explain


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UnsafeOutput("no"), 5, "no"),
        (MissingExtra("no", extra="heif"), 4, "no"),
        (Cancelled("Stopped on request."), 130, "Stopped on request."),
        (KeyboardInterrupt(), 130, "Stopped."),
        (click.Abort(), 130, "Stopped."),
        (click.UsageError("no such thing"), 2, "no such thing."),
        (MemoryError(), 1, "Out of memory."),
        (ValueError("x"), 1, "Unexpected ValueError: x"),
        (SystemExit(4), 4, ""),
    ],
)
def test_codes_and_messages(error: BaseException, code: int, message: str) -> None:
    failure = explain(error)
    assert (failure.exit_code, failure.message, failure.traceback) == (code, message, "")


def test_hints_of_extras_name_the_command() -> None:
    assert "pip install 'denoiser-studio[heif]'" in explain(MissingExtra("no", extra="heif")).hint


def test_told_to_people_and_to_programs(capsys: pytest.CaptureFixture[str]) -> None:
    explain(UnsafeOutput("out\n.png: no", hint="Elsewhere.")).tell(as_json=True)
    captured = capsys.readouterr()
    assert captured.err == "out\\n.png: no\n  Elsewhere.\n"
    assert json.loads(captured.out) == {
        "event": "error",
        "kind": "UnsafeOutput",
        "message": "out\\n.png: no",
        "hint": "Elsewhere.",
        "exit_code": 5,
    }


def test_a_traceback_only_where_it_was_asked_for() -> None:
    with pytest.raises(UnsafeOutput) as raised:
        raise UnsafeOutput("no")
    assert explain(raised.value).traceback == ""
    assert "test_failure.py" in explain(raised.value, verbose=True).traceback
