"""The batch as rows with state, progress and time left. No Qt; one thread."""

from __future__ import annotations

import dataclasses
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from denoiser.batch.settings import Settings
from denoiser.errors import DenoiserError, ForeignOutput
from denoiser.events import Event, FileDone, FileFailed, FileSkipped, FileStarted, TileDone
from denoiser.options import BatchOptions
from denoiser_gui.model.batch_run import BatchEvent, BatchOrder, BatchPart, BatchPaused, PartFailed, PartPlanned
from denoiser_gui.model.notices import hint_of, message_of

_ENOUGH_SECONDS = 2.0  # an earlier estimate of the time left would jump


class RowState(Enum):
    """State of one file of the batch."""

    WAITING = "waiting"
    CLEANING = "cleaning"
    DONE = "done"
    ALREADY_DONE = "done already"  # by an earlier run, in the window or on the command line
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One file of the batch."""

    source: Path
    settings: Settings = Settings()
    root: Path | None = None  # the folder it was added with; outputs mirror its tree
    state: RowState = RowState.WAITING
    fraction: float = 0.0  # of its tiles, while it is processed
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
        return self.state in (RowState.DONE, RowState.ALREADY_DONE, RowState.FAILED)


@dataclass(slots=True)
class Tally:
    """Counts of rows by state, and overall progress. Not thread-safe.

    Updated incrementally: a batch may have thousands of rows, and every tile asks.
    """

    states: Counter[RowState] = field(default_factory=Counter)
    size: int = 0
    over: int = 0
    in_the_way: int = 0
    _known: int = 0  # rows with known size
    _megapixels: float = 0.0
    _done: float = 0.0  # finished part of those megapixels
    _done_unknown: float = 0.0  # finished part of rows with unknown size

    def take(self, row: BatchRow) -> None:
        """Add *row* to the counts."""
        self._count(row, 1)

    def drop(self, row: BatchRow) -> None:
        """Remove it from the counts."""
        self._count(row, -1)

    @property
    def fraction(self) -> float:
        """Progress weighted by megapixels; rows of unknown size count as average."""
        if not self.size:
            return 0.0
        usual = self._megapixels / self._known if self._known and self._megapixels > 0 else 1.0
        whole = self._megapixels + usual * (self.size - self._known)
        return min(1.0, max(0.0, (self._done + usual * self._done_unknown) / whole))

    def _count(self, row: BatchRow, sign: int) -> None:
        share = 1.0 if row.is_over else row.fraction
        self.states[row.state] += sign
        self.size += sign
        self.over += sign * row.is_over
        self.in_the_way += sign * row.in_the_way
        if row.megapixels > 0:
            self._known += sign
            self._megapixels += sign * row.megapixels
            self._done += sign * share * row.megapixels
        else:
            self._done_unknown += sign * share


class BatchQueue:
    """The rows in order. `order` creates a run, `handle` applies its events."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._rows: dict[Path, BatchRow] = {}
        self._clock = clock
        self._folder = Path()
        self._running: set[Path] = set()  # sources of the current run
        self._tally, self._tally_of_run = Tally(), Tally()
        self._at: Path | None = None
        self._began: float | None = None
        self._spent = 0.0

    @property
    def rows(self) -> tuple[BatchRow, ...]:
        return tuple(self._rows.values())

    def row(self, source: Path) -> BatchRow | None:
        """The row of a file."""
        return self._rows.get(source)

    def add(self, sources: Iterable[Path], settings: Settings, root: Path | None = None) -> int:
        """Add files, or reset files that are already in the queue; return how many are waiting as a result."""
        added = 0
        for source in sources:
            if source not in self._running:
                self._put(BatchRow(source, settings, root, sigma=self._sigma_of(source)))
                added += 1
        return added

    def remove(self, sources: Iterable[Path]) -> None:
        """Remove files, except those of the current run."""
        for source in sources:
            if source not in self._running:
                self._forget(source)
                self._rows.pop(source, None)

    def learn_noise(self, sigmas: Mapping[Path, float]) -> None:
        """Store noise levels that were measured elsewhere."""
        for source, sigma in sigmas.items():
            self._change(source, sigma=sigma)

    def order(self, folder: Path, rows: Sequence[BatchRow], *, replace: bool = False) -> BatchOrder:
        """Create the order that processes *rows* into *folder* and mark them as running."""
        retry = any(row.state is RowState.FAILED for row in rows)
        options = BatchOptions(retry_failed=retry, overwrite=replace)
        self._running, self._tally_of_run = set(), Tally()
        again = {"state": RowState.WAITING, "problem": "", "hint": "", "fraction": 0.0, "in_the_way": False}
        fresh = [self._put(dataclasses.replace(row, **again)) for row in rows]  # type: ignore[arg-type]
        self._running = {row.source for row in rows}
        for row in fresh:
            self._tally_of_run.take(row)
        self._folder = folder
        self._at, self._began, self._spent = None, None, 0.0
        return BatchOrder(tuple(_parts(folder, rows, options)))

    def handle(self, event: BatchEvent) -> BatchRow | None:
        """Applies an event; returns the row that it changed, if any."""
        match event:
            case PartPlanned():
                for source, megapixels in event.megapixels.items():
                    self._change(source, megapixels=megapixels)
                return None
            case BatchPaused():
                self.pause()
                return None
            case PartFailed():
                for source in event.sources:
                    self._fail(source, event.error)
                return None
            case _:
                return self._handle_event(event) if isinstance(event, Event) else None

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
                self._put(dataclasses.replace(row, state=RowState.WAITING, fraction=0.0))
        self._running, self._tally_of_run = set(), Tally()
        self._at = None

    @property
    def waiting(self) -> list[BatchRow]:
        return [row for row in self._rows.values() if row.state is RowState.WAITING]

    @property
    def failed(self) -> list[BatchRow]:
        return [row for row in self._rows.values() if row.state is RowState.FAILED]

    @property
    def tally(self) -> Tally:
        """Counts of all rows, and the overall progress."""
        return self._tally

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds until the current run ends; None while it is too early for an estimate."""
        spent = self._spent + (self._clock() - self._began if self._began is not None else 0.0)
        done = self._tally_of_run.fraction
        return spent * (1 - done) / done if done > 0 and spent >= _ENOUGH_SECONDS else None

    def _handle_event(self, event: Event) -> BatchRow | None:
        match event:
            case FileStarted():
                self._at = event.source
                self.resume()
                return self._change(event.source, state=RowState.CLEANING, megapixels=event.megapixels)
            case TileDone() if self._at is not None:
                row = self._rows.get(self._at)
                if row is None or row.is_over:
                    return None
                return self._change(self._at, fraction=event.done / event.total)
            case FileDone():
                return self._done(event)
            case FileFailed():
                return self._fail(event.source, event.error)
            case FileSkipped() if event.target is not None:
                return self._change(event.source, state=RowState.ALREADY_DONE, target=event.target, fraction=1.0)
            case FileSkipped():
                return self._change(event.source, state=RowState.FAILED, problem=event.reason)
            case _:
                return None

    def _done(self, event: FileDone) -> BatchRow | None:
        return self._change(
            event.source,
            state=RowState.DONE,
            fraction=1.0,
            megapixels=event.megapixels,
            seconds=event.seconds,
            target=event.target,
            notes=event.notes,
            sigma=_sigma(event) if event.facts.get("noise") else self._sigma_of(event.source),
        )

    def _fail(self, source: Path, error: DenoiserError) -> BatchRow | None:
        return self._change(
            source,
            state=RowState.FAILED,
            fraction=0.0,
            problem=self._without_folders(message_of(error), source),
            hint=hint_of(error),
            in_the_way=isinstance(error, ForeignOutput),
        )

    def _without_folders(self, message: str, source: Path) -> str:
        """Remove folders from a message that the row shows anyway."""
        for folder in {str(source.parent), str(self._folder)} - {"/", "."}:
            message = message.replace(f"{folder}/", "")
        return message

    def _sigma_of(self, source: Path) -> float | None:
        row = self._rows.get(source)
        return row.sigma if row else None

    def _change(self, source: Path, **facts: object) -> BatchRow | None:
        row = self._rows.get(source)
        return self._put(dataclasses.replace(row, **facts)) if row is not None else None  # type: ignore[arg-type]

    def _put(self, row: BatchRow) -> BatchRow:
        self._forget(row.source)
        self._rows[row.source] = row
        self._tally.take(row)
        if self._counts_in_run(row):
            self._tally_of_run.take(row)
        return row

    def _forget(self, source: Path) -> None:
        """Remove a row from the counts; it keeps its position."""
        old = self._rows.get(source)
        if old is not None:
            self._tally.drop(old)
            if self._counts_in_run(old):
                self._tally_of_run.drop(old)

    def _counts_in_run(self, row: BatchRow) -> bool:
        # Files that were already done take no time.
        return row.source in self._running and row.state is not RowState.ALREADY_DONE


def _sigma(event: FileDone) -> float:
    """The noise level of a result, as NoiseEstimate.sigma computes it; grey images have no chroma."""
    noise = event.facts["noise"]
    if not noise["chroma"]:
        return float(noise["luma"])
    return float(((noise["luma"] ** 2 + 2 * noise["chroma"] ** 2) / 3) ** 0.5)


def _parts(folder: Path, rows: Sequence[BatchRow], options: BatchOptions) -> Iterator[BatchPart]:
    """One part per settings, tree, and source folder whose file names would clash."""
    parts: dict[tuple[Settings, Path | None, Path], list[Path]] = {}
    homes: dict[str, Path] = {}
    for row in rows:
        settings = dataclasses.replace(row.settings, batch=options)
        home = folder
        if row.root is None:
            name = unicodedata.normalize("NFC", row.source.stem).casefold()
            if homes.setdefault(name, row.source.parent) != row.source.parent:
                home = folder / row.source.parent.name
        parts.setdefault((settings, row.root, home), []).append(row.source)
    for (settings, root, home), sources in parts.items():
        yield BatchPart(tuple(sources), home, settings, root)
