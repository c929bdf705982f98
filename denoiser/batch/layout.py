"""Where each output goes: the tree mirrored, one name per image, and no output on an input.

The first half computes names only; from `refuse_input_folder` on, the disk is checked as well.
"""

from __future__ import annotations

import dataclasses
import os
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from denoiser.batch import naming
from denoiser.batch.discover import Identity, identity_of
from denoiser.batch.settings import Settings
from denoiser.errors import DenoiserError, UnsafeOutput, UnwritableImage, UsageError
from denoiser.imageio import formats
from denoiser.imageio.formats import Format
from denoiser.options import WriteOptions
from denoiser.storage import Url

LATENT = Format("dlf", "latent file", (".dlf",), "png")  # an output format that imageio does not have

WITH_QUALITY = ("jpeg", "webp", "avif")  # formats to which --quality applies


@dataclass(frozen=True, slots=True)
class Job:
    """One file, from source to target."""

    source: Path
    target: Path
    megapixels: float  # 0 if the header is corrupt; the job then fails
    name: str = ""  # the target below the output folder, as in records; "" for a single file
    again: str = ""  # why an existing output is made again
    suspect: bool = False  # an earlier run was interrupted at this file
    series: str = ""  # camera, ISO and size, with --series
    record: Mapping[str, Any] | None = field(default=None, compare=False)  # the "done" line
    settings: Settings | None = field(default=None, compare=False)  # None: those of the run
    digest: str = field(default="", compare=False)  # SHA-256 of the weights; "": those of the run
    problem: DenoiserError | None = field(default=None, compare=False)  # why it will fail


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """Size and series of a source from its header; *written_as* is the format of the output."""

    path: Path
    below: PurePath
    written_as: Format
    megapixels: float = 0.0
    series: str = ""
    named: PurePath | None = None  # the name of the output by a template, without suffix: see naming.rendered
    earlier: str = ""  # the name of the newest output that was made from it
    settings: Settings | None = None  # as in Job
    digest: str = ""
    problem: DenoiserError | None = None


Blocked = tuple[Job, DenoiserError]
MadeFrom = Callable[[str], Path | None]  # the source of an existing output by its name, None if unknown


def into_folder(infos: Iterable[SourceInfo], folder: Path, made_from: MadeFrom = lambda _name: None) -> list[Job]:
    """Return a job for each source, with its path below *folder*; mostly only the suffix changes.

    Images that would share a name keep their suffixes (``a.bmp.png``), except one that has that name itself. An
    image keeps the name of its earlier output, which *made_from* returns; other earlier outputs keep theirs.
    """
    infos = list(infos)
    if any(one.named is not None for one in infos):
        return _by_template(infos, folder, made_from)
    short = [_renamed(one.below, one.written_as) for one in infos]
    before = [_name_before(one, name, made_from) for one, name in zip(infos, short, strict=True)]
    # Names that differ only in case are the same here, so that outputs can be copied to any file system.
    claims: dict[str, set[PurePath]] = {}  # the images and folders that would have a name
    kept: dict[str, PurePath] = {}  # the images that keep a name
    for one, name, earlier in zip(infos, short, before, strict=True):
        claims.setdefault(_key(name), set()).add(one.below)
        if earlier is not None:
            kept[_key(earlier)] = one.below
    for parent in {parent for one in infos for parent in one.below.parents}:
        claims.setdefault(_key(parent), set()).add(parent)

    def is_free(one: SourceInfo, name: PurePath) -> bool:
        if kept.get(_key(name), one.below) != one.below or (name != one.below and len(claims[_key(name)]) > 1):
            return False
        other = made_from(name.as_posix())
        return other is None or other.name == one.below.name  # the same name in another folder is an error

    jobs = []
    for one, name, earlier in zip(infos, short, before, strict=True):
        chosen = earlier or (name if is_free(one, name) else _longer(one))
        jobs.append(_job(one, folder / chosen, chosen.as_posix()))
    return jobs


def _by_template(infos: Sequence[SourceInfo], folder: Path, made_from: MadeFrom) -> list[Job]:
    """Return a job for each source with the first free name of its template; earlier outputs keep theirs."""
    chosen = {number: PurePath(one.earlier) for number, one in enumerate(infos) if _keeps_name(one, made_from)}
    taken = {_claim(infos[number], name) for number, name in chosen.items()}
    for number, one in enumerate(infos):
        stem = one.named or PurePath(one.path.stem)
        if number in chosen:
            continue
        for name in naming.names_of(stem, _suffix_of(one), number + 1):
            source = made_from(name.as_posix())
            if _claim(one, name) not in taken and (source is None or is_same_file(source, one.path)):
                break
        chosen[number] = name
        taken.add(_claim(one, name))
    return [_job(one, folder / chosen[number], chosen[number].as_posix()) for number, one in enumerate(infos)]


def _keeps_name(one: SourceInfo, made_from: MadeFrom) -> bool:
    """Whether an earlier output has a name of this template, and is there."""
    if not one.earlier or one.named is None or not naming.fits(PurePath(one.earlier), one.named, _suffix_of(one)):
        return False
    source = made_from(one.earlier)
    return source is not None and is_same_file(source, one.path)


def _claim(one: SourceInfo, name: PurePath) -> str:
    """Return what no other image may have: the name, without its suffix if it has a number."""
    has_number = one.named is not None and naming.NUMBER in str(one.named)
    return _key(name.with_suffix("") if has_number else name)


def _suffix_of(one: SourceInfo) -> str:
    return one.path.suffix if one.path.suffix.lower() in one.written_as.suffixes else one.written_as.suffix


def _job(one: SourceInfo, target: Path, name: str = "") -> Job:
    job = Job(one.path, target, one.megapixels, name, series=one.series)
    return dataclasses.replace(job, settings=one.settings, digest=one.digest, problem=one.problem)


def _name_before(one: SourceInfo, short: PurePath, made_from: MadeFrom) -> PurePath | None:
    """Return the name of the earlier output of a source, if it can have it again."""
    for name in (short, _longer(one)):
        source = made_from(name.as_posix())
        if source is not None and is_same_file(source, one.path):
            return name
    return None


def _longer(one: SourceInfo) -> PurePath:
    return one.below.with_name(one.below.name + one.written_as.suffix)


def is_same_file(one: Path, other: Path) -> bool:
    """Return whether both paths name the same existing file, or both URLs the same object."""
    if isinstance(one, Url) or isinstance(other, Url):
        return one == other
    try:
        return os.path.abspath(one) == os.path.abspath(other) or one.samefile(other)
    except OSError:
        return False


def beside(info: SourceInfo) -> Path:
    """Return the path of a clean image beside its source: a-clean.png for a.png."""
    name = info.path.name
    stem, suffix = (info.path.stem, info.path.suffix) if formats.is_image_name(info.path) else (name, "")
    return info.path.with_name(_renamed(PurePath(f"{stem}-clean{suffix}"), info.written_as).name)


def into_file(info: SourceInfo, target: Path, options: WriteOptions, row: Format | None = None) -> Job:
    """Return the job from one source to one file; its format is *row*, or that of the suffix."""
    row = row or writable_row(target)
    if options.format not in (None, row.key):
        raise UsageError(
            f"--format {options.format} contradicts the name {target.name}.",
            hint="Leave out --format, or change the name.",
        )
    return _job(info, target)


def writable_row(target: Path) -> Format:
    """Return the format of the suffix; raise UsageError if it is unknown or cannot be written."""
    try:
        row = formats.by_suffix(target)
    except UsageError as error:
        raise UsageError(error.message, hint=f"To create a folder of that name, write {target}/") from error
    if not row.depths:
        better = target.with_suffix(formats.ROWS[row.written_as].suffix).name
        raise UsageError(f"{target}: {row.name} can be read but not written.", hint=f"For example --out {better}")
    return row


def sort_out_collisions(
    jobs: Sequence[Job], *, case_matters: bool = True, verb: str = "clean"
) -> tuple[list[Job], list[Blocked]]:
    """Return the jobs with a name of their own, and the others with their errors.

    The first of several images with the same path below different folders is free. Without *case_matters*, names
    that differ only in case or in the encoding of accents are the same.
    """
    owners: dict[str, Job] = {}
    for job in jobs:
        owners.setdefault(_key(job.target, case_matters), job)
    free: list[Job] = []
    blocked: list[Blocked] = []
    for job in jobs:
        first = owners[_key(job.target, case_matters)]
        above = (_key(parent, case_matters) for parent in job.target.parents)
        other = next((owners[name] for name in above if name in owners), None)
        if first is not job:
            words = f"{job.source} would be written to {job.target}, like {first.source}."
        elif other is not None:
            words = f"{other.source} would become {other.target}, but {job.source} needs that name for a folder."
        else:
            free.append(job)
            continue
        hint = f"{verb.capitalize()} them into different folders, or rename one."
        blocked.append((job, UnsafeOutput(words, hint=hint)))
    return free, blocked


def _renamed(below: PurePath, row: Format) -> PurePath:
    if below.suffix.lower() in row.suffixes:
        return below
    if formats.is_image_name(Path(below)) or below.suffix.lower() in LATENT.suffixes:
        return below.with_suffix(row.suffix)
    return below.with_name(below.name + row.suffix)  # the .2 of "v1.2" is not a suffix


def _key(path: PurePath, case_matters: bool = False) -> str:
    return str(path) if case_matters else unicodedata.normalize("NFC", str(path)).casefold()


def refuse_input_folder(out: Path, folders: Iterable[Path]) -> None:
    """Raise UnsafeOutput if *out* is one of the input folders, also through a link."""
    for folder in folders:
        if isinstance(out, Url) or isinstance(folder, Url):
            same = out == folder
        else:
            same = identity_of(out) is not None and identity_of(out) == identity_of(folder)
        if same:
            raise UnsafeOutput(f"{out}: is the input folder itself; inputs are never overwritten.", hint=_ELSEWHERE)


def refuse_no_folder(out: Path) -> None:
    """Raise UsageError if *out* is a file."""
    if not isinstance(out, Url) and out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is a file, but the outputs need a folder.", hint=_ELSEWHERE)


def sort_out_blocked(jobs: Sequence[Job], inputs: Collection[Identity]) -> tuple[list[Job], list[Blocked]]:
    """Return the jobs whose targets can be written, and the others with their errors.

    Raises UnsafeOutput for a target that is an input, also through a link or hard link.
    """
    sources = {job.source for job in jobs if isinstance(job.target, Url)}
    free: list[Job] = []
    blocked: list[Blocked] = []
    folders: dict[Path, DenoiserError | None] = {}
    for job in jobs:
        is_object = isinstance(job.target, Url)
        if job.target in sources or (not is_object and identity_of(job.target) in inputs):
            raise UnsafeOutput(
                f"{job.target}: is an input, or a link to one; inputs are never overwritten.", hint=_ELSEWHERE
            )
        if is_object:
            free.append(job)  # stores have no folders
            continue
        parent = job.target.parent
        if parent not in folders:
            folders[parent] = _obstacle(parent)
        obstacle = folders[parent]
        if obstacle is None and job.target.is_dir():
            obstacle = UnwritableImage(
                f"{job.target}: is a folder, but a file is to be written there.", hint=_IN_THE_WAY
            )
        if obstacle is None:
            free.append(job)
        else:
            blocked.append((job, obstacle))
    return free, blocked


def is_case_sensitive(folder: Path) -> bool:
    """Return whether the file system of *folder* is case-sensitive; found without writing anything."""
    if isinstance(folder, Url):
        return True
    for existing in (folder, *folder.absolute().parents):
        swapped = existing.with_name(existing.name.swapcase()) if existing.name else existing
        if existing.exists() and swapped.name != existing.name:
            return identity_of(swapped) != identity_of(existing)
    return True


_ELSEWHERE = "Choose another folder with --out."
_IN_THE_WAY = "Move it, or choose another --out."


def _obstacle(folder: Path) -> DenoiserError | None:
    """Return the error if a part of the path is a file."""
    for place in (folder, *folder.parents):
        if place.is_dir():
            return None
        if os.path.lexists(place):
            return UnwritableImage(f"{place}: is a file, but a folder is needed.", hint=_IN_THE_WAY)
    return None
