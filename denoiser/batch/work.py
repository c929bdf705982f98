"""What a run does with each of its files, as a value: cleaning is one kind, encoding and decoding are others.

Plan, runner, trial and faces walk one road and ask the work at each step of it; `works` says which one is meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from denoiser.batch.discover import Find
from denoiser.batch.history import DeviceChooser, History
from denoiser.batch.layout import Job, Sighting
from denoiser.batch.settings import Choice, Settings
from denoiser.events import CancelToken, Listener
from denoiser.imageio.formats import Format

if TYPE_CHECKING:
    from denoiser.estimation import Series


@dataclass(frozen=True, slots=True)
class Words:
    """How a kind of work is spoken of."""

    verb: str  # "clean"
    done: str  # "cleaned"
    takes: str  # "picture": what is looked for in folders
    makes: str  # "clean pictures"
    known: str  # what people should know who point at none
    example: str  # a call, which ends with the folder that its results go to
    pipes: tuple[str, str]  # from a pipe, and into one

    @property
    def folder(self) -> str:
        """That folder: "./clean"."""
        return self.example.rpartition(" ")[2]


class Worker(Protocol):
    """Processes files one after another, with its weights loaded."""

    model_name: str
    model_digest: str
    device: str
    precision: str


class Content(Protocol):
    """What was read of a source."""

    @property
    def megapixels(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is ready to be written, and what made it so; *kept* ones were left as they are."""

    result: Any
    megapixels: float
    facts: Mapping[str, Any]
    notes: tuple[str, ...]
    kept: bool = False


class Work(Protocol):
    """One kind of work. A value without state: any thread, any number of runs."""

    words: Words

    def refuse(self, settings: Settings) -> None:
        """UsageError where what was asked does not fit together."""

    def takes(self, name: Path) -> bool:
        """Whether a file of this name is taken when a folder is walked."""

    def makes(self, target: Path) -> bool:
        """Whether an output may have this name."""

    def row(self, target: Path) -> Format:
        """The row of an output with this name; UsageError where nothing is written under such a name."""

    def sight(self, find: Find, settings: Settings) -> Sighting:
        """A source as its header describes it; a broken one fails later, when it is read."""

    def choose(self, settings: Settings, history: History, choose_device: DeviceChooser) -> Choice:
        """The weights that are used, or are to be used again."""

    def open(self, choice: Choice | None, settings: Settings) -> Worker:
        """The worker of this machine with the weights of *choice*."""

    def read(self, path: Path, settings: Settings) -> Content:
        """What is in a file: whole or refused."""

    def read_bytes(self, data: bytes, name: str, settings: Settings) -> Content:
        """The same from a pipe."""

    def make(
        self,
        content: Any,
        settings: Settings,
        worker: Any,
        *,
        series: Series | None,
        listener: Listener,
        cancel: CancelToken,
    ) -> Outcome:
        """What becomes of it; stops within a tile of *cancel*."""

    def write(self, outcome: Outcome, job: Job, settings: Settings) -> tuple[str, ...]:
        """Writes the output, whole or not at all; returns in words what it could not hold."""

    def encoded(self, outcome: Outcome, content: Any, settings: Settings) -> bytes:
        """The output as bytes, for a pipe."""

    def try_alone(self, source: Path, target: Path) -> None:
        """Does what may take a process down: whatever codecs of others do with the file."""
