"""Finds the files of a run on disks and in stores, and the sizes and times by which finished ones are recognised.

A store is asked for two listings, that of the sources and that of the outputs, and not for each object. Only
objects that are named one by one cost a request each.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePath, PurePosixPath

from denoiser import storage
from denoiser.batch import staging
from denoiser.batch.discover import Discovery, FoundFile, NameTest, Skipped, discover, is_junk
from denoiser.batch.history import History, SortedJobs
from denoiser.batch.layout import Job
from denoiser.batch.manifest import Stamp, stamp_of
from denoiser.errors import DenoiserError, ForeignOutput, UsageError
from denoiser.events import CancelToken
from denoiser.storage import Url

_NO_IDENTITY = (0, 0)  # objects have neither device nor inode
_ASKERS = 16  # threads, which mostly wait for the store
_CLOCKS_DIFFER_NS = 15 * 60 * 10**9  # by less, or S3 refuses every request


class Survey:
    """The files of a run. *folder* is that of the outputs, which are no sources."""

    def __init__(
        self,
        takes: NameTest,
        *,
        recursive: bool = True,
        folder: Path | None = None,
        cancel: CancelToken | None = None,
    ) -> None:
        self._takes = takes
        self._recursive = recursive
        self._folder = folder
        self._cancel = cancel or CancelToken()
        self._known: dict[str, Stamp] = {}  # by URL
        self._listed: list[Url] = []

    def look(self, sources: Sequence[Path], names: Sequence[Path] = ()) -> Discovery:
        """Find the images below *sources*, and those of the list *names*, as `discover` does on disks."""
        found = discover(
            [path for path in sources if not isinstance(path, Url)],
            is_image_name=self._takes,
            recursive=self._recursive,
            leave_out=None if isinstance(self._folder, Url) else self._folder,
            listed=[path for path in names if not isinstance(path, Url)],
        )
        walk = _Walk(list(found.finds), list(found.skipped), list(found.folders), found.others, list(found.absent))
        for source in sources:
            if isinstance(source, Url):
                self._take_source(source, walk)
        self._take_names([name for name in names if isinstance(name, Url)], walk)
        finds = {(str(find.path), find.below): find for find in walk.finds}
        return Discovery(
            tuple(finds.values()), tuple(walk.skipped), tuple(walk.folders), walk.others, tuple(walk.absent)
        )

    def add_outputs(self) -> None:
        """List the outputs, if they are in a store."""
        if isinstance(self._folder, Url):
            for info in self._list(self._folder):
                self._known[f"{self._folder}/{info.name}"] = Stamp(info.size, info.mtime_ns)

    def stamp_of(self, path: Path) -> Stamp | None:
        """Return size and time of a source or an output, from the listings if it is in one of them."""
        if not isinstance(path, Url):
            return stamp_of(path)
        known = self._known.get(str(path))
        if known is None and not any(path.is_relative_to(folder) for folder in self._listed):
            known = stamp_of(path)
        return known

    def _list(self, folder: Url) -> Iterator[storage.ObjectInfo]:
        self._listed.append(folder)
        for info in storage.listed(folder, wait=self._cancel.wait):
            self._cancel.raise_if_cancelled()
            yield info

    def _take_source(self, source: Url, walk: _Walk) -> None:
        """Take an object, or the objects below a folder."""
        is_named_like_one = bool(source.suffix) and self._takes(source)
        if is_named_like_one and self._take_object(source, PurePosixPath(source.name), walk):
            return
        objects = self._take_folder(source, walk)
        if objects:
            walk.folders.append(source)
        elif is_named_like_one or not self._take_object(source, PurePosixPath(source.name), walk):
            raise UsageError(f"{source}: no such object or folder.", hint="Check the spelling, and the bucket.")

    def _take_object(self, url: Url, below: PurePath, walk: _Walk) -> bool:
        stamp = stamp_of(url) if len(url.parts) > 2 else None
        if stamp is not None:
            self._known[str(url)] = stamp
            walk.finds.append(FoundFile(url, below, _NO_IDENTITY))
        return stamp is not None

    def _take_folder(self, source: Url, walk: _Walk) -> int:
        """Take the images below *source*; return the number of objects there."""
        inner = ""
        if isinstance(self._folder, Url) and self._folder != source and self._folder.is_relative_to(source):
            inner = f"{self._folder.relative_to(source)}/"
        objects = 0
        for info in self._list(source):
            objects += 1
            parts = info.name.split("/")
            if (inner and info.name.startswith(inner)) or any(is_junk(part) for part in parts):
                continue
            if not self._recursive and len(parts) > 1:
                continue
            if not storage.is_path(info.name):
                walk.skipped.append(Skipped(source, f"the key {info.name!r} in it cannot be the name of a file"))
                continue
            url = Url(source / info.name)
            if url.suffix and self._takes(url):
                self._known[str(url)] = Stamp(info.size, info.mtime_ns)
                walk.finds.append(FoundFile(url, PurePosixPath(info.name), _NO_IDENTITY))
            else:
                walk.others += 1
        return objects

    def _take_names(self, names: list[Url], walk: _Walk) -> None:
        """Take listed objects, with the folders of their keys."""
        with ThreadPoolExecutor(_ASKERS, thread_name_prefix="denoise-list") as askers:
            belows = [PurePosixPath(*name.parts[2:]) for name in names]
            there = askers.map(lambda name, below: self._take_object(name, below, walk), names, belows)
            walk.absent += [name for name, is_there in zip(names, there, strict=True) if not is_there]


@dataclasses.dataclass(slots=True)
class _Walk:
    finds: list[FoundFile]
    skipped: list[Skipped]
    folders: list[Path]
    others: int
    absent: list[Path]


def settled(jobs: SortedJobs, history: History, survey: Survey | None) -> SortedJobs:
    """Return the jobs of a store as a kill may have left them.

    Outputs without a record, written since an interrupted run began, are made again; the runner replaces none that
    is different. Files that a killed process on this machine was reading are suspects.
    """
    if survey is None:
        return jobs
    begun = [history.files[run].started for run in history.interrupted]
    since = min(begun, default=float("inf")) - _CLOCKS_DIFFER_NS

    def is_unrecorded(job: Job, error: DenoiserError) -> bool:
        there = survey.stamp_of(job.target) if isinstance(job.target, Url) else None
        return type(error) is ForeignOutput and there is not None and there.mtime_ns >= since

    again = [job for job, error in jobs.blocked if is_unrecorded(job, error)]
    to_do = [*jobs.to_do, *(dataclasses.replace(job, again=staging.UNRECORDED) for job in again)]
    left = staging.left_behind(job for job in to_do if isinstance(job.source, Url))
    return SortedJobs(
        tuple(dataclasses.replace(job, suspect=True) if job in left else job for job in to_do)
        if left
        else (*to_do,),
        jobs.done,
        tuple(one for one in jobs.blocked if not is_unrecorded(*one)),
    )
