"""The plan of a run: everything that can be checked and refused before a pixel is read."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from denoiser.batch import layout
from denoiser.batch.cleaning import CLEANING
from denoiser.batch.coding import DECODING, ENCODING
from denoiser.batch.discover import Discovery, Find, Passed, discover
from denoiser.batch.history import DeviceChooser, History, read_history, sort_by_history
from denoiser.batch.journal import stamp_of
from denoiser.batch.layout import Job, Sighting
from denoiser.batch.manifest import Relative
from denoiser.batch.series import Group, groups_of
from denoiser.batch.settings import Choice, Settings
from denoiser.batch.work import Work
from denoiser.errors import DenoiserError, NothingToDo, UnreadableImage, UsageError
from denoiser.events import CancelToken
from denoiser.options import shard_of

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do, in order; `denoise --dry-run` shows exactly this."""

    jobs: tuple[Job, ...]
    already_there: tuple[Job, ...] = ()  # done by an earlier run, and nothing has changed since
    passed: tuple[Passed, ...] = ()  # met on the way and not taken
    blocked: tuple[tuple[Job, DenoiserError], ...] = ()  # known to fail
    elsewhere: int = 0  # pictures that other shards do
    folder: Path | None = None  # where the outputs and their records go; None for a single file
    choice: Choice | None = None  # the weights; None where there is nothing to choose for
    groups: tuple[Group, ...] = ()  # pictures that were taken alike, where they are to be cleaned alike

    @property
    def megapixels(self) -> float:
        return sum(job.megapixels for job in self.jobs)


@dataclass(frozen=True, slots=True)
class Place:
    """Where outputs go, what is on record there, and the weights they are made with."""

    out: Path
    folder: Path | None  # None where *out* is a single file
    history: History
    choice: Choice


def _as_on_a_cpu(_wish: str) -> str:
    return "cpu"


def make_plan(
    sources: PathLike | Sequence[PathLike],
    out: PathLike,
    settings: Settings = Settings(),
    *,
    listed: Iterable[PathLike] = (),
    choose_device: DeviceChooser = _as_on_a_cpu,
    cancel: CancelToken | None = None,
) -> Plan:
    """Looks at names, headers, targets and records; writes nothing.

    Raises UsageError, NothingToDo or UnsafeOutput before any harm can be done. *out* is a file when it is named
    like one and is no folder, which only a single source that is a file may have; otherwise it is a folder.
    *listed* sources keep the folders of their names. *choose_device* is asked where the weights depend on it.
    """
    cancel, work = cancel or CancelToken(), work_of(settings)
    work.refuse(settings)
    paths = [Path(source) for source in ([sources] if isinstance(sources, str | os.PathLike) else sources)]
    names = [Path(name) for name in listed]
    folder = None if not names and _names_a_file(out, paths, work) else Path(out)
    found = discover(
        paths,
        is_picture_name=work.takes,
        recursive=settings.batch.recursive,
        leave_out=folder,
        listed=names,
    )
    refuse_unsafe(found, Path(out), folder, work)
    if not found.finds and not found.absent:
        raise NothingToDo(_nothing([*paths, *names[:1]], found, work), hint=work.words.known)
    history = read_history(folder) if folder else History()
    place = Place(Path(out), folder, history, work.choose(settings, history, choose_device))
    return plan_for(found, place, settings, cancel)


def plan_for(found: Discovery, place: Place, settings: Settings, cancel: CancelToken) -> Plan:
    """What to do with what was found; raises UsageError or UnsafeOutput where files get into each other's way."""
    work, looked_at = work_of(settings), _Looker(place, settings, cancel)
    if place.folder is None:
        jobs = [layout.into_file(looked_at(found.finds[0]), place.out, settings.write, work.row(place.out))]
    else:
        jobs = layout.into_folder([looked_at(find) for find in found.finds], place.folder)
    layout.refuse_collisions(jobs, case_matters=layout.tells_case_apart(place.out), verb=work.words.verb)
    mine = _of_shard(jobs, settings)
    free, blocked = layout.sort_out_blocked(mine, {find.identity for find in found.finds})
    standing = sort_by_history(free, place.history, settings, place.choice, cancel, folder=place.folder)
    absent = [(Job(path, place.out / path.name, 0.0), _absent(path)) for path in found.absent]
    return Plan(
        standing.to_do,
        standing.done,
        found.passed,
        (*blocked, *standing.blocked, *absent),
        elsewhere=len(jobs) - len(mine),
        folder=place.folder,
        choice=place.choice,
        groups=groups_of(jobs, place.history, settings) if settings.batch.series and place.folder else (),
    )


def _of_shard(jobs: list[Job], settings: Settings) -> list[Job]:
    """The jobs of this part; by name, so that a file stays in its part whatever comes and goes beside it."""
    shard = shard_of(settings.batch)
    if shard is None:
        return jobs
    part, parts = shard
    return [job for job in jobs if zlib.crc32(os.fsencode(job.name)) % parts == part - 1]


def refuse_unsafe(found: Discovery, out: Path, folder: Path | None, work: Work = CLEANING) -> None:
    """Raises where *out* itself makes no sense or would do harm."""
    if folder is None:
        _refuse_many(found, out, work)
    else:
        layout.refuse_no_folder(folder)
        layout.refuse_input_folder(folder, found.folders)


class _Looker:
    """Looks into the header of each picture, unless a record tells already what stands there."""

    def __init__(self, place: Place, settings: Settings, cancel: CancelToken) -> None:
        self._history = place.history
        self._settings = settings
        self._work = work_of(settings)
        self._cancel = cancel
        self._relative = Relative(place.out)
        self._key = settings.key

    def __call__(self, find: Find) -> Sighting:
        self._cancel.raise_if_cancelled()
        return self._remembered(find) or self._work.sight(find, self._settings)

    def _remembered(self, find: Find) -> Sighting | None:
        """What the header said when an output of this very file was made, which need not be read again."""
        if not self._history.by_source:
            return None
        target = self._history.by_source.get(self._relative(find.path))
        past = self._history.of(target) if target is not None else None
        if target is None or past is None or past.done is None or past.done["options"] != self._key:
            return None
        if past.source_stamp is None or past.source_stamp != stamp_of(find.path):
            return None
        try:
            row = self._work.row(Path(target))
        except UsageError:
            return None  # no name that is written here
        series = past.done.get("facts", {}).get("series", "")
        return Sighting(
            find.path, find.below, row, past.done["megapixels"], series if isinstance(series, str) else ""
        )


def _absent(path: Path) -> UnreadableImage:
    return UnreadableImage(
        f"{path}: no such file.", hint="The list contains a missing file. Check the current folder."
    )


_LIKE_A_FILE = re.compile(r"\.[A-Za-z][A-Za-z0-9]{2,3}")


def _names_a_file(out: PathLike, sources: Sequence[Path], work: Work) -> bool:
    words = os.fspath(out)
    if words.endswith(("/", os.sep)) or Path(words).is_dir():
        return False
    if work.makes(Path(words)):
        return True
    # `a.png --out b.gif` means a file; a folder b.gif would surprise.
    return len(sources) == 1 and sources[0].is_file() and bool(_LIKE_A_FILE.fullmatch(Path(words).suffix))


def _refuse_many(found: Discovery, target: Path, work: Work) -> None:
    if found.folders or len(found.finds) > 1:
        count = "a folder is" if found.folders else f"{len(found.finds)} {work.words.takes}s are"
        raise UsageError(
            f"--out {target} is a file name, but {count} to be {work.words.done}.",
            hint=f"Give a folder, for example --out {work.words.folder}",
        )


def _nothing(paths: Sequence[Path], found: Discovery, work: Work) -> str:
    where = ", ".join(str(path) for path in paths)
    beside = []
    if found.others:
        beside.append(f"{found.others} file{'s' if found.others > 1 else ''} of other kinds")
    beside += [f"{passed.path}: {passed.reason}" for passed in found.passed[:1]]
    return f"{where}: no {work.words.takes} found" + (f" ({'; '.join(beside)})." if beside else ".")


_WORKS: tuple[Work, ...] = (CLEANING, ENCODING, DECODING)


def work_of(settings: Settings) -> Work:
    """What was asked for."""
    if settings.encode is not None:
        return ENCODING
    return CLEANING if settings.decode is None else DECODING


def work_named(verb: str) -> Work:
    """Return the work of that command."""
    return next(work for work in _WORKS if work.words.verb == verb)
