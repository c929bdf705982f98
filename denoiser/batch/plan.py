"""The plan of a run: everything that can be known and refused before a pixel is read."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from denoiser import imageio
from denoiser.batch import layout, safety
from denoiser.batch.discover import Discovery, Find, Passed, discover
from denoiser.batch.layout import Job, Sighting
from denoiser.errors import DenoiserError, NothingToDo, UsageError
from denoiser.events import CancelToken
from denoiser.imageio import formats
from denoiser.options import WriteOptions

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do, in order; `denoise --dry-run` shows exactly this."""

    jobs: tuple[Job, ...]
    already_there: tuple[Job, ...] = ()  # their outputs exist already, and stay
    passed: tuple[Passed, ...] = ()  # met on the way and not taken
    blocked: tuple[tuple[Job, DenoiserError], ...] = ()  # known to fail

    @property
    def megapixels(self) -> float:
        return sum(job.megapixels for job in self.jobs)


def make_plan(
    sources: PathLike | Sequence[PathLike],
    out: PathLike,
    *,
    write: WriteOptions = WriteOptions(),
    recursive: bool = True,
    overwrite: bool = False,
    cancel: CancelToken | None = None,
) -> Plan:
    """Looks at names, headers and targets; writes nothing.

    Raises UsageError, NothingToDo or UnsafeOutput before any harm can be done. *out* is a file when it is named
    like one and is no folder, which only a single source that is a file may have; otherwise it is a folder.
    """
    cancel = cancel or CancelToken()
    paths = [Path(source) for source in ([sources] if isinstance(sources, str | os.PathLike) else sources)]
    target = Path(out)
    to_file = _names_a_file(out, paths)
    found = discover(
        paths,
        is_picture_name=formats.is_picture_name,
        recursive=recursive,
        leave_out=None if to_file else target,
    )
    if to_file:
        _refuse_many(found, target)
    else:
        safety.refuse_no_folder(target)
        safety.refuse_input_folder(target, found.folders)
    if not found.finds:
        raise NothingToDo(_nothing(paths, found), hint=_NOTHING_HINT)
    pictures = [_looked_at(find, write, cancel) for find in found.finds]
    jobs = [layout.into_file(pictures[0], target, write)] if to_file else layout.into_folder(pictures, target)
    layout.refuse_collisions(jobs, case_matters=safety.tells_case_apart(target))
    targets = safety.sort_targets(jobs, {find.identity for find in found.finds}, overwrite=overwrite)
    return Plan(targets.free, targets.there, found.passed, targets.blocked)


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


def _looked_at(find: Find, write: WriteOptions, cancel: CancelToken) -> Sighting:
    cancel.raise_if_cancelled()
    try:
        header = imageio.probe(find.path)
    except DenoiserError:
        # The run will meet the same error when it reads the file, and tell it with the others.
        return Sighting(find.path, find.below, _guessed(find.path, write))
    row = formats.output_format(header, write)
    return Sighting(find.path, find.below, row, header.width * header.height / 1e6)


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
