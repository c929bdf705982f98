"""What the engine's thread tells the window: plain values, in the order in which things happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from denoiser.errors import DenoiserError
from denoiser.events import CancelToken
from denoiser.options import DenoiseOptions
from denoiser_gui.model.picture import Picture
from denoiser_gui.model.requests import EngineStatus

if TYPE_CHECKING:
    from denoiser.estimation import NoiseEstimate
    from denoiser_gui.model.cleaning import Finished


@dataclass(eq=False, slots=True)
class ExportRequest:
    """A photo that is wanted whole, to be saved or encoded."""

    picture: Picture
    options: DenoiseOptions
    cancel: CancelToken = field(default_factory=CancelToken)


@dataclass(frozen=True, slots=True, eq=False)
class NoiseEstimated:
    """The noise of a photo was measured."""

    key: int
    estimate: NoiseEstimate


@dataclass(frozen=True, slots=True, eq=False)
class PreviewAdvanced:
    """Something new is there to be seen of the photo that is looked at."""

    key: int
    doing: EngineStatus


@dataclass(frozen=True, slots=True, eq=False)
class PreviewReached:
    """All that a request wants to see was there already."""

    key: int
    doing: EngineStatus


@dataclass(frozen=True, slots=True, eq=False)
class PreviewFailed:
    """The photo that is looked at cannot be cleaned like that."""

    key: int
    error: DenoiserError


@dataclass(frozen=True, slots=True, eq=False)
class ExportDone:
    """A photo that was to be made whole is; *finished* is what to write."""

    export: ExportRequest
    finished: Finished


@dataclass(frozen=True, slots=True, eq=False)
class ExportFailed:
    """A photo that was to be made whole could not be."""

    export: ExportRequest
    error: DenoiserError


@dataclass(frozen=True, slots=True, eq=False)
class ExportProgress:
    """How far a export is, 0 to 1."""

    export: ExportRequest
    progress: float


EngineEvent = (
    NoiseEstimated | PreviewAdvanced | PreviewReached | PreviewFailed | ExportDone | ExportFailed | ExportProgress
)
Listener = Callable[[EngineEvent], None]
