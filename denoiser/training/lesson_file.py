"""Lessons about noise as one safetensors file, with all that is needed to make more of them.

To make them takes ten minutes, to learn from them one: who tries another seed takes them from here.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from denoiser.atomicfile import whole_file
from denoiser.errors import UnusableData
from denoiser.training.data import PhotoPool
from denoiser.training.estimator import AT_ONCE, Lessons, make_lessons

_PORTION = 10 * AT_ONCE  # crops: a second, within which a stop is heard
_COLUMNS = tuple(column.name for column in dataclasses.fields(Lessons))


@dataclass(slots=True)
class LessonBook:
    """Lessons as far as they are written; the same however often it was put aside in between."""

    seed: int
    photos: str  # what the photos are known by
    crops: int = 0  # that are done
    seconds: float = 0.0  # that they took
    generator: torch.Generator = field(default_factory=torch.Generator)
    parts: list[Lessons] = field(default_factory=list)

    @classmethod
    def begun(cls, seed: int, photos: str) -> LessonBook:
        """An empty one."""
        return cls(seed, photos, generator=torch.Generator().manual_seed(seed))

    def write_on(self, pool: PhotoPool, crops: int) -> None:
        """Makes lessons of some more crops of *pool*, towards *crops* in all."""
        count = min(_PORTION, crops - self.crops)
        self.parts.append(make_lessons(pool, count, self.generator))
        self.crops += -(-count // AT_ONCE) * AT_ONCE

    @property
    def lessons(self) -> Lessons:
        """All of them."""
        return Lessons(*(torch.cat([getattr(part, name) for part in self.parts]) for name in _COLUMNS))

    def save(self, path: Path) -> None:
        """Replaces *path*, whole or not at all."""
        self.parts = [self.lessons]
        tensors = {name: getattr(self.parts[0], name).contiguous() for name in _COLUMNS}
        known = {"seed": self.seed, "photos": self.photos, "crops": self.crops, "seconds": self.seconds}
        with whole_file(path) as file:
            file.write(
                save(tensors | {"generator": self.generator.get_state()}, metadata={"book": json.dumps(known)})
            )


def open_book(path: Path) -> LessonBook:
    """The book that was saved as *path*; UnusableData when it is none."""
    try:
        with safe_open(path, framework="pt") as file:
            known = json.loads(file.metadata()["book"])
            generator = torch.Generator()
            generator.set_state(file.get_tensor("generator"))
            lessons = Lessons(*(file.get_tensor(name) for name in _COLUMNS))
        return LessonBook(**known, generator=generator, parts=[lessons])
    except (SafetensorError, OSError, KeyError, TypeError, RuntimeError, json.JSONDecodeError) as error:
        raise UnusableData(
            f"{path}: no lessons ({error}).", hint="Start afresh in another --out folder."
        ) from error


def known_by(paths: Sequence[Path], folder: Path) -> str:
    """A digest of the names and sizes of the files in *paths*, wherever *folder* lies."""
    lines = [f"{path.relative_to(folder).as_posix()} {_size(path)}\n" for path in paths]
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _size(path: Path) -> int:
    return (
        path.stat().st_size if path.exists() else 0
    )  # a link may lead nowhere; its picture is named when it is read
