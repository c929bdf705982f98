"""Similar and odd photos among the open ones. No Qt, no threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from denoiser.events import CancelToken, Event, FileDone, FileFailed, Started

if TYPE_CHECKING:
    from pandas import DataFrame

_ODD = 1.5  # local outlier factor; about 1 among similar photos
_FEWEST = 8  # photos; among fewer, each is as odd as the others
_MOST_ODD = 24
_FINDING_SHARE = 0.1  # of the time: comparing, after all photos are read


class StripKind(Enum):
    """What the photos of a strip have in common."""

    COPIES = "copies"  # of one photo
    LOOK_ALIKES = "look-alikes"
    ODD = "odd"


class Sorting(Enum):
    """The order of the photos in a strip."""

    SIMILARITY = "similarity"  # odd photos: the oddest first
    SIZE = "size"
    SHARPNESS = "sharpness"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class FoundPhoto:
    """A photo of a strip. *score* is the similarity to the first photo, or how odd it is."""

    path: Path
    width: int
    height: int
    sharpness: float
    score: float
    is_best: bool = False  # of several copies, the one with the most detail


@dataclass(frozen=True, slots=True)
class FoundStrip:
    """Photos that belong together."""

    kind: StripKind
    photos: tuple[FoundPhoto, ...]

    def sorted_by(self, sorting: Sorting) -> tuple[FoundPhoto, ...]:
        """The photos in this order; the largest values first, names from A."""
        keys: dict[Sorting, Callable[[FoundPhoto], float]] = {
            Sorting.SIMILARITY: lambda photo: -photo.score,
            Sorting.SIZE: lambda photo: -photo.width * photo.height,
            Sorting.SHARPNESS: lambda photo: -photo.sharpness,
        }
        by_name = sorted(self.photos, key=lambda photo: (photo.path.name.casefold(), str(photo.path)))
        return tuple(sorted(by_name, key=keys[sorting]) if sorting in keys else by_name)


@dataclass(frozen=True, slots=True)
class Found:
    """The strips, copies first, and the number of photos that were compared or could not be read."""

    strips: tuple[FoundStrip, ...]
    compared: int
    unreadable: int


class PhotoFinder:
    """Finds similar and odd photos; photos that were read by an earlier call are not read again."""

    def __init__(self) -> None:
        self._known: DataFrame | None = None

    def find(self, paths: Sequence[Path], progress: Callable[[float], None], cancel: CancelToken) -> Found:
        """Compare these files. Raises MissingExtra without the packages of the extra `workbench`."""
        from denoiser.workbench import embed, find_similar  # imports torch; only this thread waits for it

        total, done, unreadable = 1, 0, 0

        def listen(event: Event) -> None:
            nonlocal total, done, unreadable
            match event:
                case Started():
                    total = max(1, event.files)
                case FileDone() | FileFailed():
                    done += 1
                    unreadable += isinstance(event, FileFailed)
                    progress((1 - _FINDING_SHARE) * done / total)

        table = embed(paths, known=self._known, listener=listen, cancel=cancel)
        self._known = table
        cancel.raise_if_cancelled()
        groups = find_similar(table, cancel=cancel)
        strips = [*_groups(groups), *_odd(table, cancel)]
        return Found(tuple(strips), len(table), unreadable)


def _groups(groups: DataFrame) -> list[FoundStrip]:
    strips = []
    for (_, kind), members in groups.groupby(["group", "kind"], sort=False):
        copies = kind == "duplicates"
        photos = [
            FoundPhoto(
                Path(row.path),
                row.width,
                row.height,
                row.sharpness,
                row.similarity,
                is_best=copies and bool(row.keep),
            )
            for row in members.itertuples()
        ]
        strips.append(FoundStrip(StripKind.COPIES if copies else StripKind.LOOK_ALIKES, tuple(photos)))
    return strips


def _odd(table: DataFrame, cancel: CancelToken) -> list[FoundStrip]:
    """A strip of the photos that are unlike all others, if there are any."""
    from denoiser.workbench.anomaly import odd_ones_out

    if len(table) < _FEWEST:
        return []
    cancel.raise_if_cancelled()
    scores = odd_ones_out(list(table["features"]))
    odd = sorted((number for number in range(len(table)) if scores[number] > _ODD), key=lambda row: -scores[row])
    rows = [(table.iloc[number], float(scores[number])) for number in odd[:_MOST_ODD]]
    photos = [
        FoundPhoto(Path(row["path"]), int(row["width"]), int(row["height"]), float(row["sharpness"]), score)
        for row, score in rows
    ]
    return [FoundStrip(StripKind.ODD, tuple(photos))] if photos else []
