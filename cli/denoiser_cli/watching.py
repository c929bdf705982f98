"""Output of `denoise watch`: one line per image, suitable as a long-running log."""

from __future__ import annotations

from pathlib import Path

from denoiser.batch import Report, Settings, watch_folder
from denoiser.errors import DenoiserError
from denoiser.events import Event, FileDone, FileFailed, FileSkipped, Started
from denoiser.options import WatchOptions
from denoiser_cli.flags import Manner
from denoiser_cli.interrupt import stopping_politely
from denoiser_cli.lines import one_line, say, shown
from denoiser_cli.progress import duration
from denoiser_cli.render_json import JsonVoice
from denoiser_cli.render_text import cause


def watch(folder: str, out: str, settings: Settings, options: WatchOptions, manner: Manner) -> int:
    """Watch until cancelled; return the exit code."""
    voice = JsonVoice() if manner.json else _LogVoice(manner, _begin(folder, out, options))
    with stopping_politely(voice.tell) as cancel:
        report = watch_folder(folder, out, settings, options, listener=voice.hear, cancel=cancel)
    voice.finish(report, Path(out))
    return report.exit_code


def _begin(folder: str, out: str, options: WatchOptions) -> str:
    if options.once:
        return ""
    return f"Watching {shown(Path(folder))}; clean images go to {shown(Path(out))}. Press Ctrl-C to stop."


class _LogVoice:
    """Prints log lines; keeps no history, so memory stays constant."""

    def __init__(self, manner: Manner, begin: str) -> None:
        self._manner = manner
        self._begin = begin
        self._last_hint = ""

    def hear(self, event: Event) -> None:
        """Print one event."""
        match event:
            case Started() if self._begin:
                self._unless_quiet(self._begin)
            case FileFailed():
                self._tell_failure(event.source, event.error)
            case FileDone():
                notes = "".join(f"; {one_line(note)}" for note in event.notes)
                size = f"{event.megapixels:.2f} MP, {event.seconds:.1f} s"
                self._unless_quiet(f"{shown(event.source)} -> {shown(event.target)} ({size}){notes}")
            case FileSkipped() if event.target is None or self._manner.verbose:
                self._unless_quiet(f"Skipped {shown(event.source)}: {one_line(event.reason)}")

    def tell(self, line: str) -> None:
        """Print one line immediately. Thread-safe."""
        say(line)

    def finish(self, report: Report, out: Path) -> None:
        """Print the summary."""
        failed = f", {len(report.failures)} failed" if report.failures else ""
        files = "1 file" if report.done == 1 else f"{report.done} files"
        self._unless_quiet(f"{files} cleaned in {duration(report.seconds)}{failed}: {shown(out)}")

    def _tell_failure(self, source: Path, error: DenoiserError) -> None:
        say(cause(source, error))
        if error.hint and error.hint != self._last_hint:
            self._last_hint = error.hint
            say(f"  {one_line(error.hint)}")

    def _unless_quiet(self, line: str) -> None:
        if not self._manner.quiet:
            say(line)
