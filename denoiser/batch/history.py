"""Reads the records of an output folder, and decides which files a new run processes.

An output is done if its newest record is "done", and source, options, weights and output are unchanged. Everything
else is made again, except that files of unknown origin, outputs of other images, and outputs that were made with
other options are replaced only with --overwrite. The weights that "auto" stood for are used again, so that all
outputs look alike.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from denoiser.batch.layout import Job, is_same_file
from denoiser.batch.manifest import FOLDER, VERSION, Stamp, is_locked, lines_from, resolved, sha256_of, stamp_of
from denoiser.batch.processing_record import record_in
from denoiser.batch.settings import ModelChoice, Settings
from denoiser.errors import (
    DenoiserError,
    ForeignOutput,
    OtherOptions,
    UnreadableImage,
    UnsafeOutput,
)
from denoiser.events import CancelToken
from denoiser.storage import Url

StampOf = Callable[[Path], Stamp | None]


@dataclass(slots=True)
class OutputHistory:
    """The records of one output. *state* is that of the newest line."""

    state: str = ""
    at: int = -1
    run: Path | None = None
    source: str = ""
    source_stamp: Stamp | None = None
    cause: str = ""
    done: Mapping[str, Any] | None = None  # the newest "done" line
    done_at: int = -1
    begun_at: int = -1
    looked_by: Path | None = None  # the run that is decoding it for its series
    looked_at: int = -1

    @property
    def made(self) -> Stamp | None:
        """The output as it was written last."""
        return Stamp(self.done["size"], self.done["mtime_ns"]) if self.done else None


@dataclass(slots=True)
class RecordsFile:
    """How far a file of records was read, whether its version is known, and the state of its run."""

    read_to: int = 0
    known: bool = False
    ended: bool = False
    is_running: bool = False
    options: str = ""
    started: int = 0  # nanoseconds since 1970


@dataclass(slots=True)
class History:
    """All records of a folder, merged. *runs* are the opening lines, oldest first."""

    pasts: dict[str, OutputHistory] = field(default_factory=dict)
    runs: list[Mapping[str, Any]] = field(default_factory=list)
    interrupted: set[Path] = field(default_factory=set)  # files of runs that did not end normally
    by_source: dict[str, str] = field(default_factory=dict)  # -> name of the newest output that is done
    series: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # the newest line on each
    slim: bool = False  # keep only those values of "done" lines that determine what is done
    files: dict[Path, RecordsFile] = field(default_factory=dict)

    def of(self, target: str) -> OutputHistory | None:
        """Return the records of the output with that name, relative to the folder."""
        return self.pasts.get(target)

    def is_suspect(self, past: OutputHistory) -> bool:
        """Whether an interrupted run was processing this file, or decoding it for its series."""
        return past.looked_by in self.interrupted or (past.state == "begun" and past.run in self.interrupted)

    def is_used_with_other_options(self, key: str) -> bool:
        """Whether a living run, here or on another machine, writes to the folder with other options."""
        return any(file.is_running and file.options not in ("", key) for file in self.files.values())

    def is_dangerous(self, target: str) -> bool:
        """Whether the source of that output has crashed a run, or may have."""
        past = self.pasts.get(target)
        return past is not None and (past.state == "crashed" or self.is_suspect(past))


def read_history(out: Path) -> History:
    """Return the merged records below *out*; unreadable ones are ignored."""
    history = History()
    read_on(out, history)
    return history


def read_on(out: Path, history: History) -> None:
    """Add what was recorded below *out* since *history* was read."""
    try:
        files = sorted((out / FOLDER).glob("run-*.jsonl"))
    except OSError:
        files = []
    for file in files:
        _read_run(file, history)
    merge(history)


def merge(history: History) -> None:
    """Sort the runs, and find the newest output of each source, after records were added."""
    history.runs.sort(key=lambda run: run["at"])
    for target, past in sorted(history.pasts.items(), key=lambda item: item[1].done_at):
        if past.done is not None:
            history.by_source[past.done["source"]] = target


def _read_run(path: Path, history: History) -> None:
    file = history.files.setdefault(path, RecordsFile())
    for place, words in lines_from(path, file.read_to):
        file.read_to = place
        take_line(words, file, path, history)
    file.is_running = not file.ended and is_locked(path)
    note_end(path, history)


def note_end(path: Path, history: History) -> None:
    """Note whether the run of these records was interrupted, after all of them were added."""
    file = history.files[path]
    if file.ended or file.is_running:
        history.interrupted.discard(path)
    else:
        history.interrupted.add(path)


def take_line(words: Mapping[str, Any], file: RecordsFile, path: Path, history: History) -> None:
    """Add one record of the run whose records are *file* and have the name *path*."""
    if words.get("state") == "run":
        file.known = words.get("v") == VERSION
        if file.known and isinstance(words.get("at"), int):
            history.runs.append(words)
            file.started = words["at"]
            file.options = str(words.get("options", ""))
    elif not file.known:
        return  # of a later version: its outputs are never replaced
    elif words.get("state") == "ended":
        file.ended = True
    elif words.get("state") == "series":
        _take_series(words, history)
    elif _is_whole(words):
        _take(words, path, history)


_STATES = frozenset({"begun", "crashed", "done", "failed", "looked", "looking"})
_OF_ALL = {"target": str, "at": int}
_OF_READ = {"source": str, "source_size": int, "source_mtime_ns": int}
_OF_DONE = {
    "size": int,
    "mtime_ns": int,
    "sha256": str,
    "source_sha256": str,
    "options": str,
    "digest": str,
    "megapixels": int | float,
    "facts": dict,
}


def _is_whole(words: Mapping[str, Any]) -> bool:
    state = words.get("state")
    if state not in _STATES:
        return False
    wanted: dict[str, Any] = (
        _OF_ALL | (_OF_DONE if state == "done" else {}) | (_OF_READ if state != "failed" else {})
    )
    return all(isinstance(words.get(name), kind) for name, kind in wanted.items())


# These do not change the state of the output.
_LOOKS = frozenset({"looked", "looking"})

# The values that determine whether an output is done.
_DECIDING = ("source", "size", "mtime_ns", "options", "digest", "megapixels")


def _take(words: Mapping[str, Any], file: Path, history: History) -> None:
    past = history.pasts.setdefault(words["target"], OutputHistory())
    at, state = words["at"], words["state"]
    if state in _LOOKS:
        if at >= past.looked_at:
            past.looked_by, past.looked_at = file if state == "looking" else None, at
        return
    if state == "done" and at >= past.done_at:
        past.done, past.done_at = {name: words[name] for name in _DECIDING} if history.slim else words, at
    if state == "begun":
        past.begun_at = max(past.begun_at, at)
    if at < past.at:
        return
    past.state, past.at, past.run = state, at, file
    past.cause = str(words.get("cause", ""))
    past.source = words.get("source", "")
    past.source_stamp = (
        Stamp(words["source_size"], words["source_mtime_ns"]) if isinstance(words.get("source_size"), int) else None
    )


def _take_series(words: Mapping[str, Any], history: History) -> None:
    name, at = words.get("series"), words.get("at")
    if not isinstance(name, str) or not isinstance(at, int):
        return
    if at >= history.series.get(name, {}).get("at", -1):
        history.series[name] = words


# Coarse file systems round times; FAT to two seconds.
_SAME_TIME_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class SortedJobs:
    """The jobs of a plan: to do, done, or blocked by an error."""

    to_do: tuple[Job, ...]
    done: tuple[Job, ...]
    blocked: tuple[tuple[Job, DenoiserError], ...]


def sort_by_history(
    jobs: Iterable[Job],
    history: History,
    settings: Settings,
    choice: ModelChoice,
    cancel: CancelToken,
    *,
    folder: Path | None = None,
    stamps: StampOf = stamp_of,
) -> SortedJobs:
    """Compare jobs with outputs and records; with --verify also the checksums of outputs and sources.

    *folder* is that of the records; *stamps* returns the stamps of sources and outputs, for example from a listing.
    """
    to_do, done, blocked = [], [], []
    for job in jobs:
        cancel.raise_if_cancelled()
        past = history.of(job.name) or OutputHistory()
        crash = _crash(job, past, settings, stamps)
        if crash is not None:
            blocked.append((job, crash))
            continue
        job = dataclasses.replace(job, suspect=history.is_suspect(past) or past.state == "crashed")
        reason: str | DenoiserError | None = "the output is missing" if past.done else ""
        is_there = stamps(job.target) is not None if isinstance(job.target, Url) else os.path.lexists(job.target)
        if is_there:
            reason = _why_again(job, past, settings, choice, history, stamps)
            if reason and not settings.batch.overwrite:
                reason = conflict(job, past, folder, stamps) or reason
        if isinstance(reason, DenoiserError):
            blocked.append((job, reason))
        elif reason is None:
            done.append(dataclasses.replace(job, record=past.done))
        else:
            to_do.append(dataclasses.replace(job, again=reason))
    return SortedJobs(tuple(to_do), tuple(done), tuple(blocked))


def conflict(job: Job, past: OutputHistory, folder: Path | None, stamps: StampOf = stamp_of) -> UnsafeOutput | None:
    """Return the error if the existing output was made from another image, which still exists."""
    if folder is None or past.done is None:
        return None
    first = resolved(folder, past.done["source"])
    if is_same_file(first, job.source) or stamps(first) is None or stamps(job.source) is None:
        return None  # the same, or one of them no longer exists
    return UnsafeOutput(
        f"{job.source} would be written to {job.target}, which was made from {first}.",
        hint="Clean them into different folders, or rename one.",
    )


def _crash(job: Job, past: OutputHistory, settings: Settings, stamps: StampOf) -> DenoiserError | None:
    if past.state != "crashed" or settings.batch.retry_failed or past.source_stamp != stamps(job.source):
        return None
    return UnreadableImage(
        f"{job.source}: crashed an earlier run ({past.cause}); skipped.",
        hint="The file may be corrupt. Use --retry-failed to try again.",
    )


def _why_again(
    job: Job, past: OutputHistory, settings: Settings, choice: ModelChoice, history: History, stamps: StampOf
) -> str | DenoiserError | None:
    """Return why an existing output is made again; None if it is done; an error if it must not be replaced."""
    if settings.batch.overwrite:
        return "--overwrite"
    there = stamps(job.target)
    if not job.name and past.done is None and not isinstance(job.target, Url):  # a single file without records
        return _own_output(job, settings, choice)
    if there is None or (past.made != there and not _left_by_a_dead_run(past, there)):
        return _foreign(job, past)
    if past.done is None or past.state != "done" or past.made != there:
        return "an earlier run did not finish it"
    if past.source_stamp != stamps(job.source):
        return "the source has changed"
    key, digest = (job.settings or settings).key, job.digest or choice.digest
    if (past.done["options"], past.done["digest"]) != (key, digest):
        other = "made with other " + ("weights" if past.done["options"] == key else "options")
        return other if _replaces(history, past, settings, choice) else OtherOptions(f"{job.target}: was {other}.")
    return _differs(job, past.done["source_sha256"], past.done["sha256"]) if settings.batch.verify else None


def _own_output(job: Job, settings: Settings, choice: ModelChoice) -> DenoiserError | None:
    """Return None for a single file that was made from this source with these options; else an error.

    The processing record in the output has the options, and its time is that of the source. An image with nothing
    to clean was copied.
    """
    source, there = stamp_of(job.source), stamp_of(job.target)
    if source is None or there is None:
        return _foreign(job, OutputHistory())
    if source.size == there.size and sha256_of(job.source) == sha256_of(job.target):
        return None
    record = record_in(job.target)
    if record is None:
        return _foreign(job, OutputHistory())
    if abs(source.mtime_ns - there.mtime_ns) > _SAME_TIME_NS:
        return OtherOptions(f"{job.target}: was made from another image, or before {job.source} changed.")
    same = record.options == (job.settings or settings).look and record.digest == (job.digest or choice.digest)
    return None if same else OtherOptions(f"{job.target}: was made with other options or weights.")


def _replaces(history: History, past: OutputHistory, settings: Settings, choice: ModelChoice) -> bool:
    """Whether a run with --overwrite began to replace this output with the same options, and was interrupted."""
    wanted = (True, settings.key, choice.digest)
    replacing = (run for run in history.runs if run["at"] > past.done_at)
    return any((run.get("overwrite"), run.get("options"), run.get("digest")) == wanted for run in replacing)


def _left_by_a_dead_run(past: OutputHistory, there: Stamp) -> bool:
    """Whether a run was killed between writing the output and its record: the output has the source's time."""
    if past.begun_at <= past.done_at or past.source_stamp is None:
        return False
    return abs(there.mtime_ns - past.source_stamp.mtime_ns) <= _SAME_TIME_NS


def _foreign(job: Job, past: OutputHistory) -> ForeignOutput:
    if past.done is not None:
        return ForeignOutput(f"{job.target}: was modified after it was written.")
    return ForeignOutput(f"{job.target}: already exists, and no record shows that it was made from {job.source}.")


def _differs(job: Job, source: str, target: str) -> str | None:
    if sha256_of(job.target) != target:
        return "the output was modified"
    return "the content of the source has changed" if sha256_of(job.source) != source else None
