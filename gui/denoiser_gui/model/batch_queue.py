"""The batch as rows with state, progress and time left. No Qt; one thread."""

from __future__ import annotations

import dataclasses
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from denoiser.batch.settings import Settings
from denoiser.errors import DenoiserError, ForeignOutput
from denoiser.events import FileDone, FileFailed, FileSkipped, FileStarted, TileDone
from denoiser.options import BatchOptions, WriteOptions
from denoiser_gui.model.batch_run import BatchEvent, BatchPart, BatchPaused, PartPlanned
from denoiser_gui.model.export_rules import DEFAULT_RULES, ExportRules
from denoiser_gui.model.notices import hint_of, message_of

_ENOUGH_SECONDS = 2.0  # an earlier estimate of the time left would jump


class RowState(Enum):
    """State of one file of the batch."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    ALREADY_DONE = "already done"  # by an earlier run, in the window or on the command line
    FAILED = "failed"


_OVER = (RowState.DONE, RowState.ALREADY_DONE, RowState.FAILED)


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One file of the batch."""

    source: Path
    settings: Settings = Settings()
    root: Path | None = None  # the folder it was added with; outputs mirror its tree
    state: RowState = RowState.WAITING
    fraction: float = 0.0  # of its tiles; 1 when it is over, also after a failure
    megapixels: float = 0.0
    sigma: float | None = None
    seconds: float | None = None
    target: Path | None = None
    notes: tuple[str, ...] = ()
    problem: str = ""
    hint: str = ""
    in_the_way: bool = False  # it failed because an unrelated file with its output name exists

    @property
    def is_over(self) -> bool:
        return self.state in _OVER


@dataclass(frozen=True, slots=True)
class BatchCounts:
    """Counts of rows by state, and overall progress."""

    states: Counter[RowState]
    size: int
    over: int
    in_the_way: int
    fraction: float  # weighted by megapixels; rows of unknown size count as average


def count(rows: Sequence[BatchRow]) -> BatchCounts:
    """Count rows. Takes 1 ms for a thousand of them."""
    states = Counter(row.state for row in rows)
    over = sum(states[state] for state in _OVER)
    return BatchCounts(states, len(rows), over, sum(row.in_the_way for row in rows), _fraction(rows))


def _fraction(rows: Sequence[BatchRow]) -> float:
    known = [row.megapixels for row in rows if row.megapixels > 0]
    average = sum(known) / len(known) if known else 1.0
    whole = sum(known) + average * (len(rows) - len(known))
    return sum(row.fraction * (row.megapixels or average) for row in rows) / whole if rows else 0.0


class BatchQueue:
    """The rows in order. `start` begins a run, `handle` applies its events."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._rows: dict[Path, BatchRow] = {}
        self._clock = clock
        self._folder = Path()
        self._running: set[Path] = set()  # sources of the current run
        self._at: Path | None = None
        self._began: float | None = None
        self._spent = 0.0

    @property
    def rows(self) -> tuple[BatchRow, ...]:
        return tuple(self._rows.values())

    def row(self, source: Path) -> BatchRow | None:
        """The row of a file."""
        return self._rows.get(source)

    def in_state(self, *states: RowState) -> list[BatchRow]:
        """The rows in one of these states."""
        return [row for row in self._rows.values() if row.state in states]

    def add(self, source: Path, settings: Settings, root: Path | None = None, sigma: float | None = None) -> None:
        """Add a file, or reset a file that is in the queue but not in the current run."""
        if source not in self._running:
            before = self._rows.get(source)
            self._rows[source] = BatchRow(source, settings, root, sigma=sigma or (before.sigma if before else None))

    def restore(self, rows: Iterable[BatchRow]) -> None:
        """Add rows of an earlier queue, before those that were added meanwhile."""
        self._rows = {row.source: row for row in rows} | self._rows

    def remove(self, sources: Iterable[Path]) -> None:
        """Remove files, except those of the current run."""
        for source in sources:
            if source not in self._running:
                self._rows.pop(source, None)

    def set_write(self, options: WriteOptions) -> None:
        """Give all rows that are not in the current run and not done these output options."""
        for row in self._rows.values():
            if row.source not in self._running and row.state in (RowState.WAITING, RowState.FAILED):
                self._change(row.source, settings=dataclasses.replace(row.settings, write=options))

    def start(
        self,
        folder: Path,
        rows: Sequence[BatchRow],
        rules: ExportRules = DEFAULT_RULES,
        *,
        replace: bool = False,
    ) -> list[BatchPart]:
        """Mark *rows* as running; return the parts that process them into *folder*, or where *rules* say."""
        retry = any(row.state is RowState.FAILED for row in rows)
        options = BatchOptions(retry_failed=retry, overwrite=replace)
        for row in rows:
            self._change(row.source, state=RowState.WAITING, problem="", hint="", fraction=0.0, in_the_way=False)
        self._running = {row.source for row in rows}
        self._folder = folder
        self._at, self._began, self._spent = None, None, 0.0
        options = dataclasses.replace(options, rename=rules.rename, flat=rules.place == "folder")
        return list(_parts(folder, rows, options, rules))

    def handle(self, event: BatchEvent) -> BatchRow | None:
        """Apply an event; return the row that it changed, if any."""
        match event:
            case PartPlanned():
                for source, megapixels in event.megapixels.items():
                    self._change(source, megapixels=megapixels)
            case BatchPaused():
                self.pause()
            case FileStarted():
                self._at = event.source
                self.resume()
                return self._change(event.source, state=RowState.RUNNING, megapixels=event.megapixels)
            case TileDone() if self._at is not None:
                row = self._rows.get(self._at)
                if row is not None and not row.is_over:
                    return self._change(self._at, fraction=event.done / event.total)
            case FileDone():
                return self._done(event)
            case FileFailed():
                return self._fail(event.source, event.error)
            case FileSkipped() if event.target is not None:
                return self._change(event.source, state=RowState.ALREADY_DONE, target=event.target, fraction=1.0)
            case FileSkipped():
                return self._change(event.source, state=RowState.FAILED, fraction=1.0, problem=event.reason)
        return None

    def pause(self) -> None:
        """Stop the clock."""
        if self._began is not None:
            self._spent += self._clock() - self._began
            self._began = None

    def resume(self) -> None:
        """Start the clock again."""
        if self._at is not None and self._began is None:
            self._began = self._clock()

    def end(self) -> None:
        """End the run; unfinished rows return to waiting."""
        self.pause()
        for source in self._running:
            row = self._rows.get(source)
            if row is not None and not row.is_over:
                self._change(source, state=RowState.WAITING, fraction=0.0)
        self._running = set()
        self._at = None

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds until the current run ends; None while it is too early for an estimate."""
        spent = self._spent + (self._clock() - self._began if self._began is not None else 0.0)
        # Files that were already done take no time.
        rows = [self._rows[source] for source in self._running if source in self._rows]
        done = _fraction([row for row in rows if row.state is not RowState.ALREADY_DONE])
        return spent * (1 - done) / done if done > 0 and spent >= _ENOUGH_SECONDS else None

    def _done(self, event: FileDone) -> BatchRow | None:
        sigma = {"sigma": _sigma(event)} if event.facts.get("noise") else {}
        return self._change(
            event.source,
            state=RowState.DONE,
            fraction=1.0,
            megapixels=event.megapixels,
            seconds=event.seconds,
            target=event.target,
            notes=event.notes,
            **sigma,
        )

    def _fail(self, source: Path, error: DenoiserError) -> BatchRow | None:
        message = message_of(error)
        for folder in {str(source.parent), str(self._folder)} - {"/", "."}:  # the row shows them anyway
            message = message.replace(f"{folder}/", "")
        return self._change(
            source,
            state=RowState.FAILED,
            fraction=1.0,
            problem=message,
            hint=hint_of(error),
            in_the_way=isinstance(error, ForeignOutput),
        )

    def _change(self, source: Path, **values: object) -> BatchRow | None:
        row = self._rows.get(source)
        if row is None:
            return None
        self._rows[source] = changed = dataclasses.replace(row, **values)  # type: ignore[arg-type]
        return changed


def _sigma(event: FileDone) -> float:
    """The noise level of a result, as NoiseEstimate.sigma computes it; grey images have no chroma."""
    noise = event.facts["noise"]
    if not noise["chroma"]:
        return float(noise["luma"])
    return float(((noise["luma"] ** 2 + 2 * noise["chroma"] ** 2) / 3) ** 0.5)


def _parts(
    folder: Path, rows: Sequence[BatchRow], options: BatchOptions, rules: ExportRules
) -> Iterator[BatchPart]:
    """One part per settings, tree, output folder, and source folder whose file names would clash."""
    parts: dict[tuple[Settings, Path | None, Path], list[Path]] = {}
    homes: dict[str, Path] = {}
    for row in rows:
        settings = dataclasses.replace(row.settings, batch=options)
        home, root = folder, row.root if rules.place == "tree" else None
        if rules.is_next_to_photos:
            home = rules.folder_of(row.source, None)
        elif rules.place == "tree" and root is None:
            name = unicodedata.normalize("NFC", row.source.stem).casefold()
            if homes.setdefault(name, row.source.parent) != row.source.parent:
                home = folder / row.source.parent.name
        parts.setdefault((settings, root, home), []).append(row.source)
    for (settings, root, home), sources in parts.items():
        yield BatchPart(tuple(sources), home, settings, root)
