"""Watches a folder and cleans each image that arrives, once.

    look  ->  arrived?  ->  plan (records decide what is done)  ->  run_plan  ->  wait  ->  look …

Programs write files in pieces and do not signal the end. `Arrivals` therefore scans the folder repeatedly and waits
until a file is complete and has its final name. Listings and sizes are sufficient, so network folders work, too.
One session and one file of records serve the whole watch. No file can end it.
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

from denoiser.atomicfile import as_unwritable
from denoiser.batch import journal
from denoiser.batch.cleaning import CLEANING, ask_device
from denoiser.batch.discover import Discovery, Find, Passed, discover
from denoiser.batch.history import History, Past, made_of_another, read_on
from denoiser.batch.journal import Stamp, stamp_of
from denoiser.batch.layout import Job
from denoiser.batch.manifest import FOLDER, Manifest
from denoiser.batch.plan import PathLike, Place, Plan, plan_for, refuse_unsafe
from denoiser.batch.report import Report
from denoiser.batch.runner import run_plan
from denoiser.batch.settings import Settings
from denoiser.batch.work import Worker
from denoiser.errors import Cancelled, DenoiserError, OutputFull, Refused, UnreadableImage, UnsafeOutput, UsageError
from denoiser.events import CancelToken, Event, FileDone, FileFailed, FileSkipped, Listener, Started, ignore
from denoiser.imageio import formats
from denoiser.options import WatchOptions

LOCK = "watch.lock"
FULL_DISK_SECONDS = 60.0  # between two attempts; the user must free space first
BREATHING = 4  # times as long as a look took is waited at least, so that a file server has time for others
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
    place: Place = field(init=False)
    arrivals: Arrivals = field(init=False)
    open_once: Callable[[], Worker] = field(init=False)
    told: set[Passed] = field(default_factory=set)
    failures: deque[FileFailed] = field(default_factory=lambda: deque(maxlen=MOST_FAILURES))
    report: Report = field(default_factory=Report)
    stopped_by: DenoiserError | None = None

    def carry_out(self) -> Report:
        began = time.perf_counter()
        if not self.folder.is_dir():
            raise UsageError(
                f"{self.folder}: no such folder.", hint="For example: denoise watch ./in --out ./clean"
            )
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
            lock.release()
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
        self.place = Place(self.out, self.out, history, choice)
        self.arrivals = Arrivals(self.folder, self.out, rest, batch.recursive)
        self.open_once = functools.cache(lambda: CLEANING.open(choice, self.settings))

    def _go_on(self) -> None:
        looks = 0
        while not self.cancel.cancelled:
            began = time.monotonic()
            look = self._look()
            took = time.monotonic() - began
            looks += 1
            self.stopped_by = None
            self._clean(look.at_rest, look.inputs)
            if self.watch.once and (looks == 2 or not look.changing):
                return
            pause = FULL_DISK_SECONDS if self.stopped_by else BREATHING * took
            self.cancel.wait(max(self.watch.interval, pause))

    def _look(self) -> Look:
        """What is in the folder; nothing while it is not there, as when a network is down."""
        try:
            look = self.arrivals.look()
        except UsageError as error:
            if self.watch.once:
                raise
            look = Look((), 0, (Passed(self.folder, f"cannot be accessed now ({error.message})"),), frozenset())
        self._tell_passed(set(look.passed))
        return look

    def _tell_passed(self, passed: set[Passed]) -> None:
        for news in sorted(passed - self.told, key=lambda passed: passed.path):
            self.listener(FileSkipped(news.path, news.reason))
        self.report = dataclasses.replace(self.report, passed=self.report.passed + len(passed - self.told))
        self.told = passed

    def _clean(self, finds: tuple[Find, ...], inputs: frozenset[tuple[int, int]]) -> None:
        """Cleans *finds*; where some are in each other's way, the others are not held up by them."""
        present = tuple(find for find in finds if os.path.lexists(find.path))
        if not present or self.cancel.cancelled or self.stopped_by:
            return
        try:
            plan = self._plan(present, inputs)
        except Cancelled:
            raise
        except DenoiserError as error:
            if len(present) == 1:
                self._heard(FileFailed(present[0].path, error))
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
            listener=self._heard,
            cancel=self.cancel,
            manifest=self.manifest,
        )

    def _plan(self, finds: tuple[Find, ...], inputs: frozenset[tuple[int, int]]) -> Plan:
        read_on(self.out, self.place.history)  # of this watch, and of runs beside it
        found = Discovery(finds, (), (self.folder,), 0)
        plan = plan_for(found, self.place, self.settings, self.cancel)
        return self._first_come(plan, inputs)

    def _first_come(self, plan: Plan, inputs: frozenset[tuple[int, int]]) -> Plan:
        """The plan less what another picture has become already, and what was made and then taken away."""
        jobs, done, blocked = [], list(plan.already_there), list(plan.blocked)
        for job in plan.jobs:
            obstacle = self._obstacle(job, inputs)
            if obstacle is not None:
                blocked.append((job, obstacle))
            elif self._was_taken_away(job):
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
        first = made_of_another(job, self.place.history.of(job.name) or Past(), self.out)
        if first is None:
            return None
        return UnsafeOutput(
            f"{job.source} would be written to {job.target}, which was made from {first}.",
            hint="Clean them into different folders, or rename one.",
        )

    def _was_taken_away(self, job: Job) -> bool:
        past = self.place.history.of(job.name)
        if past is None or past.done is None or past.state != "done" or self.settings.batch.overwrite:
            return False
        made_alike = past.done["options"] == self.settings.key and past.done["digest"] == self.place.choice.digest
        return made_alike and past.source_stamp == stamp_of(job.source) and not os.path.lexists(job.target)

    def _heard(self, event: Event) -> None:
        """Passes on what happens to files, and notes what is over."""
        match event:
            case Started():
                return  # of what has arrived; the watch itself began long ago
            case FileFailed(error=OutputFull()):
                self.stopped_by = event.error
            case FileFailed(error=UnreadableImage()) if self.arrivals.may_still_come(event.source):
                return
            case FileFailed() | FileDone() | FileSkipped():
                self.arrivals.over_with(event.source)
        if isinstance(event, FileFailed):
            self.failures.append(event)
        self.listener(event)

    def _add(self, run: Report) -> None:
        self.report = dataclasses.replace(
            self.report,
            done=self.report.done + run.done,
            already_there=self.report.already_there + run.already_there,
            left=run.left,
            megapixels=self.report.megapixels + run.megapixels,
        )


def _lock(out: Path) -> journal.Held:
    """Marks *out* as watched into until the process ends; Refused where another process does that already."""
    path = out / FOLDER / LOCK
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = journal.try_to_hold(path)
    except OSError as error:
        raise as_unwritable(path, error) from error
    if held is None:
        raise Refused(f"{out}: another `denoise watch` is writing there.", hint="Stop it, or choose another --out.")
    return held


# Programs that copy write into hidden names and folders, and rename at the end; some devices keep thumbnails so.
_UNFINISHED = (".", "~", "@eaDir")
# What is not whole may be on its way through a slow line that stalls; after this, it is broken.
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the folder shows."""

    at_rest: tuple[Find, ...]
    changing: int  # files that were not the same a look ago
    passed: tuple[Passed, ...]
    inputs: frozenset[tuple[int, int]]  # device and inode of every picture that is there


@dataclass(frozen=True, slots=True)
class _Rest:
    stamp: Stamp
    since: float  # by the clock of the watch: that of a file server may be wrong


@dataclass(slots=True)
class Arrivals:
    """Looks at *folder* and what is below; holds a few words on each file that is there, and no more."""

    folder: Path
    out: Path
    rest_seconds: float
    recursive: bool = True
    clock: Callable[[], float] = time.monotonic
    _over: dict[Path, Stamp] = field(default_factory=dict)
    _resting: dict[Path, _Rest] = field(default_factory=dict)

    def look(self) -> Look:
        """Finds out what is there and not yet over with; UsageError where the folder is not there."""
        found = discover(
            [self.folder],
            is_picture_name=formats.is_picture_name,
            recursive=self.recursive,
            leave_out=self.out,
        )
        finds = {find.path: find for find in found.finds if not _is_unfinished(find.below)}
        stamps = {path: stamp for path in finds if (stamp := stamp_of(path)) is not None}
        # What went away is forgotten; should it come back, it is new.
        self._over = {path: stamp for path, stamp in self._over.items() if stamps.get(path) == stamp}
        fresh = {path: stamp for path, stamp in stamps.items() if path not in self._over}
        now = self.clock()
        self._resting = {path: self._rest(path, stamp, now) for path, stamp in fresh.items()}
        at_rest = tuple(finds[path] for path, rest in self._resting.items() if self._is_at_rest(rest, now))
        inputs = frozenset(find.identity for find in found.finds)
        return Look(at_rest, len(fresh) - len(at_rest), _passed(found), inputs)

    def over_with(self, path: Path) -> None:
        """The file is not to be given out again, unless it changes."""
        rest = self._resting.pop(path, None)
        if rest is not None:
            self._over[path] = rest.stamp

    def may_still_come(self, path: Path) -> bool:
        """Whether a file that cannot be read may be on its way yet: it is not long since it changed."""
        rest = self._resting.get(path)
        try:
            changed = path.stat().st_ctime
        except OSError:
            return True  # it is gone, and if it comes back it is another
        return rest is not None and max(self.clock() - rest.since, time.time() - changed) < PATIENCE_SECONDS

    def _rest(self, path: Path, stamp: Stamp, now: float) -> _Rest:
        before = self._resting.get(path)
        return before if before is not None and before.stamp == stamp else _Rest(stamp, now)

    def _is_at_rest(self, rest: _Rest, now: float) -> bool:
        return rest.since < now and now - rest.since >= self.rest_seconds


def _is_unfinished(below: PurePath) -> bool:
    return any(part.startswith(_UNFINISHED) for part in below.parts)


def _passed(found: Discovery) -> tuple[Passed, ...]:
    """Skipped files, except those that vanished after the listing."""
    return tuple(passed for passed in found.passed if passed.path.is_symlink() or passed.path.exists())
