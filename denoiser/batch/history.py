"""What all earlier runs, and those beside this one, have recorded of an output folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from denoiser.batch import journal
from denoiser.batch.digest import Stamp
from denoiser.batch.manifest import FOLDER, VERSION


@dataclass(slots=True)
class Past:
    """What is known of one output. *state* is that of the newest line."""

    state: str = ""
    at: int = -1
    run: Path | None = None
    source: str = ""
    source_stamp: Stamp | None = None
    cause: str = ""
    done: Mapping[str, Any] | None = None  # the newest line that says "done"
    done_at: int = -1
    begun_at: int = -1
    looked_by: Path | None = None  # the run that decodes it for its series
    looked_at: int = -1

    @property
    def made(self) -> Stamp | None:
        """The output as it was written last."""
        return Stamp(self.done["size"], self.done["mtime_ns"]) if self.done else None


@dataclass(slots=True)
class _File:
    """How far a file of records was read, and what it has said so far."""

    read_to: int = 0
    known: bool = False
    ended: bool = False


@dataclass(slots=True)
class History:
    """All records of a folder, merged. *runs* are the opening lines, oldest first."""

    pasts: dict[str, Past] = field(default_factory=dict)
    runs: list[Mapping[str, Any]] = field(default_factory=list)
    dead: set[Path] = field(default_factory=set)  # files of runs that ended without a word
    by_source: dict[str, str] = field(default_factory=dict)  # to the name of the newest output that is done
    series: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # what was found of each, newest line
    slim: bool = False  # keeps of what is done only what decides whether it is
    files: dict[Path, _File] = field(default_factory=dict)

    def of(self, target: str) -> Past | None:
        """What is known of the output of that name, relative to the folder."""
        return self.pasts.get(target)

    def is_suspect(self, past: Past) -> bool:
        """Whether a run that died was at this file, to clean it or to look at it for its series."""
        return past.looked_by in self.dead or (past.state == "begun" and past.run in self.dead)

    def is_dangerous(self, target: str) -> bool:
        """Whether the source of that output has taken a run down, or may have."""
        past = self.pasts.get(target)
        return past is not None and (past.state == "crashed" or self.is_suspect(past))


def read_history(out: Path) -> History:
    """Merges the records below *out*; what cannot be read is as if it had not been written."""
    history = History()
    read_on(out, history)
    return history


def read_on(out: Path, history: History) -> None:
    """Merges what was recorded below *out* since *history* was read."""
    try:
        files = sorted((out / FOLDER).glob("run-*.jsonl"))
    except OSError:
        files = []
    for file in files:
        _read_run(file, history)
    history.runs.sort(key=lambda run: run["at"])
    for target, past in sorted(history.pasts.items(), key=lambda item: item[1].done_at):
        if past.done is not None:
            history.by_source[past.done["source"]] = target


def _read_run(path: Path, history: History) -> None:
    file = history.files.setdefault(path, _File())
    for place, words in journal.lines_from(path, file.read_to):
        file.read_to = place
        if words.get("state") == "run":
            file.known = words.get("v") == VERSION
            if file.known and isinstance(words.get("at"), int):
                history.runs.append(words)
        elif not file.known:
            continue  # of a later version: its outputs are left alone
        elif words.get("state") == "ended":
            file.ended = True
        elif words.get("state") == "series":
            _take_series(words, history)
        elif _is_whole(words):
            _take(words, path, history)
    if file.ended or journal.is_held(path):
        history.dead.discard(path)
    else:
        history.dead.add(path)


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


# These say nothing of the output.
_LOOKS = frozenset({"looked", "looking"})

# What tells whether an output is done.
_DECIDING = ("source", "size", "mtime_ns", "options", "digest", "megapixels")


def _take(words: Mapping[str, Any], file: Path, history: History) -> None:
    past = history.pasts.setdefault(words["target"], Past())
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
