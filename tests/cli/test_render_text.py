"""Text output: a bar on a terminal, few lines elsewhere, and every failure with its name."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from denoiser.batch import Report
from denoiser.errors import DenoiserError, OutputFull, UnreadableImage
from denoiser.events import Event, FileDone, FileFailed, FileSkipped, SeriesFound, Started
from denoiser_cli import render_text
from denoiser_cli.flags import OutputMode
from denoiser_cli.render_text import TextOutput

A, B, OUT = Path("in/a.png"), Path("in/b.png"), Path("out")
TOO_MANY = DenoiserError("1 failed, too many.")
BROKEN = FileFailed(A, UnreadableImage("in/a.png: truncated.", hint="Fetch it again."))


def said(capsys, *events: Event, mode: OutputMode | None = None, report: Report | None = None) -> list[str]:
    output = TextOutput(mode or OutputMode())
    with output:
        for event in events:
            output.handle(event)
    if report is not None:
        output.finish(report, OUT)
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


def test_a_failure_names_file_and_cause_and_its_hint_once(capsys) -> None:
    other = FileFailed(B, UnreadableImage("truncated.", hint="Fetch it again."))
    assert said(capsys, BROKEN, other) == ["in/a.png: truncated.", "  Fetch it again.", "in/b.png: truncated."]


def test_quiet_still_prints_errors(capsys) -> None:
    events = (FileSkipped(B, "a pipe, not a file"), BROKEN, FileDone(B, B, 1.0, 1.0, ("a note",)))
    report = Report(done=1, failures=(BROKEN,))
    lines = said(capsys, *events, mode=OutputMode(quiet=True), report=report)
    assert lines == ["in/a.png: truncated.", "  Fetch it again.", "1 file failed, listed above."]


def test_verbose_names_every_file(capsys) -> None:
    events = (FileSkipped(A, "done already", OUT), FileDone(B, OUT / "b.png", 1.5, 1.0))
    assert said(capsys, *events, mode=OutputMode(verbose=True)) == [
        "Skipped in/a.png: done already",
        "in/b.png -> out/b.png (1.50 MP)",
    ]
    assert said(capsys, *events) == []


def test_notes_are_gathered_at_the_end(capsys) -> None:
    events = [FileDone(Path(name), OUT, 1.0, 1.0, ("the gain map: not carried over",)) for name in ("a", "b", "c")]
    lines = said(capsys, *events, report=Report(done=3, megapixels=3.0, seconds=6.0))
    assert lines == [
        "a and 2 more: the gain map: not carried over",
        "3 files cleaned, 3.0 MP in 6 s (0.50 MP/s): out",
    ]


@pytest.mark.parametrize(
    ("report", "lines"),
    [
        (Report(already_there=3), ["Nothing to do: 3 files already done in out (use --overwrite to replace)."]),
        (
            Report(done=1, already_there=2, megapixels=1.0, seconds=2.0),
            [
                "1 file cleaned, 1.0 MP in 2 s (0.50 MP/s): out",
                "2 files already done (use --overwrite to replace).",
            ],
        ),
        (
            Report(done=6, cleaned=3, copied=2, converted=1, megapixels=1.0, seconds=2.0),
            ["3 files cleaned, 2 copied, 1 converted only, 1.0 MP in 2 s (0.50 MP/s): out"],
        ),
        (
            Report(left=5, cancelled=True),
            ["Nothing was cleaned.", "Stopped with 5 files remaining; run the same command again to continue."],
        ),
        (
            Report(left=1, failures=(BROKEN,), stopped_by=TOO_MANY),
            [
                "Nothing was cleaned.",
                "1 file failed, listed above.",
                "Stopped (1 failed, too many) with 1 file remaining; run the same command again to continue.",
            ],
        ),
        (
            Report(left=1, failures=(BROKEN,), stopped_by=OutputFull("full")),
            [
                "Nothing was cleaned.",
                "1 file failed, listed above.",
                "Out of space with 1 file remaining; run the same command again to continue.",
            ],
        ),
    ],
)
def test_last_words(capsys, report: Report, lines: list[str]) -> None:
    assert said(capsys, report=report) == lines


def test_plain_progress_is_rate_limited(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    events = [Started(1000, 1000.0), *(FileDone(A, A, 1.0, 1.0) for _ in range(999))]
    assert said(capsys, *events) == []
    monkeypatch.setattr(render_text, "SECONDS_BETWEEN_LINES", 0.0)
    assert said(capsys, *events[:3])[-1].endswith("2 of 1000 files, 0.00 MP/s")


_ON_A_TERMINAL = """
import time
from pathlib import Path
from denoiser.events import FileDone, FileStarted, Started, TileDone
from denoiser_cli.flags import OutputMode
from denoiser_cli.render_text import TextOutput
a = Path("a[red].png")
with TextOutput(OutputMode(verbose=True)) as output:
    output.handle(Started(2, 2.0))
    output.handle(FileStarted(a, 1.0))
    output.handle(TileDone(1, 1, 1.0))
    output.handle(FileDone(a, a, 1.0, 1.0))
    time.sleep(0.3)
"""


def _on_terminal(**environment: str) -> str:
    """What the program writes to a stderr that is a terminal."""
    ours, theirs = pty.openpty()
    variables = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
    variables |= {"TERM": "xterm-256color", "COLUMNS": "100"} | environment
    process = subprocess.Popen([sys.executable, "-c", _ON_A_TERMINAL], stderr=theirs, env=variables)
    os.close(theirs)
    said = b""
    while select.select([ours], [], [], 30)[0]:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux tells the end of a terminal so
            break
        if not part:
            break
        said += part
    os.close(ours)
    assert process.wait() == 0
    return said.decode()


def test_the_bar_on_a_terminal() -> None:
    screen = _on_terminal()
    assert "1 of 2 files" in screen and "50%" in screen
    assert "a[red].png -> a[red].png (1.00 MP)" in screen  # a name is no markup
    assert "\x1b[38;5" in screen or "\x1b[35" in screen or "\x1b[9" in screen
    assert screen.rstrip().endswith("\x1b[2K")  # it leaves no trace


def test_no_color_is_obeyed() -> None:
    screen = _on_terminal(NO_COLOR="1")
    assert "1 of 2 files" in screen
    assert "\x1b[38;5" not in screen and "\x1b[35" not in screen


def test_a_dumb_terminal_gets_plain_lines() -> None:
    assert "\x1b" not in _on_terminal(TERM="dumb")


def test_series_are_printed_with_verbose(capsys) -> None:
    found = SeriesFound("X100, ISO 800, 6 x 4", 5, {"luma": 8.04, "chroma": 7.0, "kind": 0.1}, "the middle of 5")
    none = SeriesFound("no camera or ISO in the metadata", 1, {}, "each by an estimate of its own")
    assert said(capsys, found) == []
    assert said(capsys, found, none, mode=OutputMode(verbose=True)) == [
        "Series X100, ISO 800, 6 x 4: 5 files, luma 8.0, chroma 7.0 (the middle of 5)",
        "Series no camera or ISO in the metadata: 1 file (each by an estimate of its own)",
    ]
