"""Prints events to stderr: a progress bar on a terminal, occasional lines elsewhere, and a summary."""

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
from denoiser.errors import OutputFull
from denoiser.events import (
    Event,
    FileDone,
    FileFailed,
    FileSkipped,
    FileStarted,
    SeriesFound,
    Started,
    TileDone,
    WorkerLost,
)
from denoiser_cli.flags import OutputMode
from denoiser_cli.lines import one_line, print_failure, shown, to_stderr

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress


# Below these, estimates of the remaining time vary too much.
_ENOUGH_FRACTION = 0.005
_ENOUGH_SECONDS = 1.0


class BatchProgress:
    """Tracks progress in megapixels, not files: image sizes differ by orders of magnitude."""

    def __init__(self) -> None:
        self.files = 0
        self.files_over = 0
        self._megapixels = 0.0
        self._over = 0.0  # megapixels of files that are done or have failed
        self._sizes: dict[Path, float] = {}  # megapixels of the files that are being processed
        self._parts: dict[Path, float] = {}  # megapixels of them that are done
        self._newest: Path | None = None
        self._began: float | None = None

    def handle(self, event: Event) -> None:
        """Handle one event."""
        match event:
            case Started():
                self.files, self._megapixels = event.files, event.megapixels
            case FileStarted():
                self._began = self._began or time.monotonic()  # loading the weights is not counted
                self._newest, self._sizes[event.source] = event.source, event.megapixels
            case TileDone() if self._newest is not None:
                self._parts[self._newest] = self._sizes.get(self._newest, 0.0) * event.done / event.total
            case FileDone() | FileFailed():
                self.files_over += 1
                self._parts.pop(event.source, None)
                size = self._sizes.pop(event.source, 0.0)
                self._over += event.megapixels if isinstance(event, FileDone) else size

    @property
    def fraction(self) -> float:
        """From 0 to 1; counts files if no header could be read."""
        if self.files_over == self.files:
            return 1.0
        if not self._megapixels:
            return self.files_over / self.files
        return min(1.0, self._done / self._megapixels)

    @property
    def megapixels_per_second(self) -> float:
        """Average since the first file was started."""
        return self._done / max(self._spent, 1e-3) if self._began is not None else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds left; None until there is enough data."""
        if self.fraction < _ENOUGH_FRACTION or self._spent < _ENOUGH_SECONDS:
            return None
        return self._spent * (1 - self.fraction) / self.fraction

    def __str__(self) -> str:
        left = self.seconds_left
        later = f", {duration(left)} left" if left is not None else ""
        return f"{self.files_over} of {self.files} files, {self.megapixels_per_second:.2f} MP/s{later}"

    @property
    def _done(self) -> float:
        return self._over + sum(self._parts.values())

    @property
    def _spent(self) -> float:
        return time.monotonic() - self._began if self._began is not None else 0.0


def duration(seconds: float) -> str:
    """Format seconds: 8 s, 2:05 min, 3:10 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"


SECONDS_BETWEEN_LINES = 5.0


@dataclass
class Sizes:
    """Total size of encoded files, and the size that removing noise saved."""

    bytes: int = 0
    metadata: int = 0  # bytes of it that are not the picture
    pixels: float = 0.0
    cleaned: int = 0  # bytes of files that were denoised
    noisy: int = 0  # their size with noise

    def add(self, event: FileDone) -> None:
        """Add an encoded file."""
        size, noisy = event.facts.get("bytes", 0), event.facts.get("noisy_bytes", 0)
        self.bytes += size
        self.metadata += event.facts.get("metadata_bytes", 0)
        self.pixels += event.megapixels * 1e6 if size else 0.0
        if noisy:
            self.cleaned, self.noisy = self.cleaned + size, self.noisy + noisy

    def __str__(self) -> str:
        parts = f" ({self.bytes - self.metadata:,} picture, {self.metadata:,} metadata)" if self.metadata else ""
        words = f"{self.bytes:,} bytes{parts}, {self.bytes * 8 / max(self.pixels, 1.0):.2f} bits per pixel"
        if not self.noisy:
            return f"{words}."
        saved = self.noisy - self.cleaned
        share = f"{abs(saved):,} bytes {'fewer' if saved >= 0 else 'more'} ({abs(saved) / self.noisy:.0%})"
        return f"{words}; {share} than with noise."


class TextOutput:
    """Prints for people. A context manager that shows the progress bar."""

    def __init__(self, mode: OutputMode, done: str = "cleaned", *, resumes: bool = True) -> None:
        self._mode = mode
        self._done = done  # past participle for the summary
        self._again = "run the same command again to continue" if resumes else "to start again, add --overwrite"
        self._progress = BatchProgress()
        self._bar: RichProgress | None = None
        self._last_line = time.monotonic()
        self._hints: set[str] = set()
        self._notes: dict[str, list[Path]] = {}
        self._sizes = Sizes()

    def __enter__(self) -> Self:
        if not self._mode.quiet and _is_terminal():
            self._bar = _open_bar()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def handle(self, event: Event) -> None:
        """Handle one event."""
        self._progress.handle(event)
        match event:
            case FileFailed():
                self._print_failure(event)
            case FileSkipped() if event.target is None or self._mode.verbose:
                self._unless_quiet(f"Skipped {shown(event.source)}: {one_line(event.reason)}")
            case FileDone():
                self._print_done(event)
            case WorkerLost():
                self._unless_quiet(f"A worker ended ({one_line(event.cause)}); {_again(len(event.sources))}.")
            case SeriesFound() if self._mode.verbose:
                self.message(series_line(event))
        self._show_progress()

    def message(self, line: str) -> None:
        """Print one line immediately, above the bar. Thread-safe."""
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            to_stderr(line)

    def finish(self, report: Report, out: Path) -> None:
        """Print the summary of a run."""
        for note, sources in self._notes.items():
            more = f" and {len(sources) - 1} more" if len(sources) > 1 else ""
            self._unless_quiet(f"{shown(sources[0])}{more}: {one_line(note)}")
        self._unless_quiet(_outcome(report, out, self._done))
        if report.done and self._sizes.bytes:
            self._unless_quiet(str(self._sizes))
        if report.already_there and report.done + len(report.failures) + report.left:
            self._unless_quiet(f"{_count(report.already_there)} already done (use --overwrite to replace).")
        if report.failures:
            self.message(f"{_count(len(report.failures))} failed, listed above.")
        if report.left:
            left = f"{_why_stopped(report)} with {_count(report.left)} remaining"
            self.message(f"{left}; {self._again}.")

    def _print_done(self, event: FileDone) -> None:
        if self._mode.verbose:
            size = f", {event.facts['bytes']:,} bytes" if "bytes" in event.facts else ""
            self.message(f"{shown(event.source)} -> {shown(event.target)} ({event.megapixels:.2f} MP{size})")
        self._sizes.add(event)
        for note in event.notes:
            self._notes.setdefault(note, []).append(event.source)

    def _print_failure(self, failure: FileFailed) -> None:
        if self._mode.verbose > 1:
            self.message("".join(traceback.format_exception(failure.error)).rstrip())
        print_failure(failure.source, failure.error, self._hints, self.message)

    def _unless_quiet(self, line: str) -> None:
        if not self._mode.quiet:
            self.message(line)

    def _show_progress(self) -> None:
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._progress.fraction, words=str(self._progress))
        elif self._wants_a_line():
            self._last_line = time.monotonic()
            to_stderr(f"{self._progress.fraction:4.0%}  {self._progress}")

    def _wants_a_line(self) -> bool:
        waited = time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES
        return waited and self._progress.files > 0 and not self._mode.quiet


def series_line(found: SeriesFound) -> str:
    """Describe a series on one line."""
    noise = "".join(f", {name} {found.noise[name]:.1f}" for name in ("luma", "chroma") if name in found.noise)
    return one_line(f"Series {found.series}: {_count(found.frames)}{noise} ({found.reason})")


def _outcome(report: Report, out: Path, done: str) -> str:
    if report.done:
        speed = report.megapixels / max(report.seconds, 1e-3)
        took = f"{report.megapixels:.1f} MP in {duration(report.seconds)} ({speed:.2f} MP/s)"
        return f"{results(report, done)}, {took}: {shown(out)}"
    if report.already_there and not report.failures and not report.left:
        finished = f"{_count(report.already_there)} already done in {shown(out)}"
        return f"Nothing to do: {finished} (use --overwrite to replace)."
    return f"Nothing was {done}."


def results(report: Report, done: str) -> str:
    """Return how many files were processed; of a cleaning run, also how many were left as they are."""
    if not report.copied and not report.converted:
        return f"{_count(report.done)} {done}"
    kept = {"copied": report.copied, "converted only": report.converted}
    return ", ".join([f"{_count(report.cleaned)} {done}", *(f"{n} {word}" for word, n in kept.items() if n)])


def _why_stopped(report: Report) -> str:
    if isinstance(report.stopped_by, OutputFull):
        return "Out of space"
    return f"Stopped ({one_line(report.stopped_by.message).rstrip('.')})" if report.stopped_by else "Stopped"


def _count(files: int) -> str:
    return "1 file" if files == 1 else f"{files} files"


def _again(files: int) -> str:
    """Return what happens to the files of a worker that ended."""
    return "it had no files" if not files else f"{_count(files)} will be processed again"


def _is_terminal() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


def _open_bar() -> RichProgress:
    from rich.console import Console  # slow to import; not needed without a terminal
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
    bar.add_task("", total=1.0, words="loading the model")
    bar.start()
    return bar
