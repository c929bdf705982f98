"""Finds new files in a folder that are complete and have their final name.

Programs write files in pieces and do not signal the end. The folder is therefore scanned repeatedly. Listings and
sizes are sufficient, so network folders work, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from denoiser.batch.digest import Stamp, stamp_of
from denoiser.batch.discover import Discovery, Find, Passed, discover
from denoiser.imageio import formats

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
