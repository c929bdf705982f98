"""Watches a folder and cleans each image that arrives, once.

    scan  ->  complete?  ->  plan (records decide what is done)  ->  run_plan  ->  wait  ->  scan …

Programs write files in pieces and do not signal the end. `Arrivals` therefore scans the folder repeatedly and waits
until a file is complete and has its final name. Listings and sizes are sufficient, so network folders work, too.
One session and one file of records serve the whole watch. No file ends it.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import BinaryIO

from denoiser.atomicfile import as_unwritable
from denoiser.batch.cleaning import CLEANING, ask_device
from denoiser.batch.discover import Discovery, FoundFile, Skipped, discover, looks_like_image
from denoiser.batch.history import History, OutputHistory, conflict, read_on
from denoiser.batch.layout import Job
from denoiser.batch.manifest import FOLDER, Manifest, Stamp, locked_if_free, stamp_of
from denoiser.batch.plan import Destination, PathLike, Plan, plan_for, refuse_unsafe
from denoiser.batch.report import Report
from denoiser.batch.runner import run_plan
from denoiser.batch.settings import Settings
from denoiser.batch.work import Worker
from denoiser.errors import Cancelled, DenoiserError, OutputFull, Refused, UnreadableImage, UnsafeOutput, UsageError
from denoiser.events import CancelToken, Event, FileDone, FileFailed, FileSkipped, Listener, Started, ignore
from denoiser.options import WatchOptions

LOCK = "watch.lock"
FULL_DISK_SECONDS = 60.0  # between two attempts, while the user frees space
PAUSE_FACTOR = 4  # the pause is at least so many times as long as the scan, to spare file servers
MOST_FAILURES = 1000  # kept for the final report; every failure is an event


def watch_folder(
    folder: PathLike,
    out: PathLike,
    settings: Settings = Settings(),
    watch: WatchOptions = WatchOptions(),
    *,
    listener: Listener = ignore,
    cancel: CancelToken | None = None,
) -> Report:
    """Clean every image in *folder*, and new ones, into the same tree below *out*, until *cancel*.

    A file is processed once it is unchanged between two scans and can be read completely. Files that an earlier
    watch or run finished are not processed again, even if their outputs were removed. Raises before the first scan
    if the arguments are invalid or unsafe. A file that fails is reported, and retried when it changes.
    """
    job = _Watch(Path(folder), Path(out), settings, watch, listener, cancel or CancelToken())
    return job.carry_out()


@dataclass(slots=True)
class _Watch:
    folder: Path
    out: Path
    settings: Settings
    watch: WatchOptions
    listener: Listener
    cancel: CancelToken
    manifest: Manifest = field(init=False)
    place: Destination = field(init=False)
    arrivals: Arrivals = field(init=False)
    open_once: Callable[[], Worker] = field(init=False)
    reported: set[Skipped] = field(default_factory=set)
    failures: deque[FileFailed] = field(default_factory=lambda: deque(maxlen=MOST_FAILURES))
    report: Report = field(default_factory=Report)
    stopped_by: DenoiserError | None = None

    def carry_out(self) -> Report:
        began = time.perf_counter()
        if not self.folder.is_dir():
            raise UsageError(
                f"{self.folder}: no such folder.", hint="For example: denoise watch ./in --out ./clean"
            )
        if self.settings.batch.mask or self.settings.batch.sidecars:
            raise UsageError("Masks and sidecars do not work with a watched folder.", hint="Leave them out.")
        refuse_unsafe(Discovery((), (), (self.folder,), 0), self.out, self.out)
        if self.folder.resolve().is_relative_to(self.out.resolve()):
            raise UnsafeOutput(
                f"{self.folder}: is inside the output folder {self.out}, so outputs would be processed again."
            )
        lock = _lock(self.out)
        try:
            self._prepare()
            self.listener(Started(0, 0.0))  # the number of files is unknown
            self._go_on()
        except Cancelled:
            pass
        finally:
            if self.manifest.is_open:
                counts = {"done": self.report.done, "failed": len(self.failures), "left": 0}
                self.manifest.close(counts)
            lock.close()
        return dataclasses.replace(
            self.report,
            failures=tuple(self.failures),
            seconds=time.perf_counter() - began,
            cancelled=self.cancel.cancelled,
            stopped_by=self.stopped_by,
        )

    def _prepare(self) -> None:
        batch, rest = self.settings.batch, self.watch.interval
        self.manifest = Manifest(self.out, self.settings)
        history = History(slim=True)
        read_on(self.out, history)
        choice = CLEANING.choose(self.settings, history, ask_device)
        self.place = Destination(self.out, self.out, history, choice)
        self.arrivals = Arrivals(self.folder, self.out, rest, batch.recursive)
        self.open_once = functools.cache(lambda: CLEANING.open(choice, self.settings))

    def _go_on(self) -> None:
        scans = 0
        while not self.cancel.cancelled:
            began = time.monotonic()
            scan = self._scan()
            took = time.monotonic() - began
            scans += 1
            self.stopped_by = None
            self._clean(scan.complete, scan.inputs)
            if self.watch.once and (scans == 2 or not scan.changing):
                return
            pause = FULL_DISK_SECONDS if self.stopped_by else PAUSE_FACTOR * took
            self.cancel.wait(max(self.watch.interval, pause))

    def _scan(self) -> FolderScan:
        """Scan the folder; the result is empty while the folder is missing, for example when a network is down."""
        try:
            scan = self.arrivals.scan()
        except UsageError as error:
            if self.watch.once:
                raise
            skipped = Skipped(self.folder, f"cannot be accessed now ({error.message})")
            scan = FolderScan((), 0, (skipped,), frozenset())
        self._report_skipped(set(scan.skipped))
        return scan

    def _report_skipped(self, skipped: set[Skipped]) -> None:
        news = sorted(skipped - self.reported, key=lambda one: one.path)
        for one in news:
            if one.is_error:
                failure = FileFailed(one.path, UnreadableImage(f"{one.path}: {one.reason}."))
                self.failures.append(failure)
                self.listener(failure)
            else:
                self.listener(FileSkipped(one.path, one.reason))
        count = sum(not one.is_error for one in news)
        self.report = dataclasses.replace(self.report, skipped=self.report.skipped + count)
        self.reported = skipped

    def _clean(self, finds: tuple[FoundFile, ...], inputs: frozenset[tuple[int, int]]) -> None:
        """Clean *finds*. If some of them conflict, the others are cleaned all the same."""
        present = tuple(find for find in finds if os.path.lexists(find.path))
        if not present or self.cancel.cancelled or self.stopped_by:
            return
        try:
            plan = self._plan(present, inputs)
        except Cancelled:
            raise
        except DenoiserError as error:
            if len(present) == 1:
                self._hear(FileFailed(present[0].path, error))
                return
            half = len(present) // 2
            self._clean(present[:half], inputs)
            self._clean(present[half:], inputs)
            return
        if plan.jobs or plan.blocked or plan.already_there:
            self._add(self._run(plan))

    def _run(self, plan: Plan) -> Report:
        return run_plan(
            plan,
            self.open_once,
            self.settings,
            listener=self._hear,
            cancel=self.cancel,
            manifest=self.manifest,
        )

    def _plan(self, finds: tuple[FoundFile, ...], inputs: frozenset[tuple[int, int]]) -> Plan:
        read_on(self.out, self.place.history)  # of this watch, and of parallel runs
        found = Discovery(finds, (), (self.folder,), 0)
        plan = plan_for(found, self.place, self.settings, self.cancel)
        return self._first_come(plan, inputs)

    def _first_come(self, plan: Plan, inputs: frozenset[tuple[int, int]]) -> Plan:
        """Return the plan without targets that another image was written to, and outputs that the user removed."""
        jobs, done, blocked = [], list(plan.already_there), list(plan.blocked)
        for job in plan.jobs:
            obstacle = self._obstacle(job, inputs)
            if obstacle is not None:
                blocked.append((job, obstacle))
            elif self._was_removed(job):
                done.append(job)
            else:
                jobs.append(job)
        return dataclasses.replace(plan, jobs=tuple(jobs), already_there=tuple(done), blocked=tuple(blocked))

    def _obstacle(self, job: Job, inputs: frozenset[tuple[int, int]]) -> DenoiserError | None:
        try:
            status = job.target.stat()
        except OSError:
            return None
        if (status.st_dev, status.st_ino) in inputs:
            return UnsafeOutput(f"{job.target}: is an input, or a link to one; inputs are never overwritten.")
        return conflict(job, self.place.history.of(job.name) or OutputHistory(), self.out)

    def _was_removed(self, job: Job) -> bool:
        past = self.place.history.of(job.name)
        if past is None or past.done is None or past.state != "done" or self.settings.batch.overwrite:
            return False
        made_alike = past.done["options"] == self.settings.key and past.done["digest"] == self.place.choice.digest
        return made_alike and past.source_stamp == stamp_of(job.source) and not os.path.lexists(job.target)

    def _hear(self, event: Event) -> None:
        """Pass events on, and note the files that are finished."""
        match event:
            case Started():
                return  # of this plan; that of the watch was sent when it began
            case FileFailed(error=OutputFull()):
                self.stopped_by = event.error
            case FileFailed(error=UnreadableImage()) if self.arrivals.may_still_come(event.source):
                return
            case FileFailed() | FileDone() | FileSkipped():
                self.arrivals.finish(event.source)
        if isinstance(event, FileFailed):
            self.failures.append(event)
        self.listener(event)

    def _add(self, run: Report) -> None:
        self.report = dataclasses.replace(
            self.report,
            done=self.report.done + run.done,
            cleaned=self.report.cleaned + run.cleaned,
            copied=self.report.copied + run.copied,
            converted=self.report.converted + run.converted,
            already_there=self.report.already_there + run.already_there,
            left=run.left,
            megapixels=self.report.megapixels + run.megapixels,
        )


def _lock(out: Path) -> BinaryIO:
    """Lock *out* until the process ends; raise Refused if another watch has locked it."""
    path = out / FOLDER / LOCK
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = locked_if_free(path)
    except OSError as error:
        raise as_unwritable(path, error) from error
    if held is None:
        raise Refused(f"{out}: another `denoise watch` is writing there.", hint="Stop it, or choose another --out.")
    return held


# Copying programs write to hidden names and folders, and rename at the end; some devices store thumbnails there.
_UNFINISHED = (".", "~", "@eaDir")
# An incomplete file may still be arriving over a slow connection; after this time, it counts as corrupt.
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class FolderScan:
    """The result of one scan of the folder."""

    complete: tuple[FoundFile, ...]  # unchanged since an earlier scan
    changing: int
    skipped: tuple[Skipped, ...]
    inputs: frozenset[tuple[int, int]]  # device and inode of every image in the folder


@dataclass(frozen=True, slots=True)
class _Unchanged:
    """A file, and since when its stamp is unchanged."""

    stamp: Stamp
    since: float  # by the clock of this machine: that of a file server may be wrong


@dataclass(slots=True)
class Arrivals:
    """Scans *folder* and its subfolders for complete files that are not finished yet."""

    folder: Path
    out: Path
    rest_seconds: float
    recursive: bool = True
    clock: Callable[[], float] = time.monotonic
    _finished: dict[Path, Stamp] = field(default_factory=dict)
    _unchanged: dict[Path, _Unchanged] = field(default_factory=dict)

    def scan(self) -> FolderScan:
        """Scan once; raise UsageError if the folder does not exist."""
        found = discover(
            [self.folder],
            is_image_name=looks_like_image,
            recursive=self.recursive,
            leave_out=self.out,
        )
        finds = {find.path: find for find in found.finds if not _is_unfinished(find.below)}
        stamps = {path: stamp for path in finds if (stamp := stamp_of(path)) is not None}
        # A file that was removed and comes back is new.
        self._finished = {path: stamp for path, stamp in self._finished.items() if stamps.get(path) == stamp}
        fresh = {path: stamp for path, stamp in stamps.items() if path not in self._finished}
        now = self.clock()
        self._unchanged = {path: self._unchanged_since(path, stamp, now) for path, stamp in fresh.items()}
        complete = tuple(finds[path] for path, file in self._unchanged.items() if self._is_complete(file, now))
        inputs = frozenset(find.identity for find in found.finds)
        return FolderScan(complete, len(fresh) - len(complete), _still_there(found.skipped), inputs)

    def finish(self, path: Path) -> None:
        """Ignore the file in later scans, unless it changes."""
        file = self._unchanged.pop(path, None)
        if file is not None:
            self._finished[path] = file.stamp

    def may_still_come(self, path: Path) -> bool:
        """Return whether an unreadable file may still be arriving: it has changed recently."""
        file = self._unchanged.get(path)
        try:
            changed = path.stat().st_ctime
        except OSError:
            return True  # it was removed
        return file is not None and max(self.clock() - file.since, time.time() - changed) < PATIENCE_SECONDS

    def _unchanged_since(self, path: Path, stamp: Stamp, now: float) -> _Unchanged:
        before = self._unchanged.get(path)
        return before if before is not None and before.stamp == stamp else _Unchanged(stamp, now)

    def _is_complete(self, file: _Unchanged, now: float) -> bool:
        return file.since < now and now - file.since >= self.rest_seconds


def _is_unfinished(below: PurePath) -> bool:
    return any(part.startswith(_UNFINISHED) for part in below.parts)


def _still_there(skipped: tuple[Skipped, ...]) -> tuple[Skipped, ...]:
    """Return the skipped files without those that vanished after the listing."""
    return tuple(one for one in skipped if one.path.is_symlink() or one.path.exists())
