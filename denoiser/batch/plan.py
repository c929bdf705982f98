"""The plan of a run: everything that can be known and refused before a pixel is read."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from denoiser import imageio
from denoiser.batch import layout, safety
from denoiser.batch.choice import DeviceChooser, choose_weights
from denoiser.batch.digest import stamp_of
from denoiser.batch.discover import Discovery, Find, Passed, discover
from denoiser.batch.history import History, read_history
from denoiser.batch.layout import Job, Sighting
from denoiser.batch.manifest import Relative
from denoiser.batch.resume import sort_by_history
from denoiser.batch.series import Group, groups_of, name_of
from denoiser.batch.settings import Choice, Settings
from denoiser.errors import DenoiserError, NothingToDo, UnreadableImage, UsageError
from denoiser.events import CancelToken
from denoiser.imageio import formats
from denoiser.options import WriteOptions, shard_of

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
    cancel = cancel or CancelToken()
    if settings.batch.series and settings.denoise.noise_level is not None:
        raise UsageError("series finds the noise level, and noise-level gives it.", hint="Leave one out.")
    paths = [Path(source) for source in ([sources] if isinstance(sources, str | os.PathLike) else sources)]
    names = [Path(name) for name in listed]
    folder = None if not names and _names_a_file(out, paths) else Path(out)
    found = discover(
        paths,
        is_picture_name=formats.is_picture_name,
        recursive=settings.batch.recursive,
        leave_out=folder,
        listed=names,
    )
    refuse_unsafe(found, Path(out), folder)
    if not found.finds and not found.absent:
        raise NothingToDo(_nothing([*paths, *names[:1]], found), hint=_NOTHING_HINT)
    history = read_history(folder) if folder else History()
    place = Place(Path(out), folder, history, choose_weights(settings, history, choose_device))
    return plan_for(found, place, settings, cancel)


def plan_for(found: Discovery, place: Place, settings: Settings, cancel: CancelToken) -> Plan:
    """What to do with what was found; raises UsageError or UnsafeOutput where files get into each other's way."""
    looked_at = _Looker(place, settings, cancel)
    if place.folder is None:
        jobs = [layout.into_file(looked_at(found.finds[0]), place.out, settings.write)]
    else:
        jobs = layout.into_folder([looked_at(find) for find in found.finds], place.folder)
    layout.refuse_collisions(jobs, case_matters=safety.tells_case_apart(place.out))
    mine = _of_shard(jobs, settings)
    free, blocked = safety.sort_out_blocked(mine, {find.identity for find in found.finds})
    standing = sort_by_history(free, place.history, settings, place.choice, cancel)
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


def refuse_unsafe(found: Discovery, out: Path, folder: Path | None) -> None:
    """Raises where *out* itself makes no sense or would do harm."""
    if folder is None:
        _refuse_many(found, out)
    else:
        safety.refuse_no_folder(folder)
        safety.refuse_input_folder(folder, found.folders)


class _Looker:
    """Looks into the header of each picture, unless a record tells already what stands there."""

    def __init__(self, place: Place, settings: Settings, cancel: CancelToken) -> None:
        self._history = place.history
        self._settings = settings
        self._cancel = cancel
        self._relative = Relative(place.out)
        self._key = settings.key

    def __call__(self, find: Find) -> Sighting:
        self._cancel.raise_if_cancelled()
        known = self._remembered(find)
        if known is not None:
            return known
        try:
            header = imageio.probe(find.path)
        except DenoiserError:
            # The run will meet the same error when it reads the file, and tell it with the others.
            return Sighting(find.path, find.below, _guessed(find.path, self._settings.write))
        row = formats.output_format(header, self._settings.write)
        name = name_of(header) if self._settings.batch.series else ""
        return Sighting(find.path, find.below, row, header.width * header.height / 1e6, name)

    def _remembered(self, find: Find) -> Sighting | None:
        """What the header said when an output of this very file was made, which need not be read again."""
        if not self._history.by_source:
            return None
        target = self._history.by_source.get(self._relative(find.path))
        past = self._history.of(target) if target is not None else None
        if target is None or past is None or past.done is None or past.done["options"] != self._key:
            return None
        if not formats.is_picture_name(Path(target)):
            return None  # no name that is written here
        if past.source_stamp is None or past.source_stamp != stamp_of(find.path):
            return None
        row = formats.by_suffix(Path(target))
        series = past.done.get("facts", {}).get("series", "")
        return Sighting(
            find.path, find.below, row, past.done["megapixels"], series if isinstance(series, str) else ""
        )


def _absent(path: Path) -> UnreadableImage:
    return UnreadableImage(
        f"{path}: no such file.", hint="The list names what is not there; check the folder you are in."
    )


_LIKE_A_FILE = re.compile(r"\.[A-Za-z][A-Za-z0-9]{2,3}")
_NOTHING_HINT = "Read are PNG, JPEG, TIFF, WebP, AVIF and BMP; extras add HEIC, JPEG XL and camera RAW."


def _names_a_file(out: PathLike, sources: Sequence[Path]) -> bool:
    words = os.fspath(out)
    if words.endswith(("/", os.sep)) or Path(words).is_dir():
        return False
    if formats.is_picture_name(Path(words)):
        return True
    # `a.png --out b.gif` means a file; a folder b.gif would surprise.
    return len(sources) == 1 and sources[0].is_file() and bool(_LIKE_A_FILE.fullmatch(Path(words).suffix))


def _refuse_many(found: Discovery, target: Path) -> None:
    if found.folders or len(found.finds) > 1:
        count = "a folder is" if found.folders else f"{len(found.finds)} pictures are"
        raise UsageError(
            f"--out {target} names one file, and {count} to be cleaned.",
            hint="Name a folder, for example --out ./clean",
        )


def _guessed(path: Path, write: WriteOptions) -> formats.Format:
    named = formats.by_suffix(path).key if formats.is_picture_name(path) else "png"
    return formats.output_format(named, write)


def _nothing(paths: Sequence[Path], found: Discovery) -> str:
    where = ", ".join(str(path) for path in paths)
    beside = []
    if found.others:
        beside.append(f"{found.others} file{'s' if found.others > 1 else ''} of other kinds")
    beside += [f"{passed.path}: {passed.reason}" for passed in found.passed[:1]]
    return f"{where}: no picture found" + (f" ({'; '.join(beside)})." if beside else ".")
