"""Events to words on stderr: a bar on a terminal, a line now and then elsewhere, and what matters at the end."""

from __future__ import annotations

import os
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from denoiser.batch import Report
from denoiser.errors import DenoiserError, OutputFull
from denoiser.events import Event, FileDone, FileFailed, FileSkipped, SeriesFound
from denoiser_cli.flags import Manner
from denoiser_cli.lines import one_line, say, shown
from denoiser_cli.progress import Progress, duration

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

SECONDS_BETWEEN_LINES = 5.0


@dataclass
class Sizes:
    """What encoded files take together, and what noise would have taken that was left out."""

    bytes: int = 0
    pixels: float = 0.0
    cleaned: int = 0  # bytes of files whose noise was taken out
    noisy: int = 0  # what they would have taken with it

    def add(self, event: FileDone) -> None:
        """Counts a file that is encoded."""
        size, noisy = event.facts.get("bytes", 0), event.facts.get("noisy_bytes", 0)
        self.bytes += size
        self.pixels += event.megapixels * 1e6 if size else 0.0
        if noisy:
            self.cleaned, self.noisy = self.cleaned + size, self.noisy + noisy

    def __str__(self) -> str:
        words = f"{self.bytes:,} bytes, {self.bytes * 8 / max(self.pixels, 1.0):.2f} bits per pixel"
        if not self.noisy:
            return f"{words}."
        saved = self.noisy - self.cleaned
        share = f"{abs(saved):,} bytes {'fewer' if saved >= 0 else 'more'} ({abs(saved) / self.noisy:.0%})"
        return f"{words}; without the noise {share}."


class TextVoice:
    """Speaks to people. A context manager: the bar stands while the block runs."""

    def __init__(self, manner: Manner, done: str = "cleaned") -> None:
        self._manner = manner
        self._done = done  # what is done to files
        self._progress = Progress()
        self._bar: RichProgress | None = None
        self._last_line = time.monotonic()
        self._hints: set[str] = set()
        self._notes: dict[str, list[Path]] = {}
        self._sizes = Sizes()

    def __enter__(self) -> Self:
        if not self._manner.quiet and _is_terminal():
            self._bar = _open_bar()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def hear(self, event: Event) -> None:
        """Takes in one event and says what people want to know of it."""
        self._progress.hear(event)
        match event:
            case FileFailed():
                self._tell_failure(event)
            case FileSkipped() if event.target is None or self._manner.verbose:
                self._tell_unless_quiet(f"Passed over {shown(event.source)}: {one_line(event.reason)}")
            case FileDone():
                self._tell_done(event)
            case SeriesFound() if self._manner.verbose:
                self.tell(series_line(event))
        self._show_progress()

    def tell(self, line: str) -> None:
        """Says one line at once, above the bar; from any thread."""
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            say(line)

    def finish(self, report: Report, out: Path) -> None:
        """The last words on a run."""
        for note, sources in self._notes.items():
            more = f" and {len(sources) - 1} more" if len(sources) > 1 else ""
            self._tell_unless_quiet(f"{shown(sources[0])}{more}: {one_line(note)}")
        self._tell_unless_quiet(_outcome(report, out, self._done))
        if report.done and self._sizes.bytes:
            self._tell_unless_quiet(str(self._sizes))
        if report.already_there and report.done + len(report.failures) + report.left:
            self._tell_unless_quiet(f"{_count(report.already_there)} done already (see --overwrite).")
        if report.failures:
            self.tell(f"{_count(len(report.failures))} failed, named above.")
        if report.left:
            left = f"{_why_stopped(report)} with {_count(report.left)} to go"
            self.tell(f"{left}; run the same command again to go on.")

    def _tell_done(self, event: FileDone) -> None:
        if self._manner.verbose:
            size = f", {event.facts['bytes']:,} bytes" if "bytes" in event.facts else ""
            self.tell(f"{shown(event.source)} -> {shown(event.target)} ({event.megapixels:.2f} MP{size})")
        self._sizes.add(event)
        for note in event.notes:
            self._notes.setdefault(note, []).append(event.source)

    def _tell_failure(self, failure: FileFailed) -> None:
        error = failure.error
        if self._manner.verbose:
            self.tell("".join(traceback.format_exception(error)).rstrip())
        self.tell(cause(failure.source, error))
        if error.hint and error.hint not in self._hints:  # once is enough for a thousand broken files
            self._hints.add(error.hint)
            self.tell(f"  {one_line(error.hint)}")

    def _tell_unless_quiet(self, line: str) -> None:
        if not self._manner.quiet:
            self.tell(line)

    def _show_progress(self) -> None:
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._progress.fraction, words=str(self._progress))
        elif self._wants_a_line():
            self._last_line = time.monotonic()
            say(f"{self._progress.fraction:4.0%}  {self._progress}")

    def _wants_a_line(self) -> bool:
        waited = time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES
        return waited and self._progress.files > 0 and not self._manner.quiet


def series_line(found: SeriesFound) -> str:
    """A group of pictures that were taken alike, on one line."""
    noise = "".join(f", {name} {found.noise[name]:.1f}" for name in ("luma", "chroma") if name in found.noise)
    return one_line(f"Series {found.series}: {_count(found.frames)}{noise} ({found.reason})")


def cause(source: Path, error: DenoiserError) -> str:
    """The error on one line that names the file."""
    named = one_line(source.name) in error.message
    return one_line(error.message if named else f"{source}: {error.message}")


def _outcome(report: Report, out: Path, done: str) -> str:
    if report.done:
        speed = report.megapixels / max(report.seconds, 1e-3)
        took = f"{report.megapixels:.1f} MP in {duration(report.seconds)} ({speed:.2f} MP/s)"
        return f"{_count(report.done)} {done}, {took}: {shown(out)}"
    if report.already_there and not report.failures and not report.left:
        return f"Nothing left to do: {_count(report.already_there)} done already in {shown(out)} (see --overwrite)."
    return f"Nothing {done}."


def _why_stopped(report: Report) -> str:
    if isinstance(report.stopped_by, OutputFull):
        return "Out of space"
    return f"Stopped ({one_line(report.stopped_by.message).rstrip('.')})" if report.stopped_by else "Stopped"


def _count(files: int) -> str:
    return "1 file" if files == 1 else f"{files} files"


def _is_terminal() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


def _open_bar() -> RichProgress:
    from rich.console import Console  # slow to import, and not needed where nobody looks
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as RichProgress

    bar = RichProgress(
        BarColumn(bar_width=None),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[words]}", markup=False),
        console=Console(stderr=True),
        transient=True,
        expand=True,
    )
    bar.add_task("", total=1.0, words="loading the network")
    bar.start()
    return bar
