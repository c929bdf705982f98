"""`denoise watch`: watches a folder and cleans new images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from denoiser.errors import UsageError
from denoiser.events import Event, FileDone, FileFailed, FileSkipped, Started
from denoiser.options import BatchOptions, WatchOptions
from denoiser_cli.completion import complete_value
from denoiser_cli.failure import stopping_politely
from denoiser_cli.flags import (
    CLEANING,
    ExampleCommand,
    Flag,
    OutputMode,
    collect,
    file_flags,
    look_flags,
    machine_flags,
    option_flags,
    settings_of,
    speaking_flags,
)
from denoiser_cli.lines import one_line, print_failure, shown, to_stderr

if TYPE_CHECKING:
    from denoiser.batch import Report

_EXAMPLES = """\
denoise watch ./in --out ./clean                   run until Ctrl-C
denoise watch ./in --out ./clean --interval 60     scan once a minute, for network folders
denoise watch ./in --out ./clean --once            clean what is there now, for cron
"""
_FILES = "Files"
_HINT = "For example: denoise watch ./in --out ./clean"


@click.command(cls=ExampleCommand, examples=_EXAMPLES)
@click.argument("folder", required=False, metavar="FOLDER", shell_complete=complete_value)
@click.option("--out", cls=Flag, section=_FILES, metavar="DIR", help="Output folder. [required]")
@option_flags(WatchOptions, section=_FILES)
@option_flags(BatchOptions, section=_FILES, only=("recursive", "overwrite", "jobs"))
@look_flags
@option_flags(BatchOptions, section=CLEANING, only=("skip_clean", "crop"))
@file_flags
@machine_flags
@speaking_flags
@click.pass_obj
def command(mode: OutputMode, /, folder: str | None, out: str | None, **words: Any) -> int:
    """Watch a folder and clean new images.

    A file is processed once it is unchanged between two scans and can be read completely; hidden and temporary
    files are skipped. Finished files are not processed again, even after a restart. Press Ctrl-C to stop.
    """
    if not folder:
        raise UsageError("No folder to watch given.", hint=_HINT)
    if not out:
        raise UsageError("--out is missing: the folder or file for the clean images.", hint=_HINT)
    from denoiser.batch import watch_folder  # slow imports; not needed for --help and usage errors
    from denoiser_cli.render_json import JsonOutput

    settings, options = settings_of(words), collect(WatchOptions, words)
    begin = f"Watching {shown(Path(folder))}; clean images go to {shown(Path(out))}. Press Ctrl-C to stop."
    output = JsonOutput() if mode.json else _LogOutput(mode, "" if options.once else begin)
    with stopping_politely(output.message) as cancel:
        report = watch_folder(folder, out, settings, options, listener=output.handle, cancel=cancel)
    output.finish(report, Path(out))
    return report.exit_code


class _LogOutput:
    """Prints log lines; keeps no history, so memory stays constant."""

    def __init__(self, mode: OutputMode, begin: str) -> None:
        self._mode = mode
        self._begin = begin
        self._last_hint: set[str] = set()

    def handle(self, event: Event) -> None:
        """Print one event."""
        match event:
            case Started() if self._begin:
                self._unless_quiet(self._begin)
            case FileFailed():
                self._last_hint &= {event.error.hint}  # a repeated hint is printed once, and memory stays constant
                print_failure(event.source, event.error, self._last_hint)
            case FileDone():
                notes = "".join(f"; {one_line(note)}" for note in event.notes)
                size = f"{event.megapixels:.2f} MP, {event.seconds:.1f} s"
                self._unless_quiet(f"{shown(event.source)} -> {shown(event.target)} ({size}){notes}")
            case FileSkipped() if event.target is None or self._mode.verbose:
                self._unless_quiet(f"Skipped {shown(event.source)}: {one_line(event.reason)}")

    def message(self, line: str) -> None:
        """Print one line immediately. Thread-safe."""
        to_stderr(line)

    def finish(self, report: Report, out: Path) -> None:
        """Print the summary."""
        from denoiser_cli.render_text import duration, results

        failed = f", {len(report.failures)} failed" if report.failures else ""
        self._unless_quiet(f"{results(report, 'cleaned')} in {duration(report.seconds)}{failed}: {shown(out)}")

    def _unless_quiet(self, line: str) -> None:
        if not self._mode.quiet:
            to_stderr(line)
