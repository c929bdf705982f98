"""The kinds of work that a run does with its files: cleaning, encoding and decoding.

`BatchWork` has a method for each step of a run; plan, runner, trial and the front ends call them in turn.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from denoiser import imageio
from denoiser.batch import layout
from denoiser.batch.discover import FoundFile, looks_like_image
from denoiser.batch.history import History
from denoiser.batch.layout import Job, SourceInfo
from denoiser.batch.settings import ModelChoice, Settings
from denoiser.batch.weights import DeviceChooser
from denoiser.errors import UsageError
from denoiser.events import CancelToken, Listener
from denoiser.image import Image
from denoiser.imageio import formats
from denoiser.imageio.formats import Format

if TYPE_CHECKING:
    from denoiser.estimation.series import Series


@dataclass(frozen=True, slots=True)
class Words:
    """Words for messages about a kind of work."""

    verb: str  # "clean"
    done: str  # "cleaned"
    takes: str  # "image": what is looked for in folders
    makes: str  # "clean images"
    known: str  # hint if nothing was found
    example: str  # a call, which ends with the output folder
    pipes: tuple[str, str]  # from a pipe, and into one

    @property
    def command(self) -> str:
        """The program and its command in the example: "denoise encode"."""
        return self.example.partition(" ./")[0]

    @property
    def folder(self) -> str:
        """The output folder of the example: "./clean"."""
        return self.example.rpartition(" ")[2]


class Worker(Protocol):
    """Processes files one after another, with its weights loaded."""

    model_name: str
    model_digest: str
    device: str
    precision: str


class Content(Protocol):
    """What was read from a source."""

    @property
    def megapixels(self) -> float: ...


_Content = TypeVar("_Content", bound=Content)
_Result = TypeVar("_Result")
_Worker = TypeVar("_Worker", bound=Worker)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[_Result]):
    """A result with its facts and notes; *kept* if its pixels are those of the source."""

    result: _Result
    megapixels: float
    facts: Mapping[str, Any]
    notes: tuple[str, ...]
    kept: bool = False


class BatchWork(ABC, Generic[_Content, _Result, _Worker]):
    """One kind of work. Stateless, so threads and runs may share it."""

    words: ClassVar[Words]

    def refuse(self, settings: Settings) -> None:
        """Raise UsageError for options that contradict each other or apply to cleaning only."""
        for name in ("series", "skip_clean", "crop", "rename", "flat", "mask", "sidecars"):
            if getattr(settings.batch, name):
                raise UsageError(f"{name.replace('_', '-')} applies to cleaning only.", hint="Leave it out.")

    @abstractmethod
    def takes(self, name: Path) -> bool:
        """Return whether a file is processed if it is in an input folder."""

    @abstractmethod
    def makes(self, target: Path) -> bool:
        """Return whether an output may have this name."""

    @abstractmethod
    def row(self, target: Path) -> Format:
        """Return the format of an output with this name; raise UsageError if it cannot be written."""

    @abstractmethod
    def inspect(self, find: FoundFile, settings: Settings) -> SourceInfo:
        """Return size and output format from the header; corrupt files are reported when they are read."""

    @abstractmethod
    def guess(self, find: FoundFile, settings: Settings) -> SourceInfo:
        """Return the output format that follows from the name."""

    @abstractmethod
    def choose(self, settings: Settings, history: History, choose_device: DeviceChooser) -> ModelChoice:
        """Return the weights to use: those of the earlier run with the same options, if there is one."""

    @abstractmethod
    def open(self, choice: ModelChoice | None, settings: Settings) -> _Worker:
        """Load the weights of *choice* on this machine."""

    @abstractmethod
    def read(self, path: Path, settings: Settings) -> _Content:
        """Read a complete file, or raise UnreadableImage."""

    @abstractmethod
    def read_bytes(self, data: bytes, name: str, settings: Settings) -> _Content:
        """Read the content of a pipe."""

    def check(self, content: _Content, row: Format) -> None:
        """Raise UnwritableImage if this format cannot store what will be made of *content*."""

    @abstractmethod
    def make(
        self,
        content: _Content,
        settings: Settings,
        worker: _Worker,
        *,
        series: Series | None,
        listener: Listener,
        cancel: CancelToken,
    ) -> Outcome[_Result]:
        """Process *content*; stop within a tile of *cancel*."""

    @abstractmethod
    def write(self, outcome: Outcome[_Result], job: Job, settings: Settings) -> Outcome[_Result]:
        """Write the output atomically; return the outcome with notes on what its format cannot store."""

    @abstractmethod
    def row_of(self, content: _Content, settings: Settings) -> Format:
        """Return the format of an output without a name, for a pipe: that of the source or of the options."""

    @abstractmethod
    def encoded(self, outcome: Outcome[_Result], row: Format, settings: Settings) -> bytes:
        """Return the output as bytes, for a pipe."""

    def is_copy(self, outcome: Outcome[_Result], row: Format, settings: Settings) -> bool:  # noqa: ARG002
        """Return whether the output in this format is the source byte for byte."""
        return False

    @abstractmethod
    def try_alone(self, source: Path, target: Path) -> None:
        """Run the decoders and encoders that might crash on this file."""


class FromImages(BatchWork[Image, _Result, _Worker]):
    """Work that reads images."""

    def takes(self, name: Path) -> bool:
        """Return whether a file is an image, by its suffix or, without one, by its first bytes."""
        return looks_like_image(name)

    def read(self, path: Path, settings: Settings) -> Image:
        """Read the image."""
        return imageio.read(path, settings.read)

    def read_bytes(self, data: bytes, name: str, settings: Settings) -> Image:
        """Read an image from a pipe."""
        return imageio.read_bytes(data, name, settings.read)


class ToImages(BatchWork[_Content, Image, _Worker]):
    """Work that writes images."""

    def makes(self, target: Path) -> bool:
        """Return whether the suffix is that of an image."""
        return formats.is_image_name(target)

    def row(self, target: Path) -> Format:
        """Return the format of the suffix."""
        return layout.writable_row(target)

    def write(self, outcome: Outcome[Image], job: Job, settings: Settings) -> Outcome[Image]:
        """Write the image with its metadata and the times of the source."""
        imageio.write(outcome.result, job.target, settings.write)
        lost = imageio.losses(outcome.result, formats.by_suffix(job.target).key, settings.write)
        return dataclasses.replace(outcome, notes=tuple(dict.fromkeys((*outcome.notes, *lost))))

    def encoded(self, outcome: Outcome[Image], row: Format, settings: Settings) -> bytes:
        """Encode the image."""
        return imageio.encode(outcome.result, row.key, settings.write)
