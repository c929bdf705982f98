"""The plan of a run: everything that can be checked before pixels are read."""

from __future__ import annotations

import dataclasses
import os
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from denoiser import storage
from denoiser.batch import layout, naming
from denoiser.batch.cleaning import CLEANING
from denoiser.batch.coding import DECODING, ENCODING
from denoiser.batch.discover import Discovery, FoundFile, Skipped
from denoiser.batch.headers import HeaderReader
from denoiser.batch.history import History, StampOf, sort_by_history
from denoiser.batch.layout import Job, SourceInfo
from denoiser.batch.manifest import resolved, stamp_of
from denoiser.batch.object_records import history_of
from denoiser.batch.series import Group, groups_of
from denoiser.batch.settings import ModelChoice, Settings
from denoiser.batch.survey import Survey, settled
from denoiser.batch.weights import DeviceChooser
from denoiser.batch.work import BatchWork
from denoiser.errors import DenoiserError, NothingToDo, OtherOptions, Refused, UnreadableImage, UsageError
from denoiser.events import CancelToken
from denoiser.imageio.formats import Format
from denoiser.options import shard_of
from denoiser.storage import Url

PathLike = str | os.PathLike[str]
AnyWork = BatchWork[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do, in order; `denoise --dry-run` prints it."""

    jobs: tuple[Job, ...]
    already_there: tuple[Job, ...] = ()  # done by an earlier run, and unchanged since
    skipped: tuple[Skipped, ...] = ()
    blocked: tuple[tuple[Job, DenoiserError], ...] = ()  # known to fail
    elsewhere: int = 0  # images of other shards
    folder: Path | None = None  # of the outputs and their records; None for a single file
    choice: ModelChoice | None = None
    groups: tuple[Group, ...] = ()  # of --series
    work: AnyWork = CLEANING

    @property
    def megapixels(self) -> float:
        return sum(job.megapixels for job in self.jobs)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where outputs go, the records that are there, and the work and weights that make them."""

    out: Path
    folder: Path | None  # None if *out* is a single file
    history: History
    choice: ModelChoice
    work: AnyWork = CLEANING


def _as_on_a_cpu(_wanted: str) -> str:
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
    """Plan a run from names, headers, targets and records; writes nothing.

    Raises UsageError, NothingToDo, UnsafeOutput, or Refused while another run writes with other options. *out* is a
    file if it is named like one and is no folder, and there is a single source, a file; otherwise it is a folder.
    *listed* sources keep the folders of their names. *choose_device* is called if the weights depend on the device.
    """
    cancel, work = cancel or CancelToken(), work_of(settings)
    work.refuse(settings)
    given = [sources] if isinstance(sources, str | os.PathLike) else sources
    paths = [storage.location(source) for source in given]
    names, target = [storage.location(name) for name in listed], storage.location(out)
    in_store = any(isinstance(path, Url) for path in (*paths, *names, target))
    _refuse_in_store(in_store, settings)
    folder = None if not names and _names_a_file(out, paths, work) else target
    _refuse_names(settings, folder, in_store=in_store)
    renames = settings.batch.rename != "" and any(layout.is_same_file(path, target) for path in paths)
    left_out = None if renames else folder  # outputs with other names may be among the inputs
    survey = Survey(work.takes, recursive=settings.batch.recursive, folder=left_out, cancel=cancel)
    found = survey.look(paths, names)
    refuse_unsafe(found, target, folder, work, renames=renames)
    _refuse_report(settings.batch.report, folder)
    if not found.finds and not found.absent and not any(one.is_error for one in found.skipped):
        raise NothingToDo(_nothing([*paths, *names[:1]], found, work), hint=work.words.known)
    slim = not (settings.batch.report or settings.batch.verify)
    history = history_of(folder, slim=slim, wait=cancel.wait) if folder else History()
    if history.is_used_with_other_options(settings.key):
        raise Refused(
            f"{out}: another run is writing there with other options.",
            hint="Wait until it has ended, or choose another --out.",
        )
    choice = work.choose(settings, history, choose_device)
    survey.add_outputs()
    place = Destination(target, folder, history, choice, work)
    return plan_for(found, place, settings, cancel, survey if in_store else None)


def plan_for(
    found: Discovery, place: Destination, settings: Settings, cancel: CancelToken, survey: Survey | None = None
) -> Plan:
    """Plan the found files; raise UsageError or UnsafeOutput if an output would be an input."""
    stamps = survey.stamp_of if survey else stamp_of
    work, look = place.work, HeaderReader(place, settings, cancel, stamps)
    finds, skipped = _without_outputs(found.finds, place, stamps)
    masks = [find for find in finds if look.own.is_mask(find.path)]
    skipped += [Skipped(find.path, "a mask") for find in masks]
    if masks and len(masks) == len(finds):
        raise UsageError(f"{settings.batch.mask}: is the mask, and there is no other image.", hint="Add an image.")
    finds = tuple(find for find in finds if find not in masks)
    collisions: list[layout.Blocked] = []
    if place.folder is None:
        jobs = [layout.into_file(_as_named(look(finds[0])), place.out, settings.write, work.row(place.out))]
    else:
        jobs = layout.into_folder([look(find) for find in finds], place.folder, _made_from(place, stamps))
        case_matters = layout.is_case_sensitive(place.out)
        jobs, collisions = layout.sort_out_collisions(jobs, case_matters=case_matters, verb=work.words.verb)
    _refuse_no_mask(jobs, settings)
    mine = [job for job in jobs if _is_of_shard(job, settings)]
    free, blocked = layout.sort_out_blocked(mine, {find.identity for find in finds})
    blocked += [(job, job.problem) for job in free if job.problem is not None]
    free = [job for job in free if job.problem is None]
    blocked += [(job, error) for job, error in collisions if _is_of_shard(job, settings)]
    jobs_by_state = sort_by_history(
        free, place.history, settings, place.choice, cancel, folder=place.folder, stamps=stamps
    )
    jobs_by_state = settled(jobs_by_state, place.history, survey)
    absent = [(Job(path, place.out / path.name, 0.0), _absent(path)) for path in found.absent]
    errors = [one for one in found.skipped if one.is_error]
    unreadable = [(Job(one.path, place.out, 0.0), UnreadableImage(f"{one.path}: {one.reason}.")) for one in errors]
    return Plan(
        jobs_by_state.to_do,
        jobs_by_state.done,
        (*(one for one in found.skipped if not one.is_error), *skipped),
        (*blocked, *jobs_by_state.blocked, *absent, *unreadable),
        elsewhere=len(jobs) - len(mine),
        folder=place.folder,
        choice=place.choice,
        groups=groups_of(jobs, place.history, settings) if settings.batch.series and place.folder else (),
        work=work,
    )


def _refuse_in_store(in_store: bool, settings: Settings) -> None:
    """Raise UsageError for options that read files before the run."""
    for name in ("series", "mask", "sidecars"):
        if in_store and getattr(settings.batch, name):
            raise UsageError(
                f"--{name} does not work with URLs: it reads files beside or in the images before the run.",
                hint="Leave it out, or copy the images first.",
            )


def _refuse_no_mask(jobs: Sequence[Job], settings: Settings) -> None:
    """Raise UsageError if a folder of masks has none for any of the images."""
    without = all(job.settings is None or job.settings.mask is None for job in jobs)
    if settings.batch.mask and without and not any(job.problem for job in jobs):
        raise UsageError(
            f"{settings.batch.mask}: contains no mask for any of the images.",
            hint="The mask of a.jpg is a.jpg.png or a.png, in the same subfolder.",
        )


def _as_named(info: SourceInfo) -> SourceInfo:
    """Return the source for a single output, whose name chooses the format, and not the sidecar."""
    if info.settings is None:
        return info
    write = dataclasses.replace(info.settings.write, format=None)
    return dataclasses.replace(info, settings=dataclasses.replace(info.settings, write=write))


def _is_of_shard(job: Job, settings: Settings) -> bool:
    """Return whether this run processes the job. Only its name counts, so other files do not move it."""
    shard = shard_of(settings.batch)
    if shard is None:
        return True
    part, parts = shard
    return zlib.crc32(os.fsencode(job.name)) % parts == part - 1


def _made_from(place: Destination, stamps: StampOf) -> layout.MadeFrom:
    """Return a function that returns the source of an existing output, if the records name one that exists."""

    def is_there(path: Path) -> bool:
        return stamps(path) is not None if isinstance(path, Url) else os.path.lexists(path)

    def source_of(name: str) -> Path | None:
        past = place.history.of(name)
        if past is None or past.done is None or not is_there(place.out / name):
            return None
        source = resolved(place.out, past.done["source"])
        return source if stamps(source) is not None else None

    return source_of


def _without_outputs(
    finds: tuple[FoundFile, ...], place: Destination, stamps: StampOf
) -> tuple[tuple[FoundFile, ...], list[Skipped]]:
    """Return the files without those that an earlier run made, and these as skipped."""
    inputs: list[FoundFile] = []
    skipped: list[Skipped] = []
    for find in finds:
        name = _name_inside(find.path, place.folder) if place.history.pasts else ""
        past = place.history.of(name) if name else None
        if past is not None and past.made is not None and past.made == stamps(find.path):
            skipped.append(Skipped(find.path, "the output of an earlier run"))
        else:
            inputs.append(find)
    return tuple(inputs), skipped


def _name_inside(path: Path, folder: Path | None) -> str:
    """Return the name of *path* below *folder*, empty if it is elsewhere."""
    if folder is None or isinstance(path, Url) != isinstance(folder, Url):
        return ""
    if isinstance(path, Url):
        return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else ""
    inside = os.path.relpath(path, folder)
    return "" if inside.split(os.sep)[0] == ".." else Path(inside).as_posix()


def _refuse_names(settings: Settings, folder: Path | None, *, in_store: bool) -> None:
    """Raise UsageError for names of outputs that are a single file, or need the headers of objects."""
    batch = settings.batch
    if folder is None and (batch.rename or batch.flat):
        raise UsageError(
            f"{'--rename' if batch.rename else '--flat'} needs an output folder.", hint="Give a folder with --out."
        )
    if in_store and naming.needs_header(batch.rename):
        raise UsageError(
            f"--rename {batch.rename} does not work with URLs: it reads the header of each image before the run.",
            hint="Use {name}, {folder} and {number} only, or copy the images first.",
        )


def refuse_unsafe(
    found: Discovery, out: Path, folder: Path | None, work: AnyWork = CLEANING, *, renames: bool = False
) -> None:
    """Raise UsageError or UnsafeOutput if *out* does not suit the sources; *renames* allows the input folder."""
    if folder is None:
        _refuse_many(found, out, work)
    else:
        layout.refuse_no_folder(folder)
        if not renames:
            layout.refuse_input_folder(folder, found.folders)


def _refuse_report(report: str, folder: Path | None) -> None:
    """Raise UsageError if the folder of the report does not exist; that of the outputs will be created."""
    if storage.is_url(report):
        return
    place = Path(report).parent
    if report and not place.is_dir() and (folder is None or os.path.abspath(place) != os.path.abspath(folder)):
        raise UsageError(f"{place}: no such folder for the report.", hint="Create it, or choose another --report.")


def refuse_surprises(plan: Plan, settings: Settings) -> None:
    """Raise OtherOptions if some outputs were made with other options, UsageError if --quality has no effect."""
    refuse_quality([plan.work.row(job.target) for job in (*plan.jobs, *plan.already_there)], settings)
    others = [error for _, error in plan.blocked if isinstance(error, OtherOptions)]
    if others:
        more = f" The same holds for {len(others) - 1} more." if len(others) > 1 else ""
        raise OtherOptions(others[0].message + more, hint=others[0].hint)


def refuse_quality(rows: Iterable[Format], settings: Settings) -> None:
    """Raise UsageError for --quality if none of the formats of the outputs has one."""
    without = {row.key: row.name for row in rows}
    if settings.write.quality is not None and without and without.keys().isdisjoint(layout.WITH_QUALITY):
        raise UsageError(
            f"--quality has no effect on {' and '.join(without.values())}.",
            hint="It applies to JPEG, WebP and AVIF. Choose one with --format, or leave it out.",
        )


def _absent(path: Path) -> UnreadableImage:
    return UnreadableImage(
        f"{path}: no such file.", hint="The list contains a missing file. Check the current folder."
    )


_LIKE_A_FILE = re.compile(r"\.[A-Za-z][A-Za-z0-9]{2,3}")


def _names_a_file(out: PathLike, sources: Sequence[Path], work: AnyWork) -> bool:
    words = str(out)
    if words.endswith(("/", os.sep)):
        return False
    if storage.is_url(words) and isinstance(target := storage.location(words), Url):
        return work.makes(target)
    if Path(words).is_dir():
        return False
    if work.makes(Path(words)):
        return True
    # `a.png --out b.gif` means a file; a folder b.gif would surprise.
    if len(sources) != 1 or isinstance(sources[0], Url):
        return False
    return sources[0].is_file() and bool(_LIKE_A_FILE.fullmatch(Path(words).suffix))


def _refuse_many(found: Discovery, target: Path, work: AnyWork) -> None:
    if found.folders or len(found.finds) > 1:
        count = "a folder is" if found.folders else f"{len(found.finds)} {work.words.takes}s are"
        raise UsageError(
            f"--out {target} is a file name, but {count} to be {work.words.done}.",
            hint=f"Give a folder, for example --out {work.words.folder}",
        )


def _nothing(paths: Sequence[Path], found: Discovery, work: AnyWork) -> str:
    where = ", ".join(str(path) for path in paths)
    beside = []
    if found.others:
        beside.append(f"{found.others} file{'s' if found.others > 1 else ''} of other kinds")
    beside += [f"{skipped.path}: {skipped.reason}" for skipped in found.skipped[:1]]
    return f"{where}: no {work.words.takes} found" + (f" ({'; '.join(beside)})." if beside else ".")


def work_of(settings: Settings) -> AnyWork:
    """Return the work that these options are for."""
    if settings.encode is not None:
        return ENCODING
    return CLEANING if settings.decode is None else DECODING


def work_named(verb: str) -> AnyWork:
    """Return the work of that command."""
    works: tuple[AnyWork, ...] = (CLEANING, ENCODING, DECODING)
    return next(work for work in works if work.words.verb == verb)
