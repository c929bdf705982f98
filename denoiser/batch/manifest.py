"""What was done, kept beside the outputs: one file per run, one line per fact, read as one by the next run.

Each run, and so each shard, writes a file of its own in `.denoise/` of the output folder; `read_history` merges
them all, and of several lines on one output the newest wins. A line is appended in one piece and synced, so a torn
last line is dropped and spoils no other. docs/manifest.md names every key.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from denoiser.atomicfile import append_line_durably, as_unwritable
from denoiser.batch import journal
from denoiser.batch.journal import Stamp
from denoiser.batch.settings import Settings
from denoiser.errors import DenoiserError, UnwritableImage

FOLDER = ".denoise"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Source:
    """A source as it was when it was read."""

    path: Path
    stamp: Stamp
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """An output as it was written."""

    stamp: Stamp
    sha256: str
    megapixels: float
    facts: Mapping[str, Any]  # what made it: estimate, device, seconds … and whatever a ticket needs


class Manifest:
    """The file of one run. Its methods may be called from any thread; nothing is written before `start`."""

    def __init__(self, out: Path, settings: Settings) -> None:
        self._out = out
        self._settings = settings
        self._relative = Relative(out)
        self._key = settings.key
        self._path = out / FOLDER / f"run-{secrets.token_hex(6)}.jsonl"
        self._lock = threading.Lock()
        self._held: journal.Held | None = None
        self._digest = ""
        self._opening = ""

    def start(self, digest: str, words: Mapping[str, Any]) -> None:
        """Opens the file with what the run was asked and what it chose; *digest* is that of the weights."""
        self._digest = digest
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._held = journal.hold(self._path)
        except OSError as error:
            raise as_unwritable(self._path, error) from error
        settings = {"options": self._key, "look": self._settings.look, "asked": self._settings.asked}
        opening = {"state": "run", "at": time.time_ns(), "v": VERSION, "digest": digest} | settings | dict(words)
        self._opening = journal.line(opening)
        append_line_durably(self._path, self._opening)

    def begun(self, target: Path, source: Source) -> None:
        """A file is about to be decoded: written before, so that a decoder that ends the process has a name."""
        self._append("begun", self._of(target, source))

    def done(self, target: Path, source: Source, made: Made) -> None:
        """An output stands under its name, whole and synced."""
        words = {
            "source_sha256": source.sha256,
            "size": made.stamp.size,
            "mtime_ns": made.stamp.mtime_ns,
            "sha256": made.sha256,
            "options": self._key,
            "digest": self._digest,
            "megapixels": round(made.megapixels, 6),
            "facts": dict(made.facts),
        }
        self._append("done", self._of(target, source) | words)

    def failed(self, target: Path, source: Source | None, error: DenoiserError) -> None:
        """A file was given up, and why."""
        words = {"kind": type(error).__name__, "message": error.message}
        of = self._of(target, source) if source else {"target": self._name(target)}
        self._append("failed", of | words)

    def looking(self, target: Path, source: Source) -> None:
        """A file is about to be decoded for its series; for the same reason as `begun`."""
        self._append("looking", self._of(target, source))

    def looked(self, target: Path, source: Source) -> None:
        """It was decoded, or given up, and the process lives."""
        self._append("looked", self._of(target, source))

    def series(self, name: str, words: Mapping[str, Any]) -> None:
        """What the frames of a series have in common."""
        self._append("series", {"series": name} | dict(words))

    def crashed(self, target: Path, source: Source, cause: str) -> None:
        """A file took a process down with it, when it was tried alone."""
        self._append("crashed", self._of(target, source) | {"cause": cause})

    def close(self, counts: Mapping[str, int]) -> None:
        """The run is over in good order: what it has begun and not finished is no suspect."""
        if self._held is None:
            return
        try:
            self._append("ended", counts)
        finally:
            self._held.release()
            self._held = None

    @property
    def is_open(self) -> bool:
        """Whether `start` was called and `close` was not."""
        return self._held is not None

    def _of(self, target: Path, source: Source) -> dict[str, Any]:
        return {
            "target": self._name(target),
            "source": self._relative(source.path),
            "source_size": source.stamp.size,
            "source_mtime_ns": source.stamp.mtime_ns,
        }

    def _name(self, target: Path) -> str:
        return target.relative_to(self._out).as_posix()

    def _append(self, state: str, words: Mapping[str, Any]) -> None:
        line = journal.line({"state": state, "at": time.time_ns()} | dict(words))
        with self._lock:
            try:
                append_line_durably(self._path, line)
            except UnwritableImage:
                if self._path.parent.is_dir():
                    raise
                self._start_again(line)

    def _start_again(self, line: str) -> None:
        """Start new records after the output folder was removed during the run."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise as_unwritable(self._path, error) from error
        append_line_durably(self._path, self._opening)
        append_line_durably(self._path, line)


class Relative:
    """Names of files as seen from the output folder, so that both can move together."""

    def __init__(self, out: Path) -> None:
        self._out = os.path.abspath(out)
        self._folders: dict[Path, str] = {}

    def __call__(self, path: Path) -> str:
        """The name of *path*; links are not followed."""
        if path.parent not in self._folders:
            self._folders[path.parent] = Path(os.path.relpath(path.parent, self._out)).as_posix()
        return f"{self._folders[path.parent]}/{path.name}"
