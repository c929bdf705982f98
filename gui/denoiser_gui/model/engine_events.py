"""Events from the engine thread to the window: frozen values, in order."""

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
    """Denoise a whole photo, to save or encode it."""

    picture: Picture
    options: DenoiseOptions
    cancel: CancelToken = field(default_factory=CancelToken)


@dataclass(frozen=True, slots=True, eq=False)
class NoiseEstimated:
    """The noise of a photo was estimated."""

    key: int
    estimate: NoiseEstimate


@dataclass(frozen=True, slots=True, eq=False)
class PreviewAdvanced:
    """The preview of the current photo has new pixels."""

    key: int
    doing: EngineStatus


@dataclass(frozen=True, slots=True, eq=False)
class PreviewReached:
    """The view was already complete when it was requested."""

    key: int
    doing: EngineStatus


@dataclass(frozen=True, slots=True, eq=False)
class PreviewFailed:
    """The current photo cannot be processed with these options."""

    key: int
    error: DenoiserError


@dataclass(frozen=True, slots=True, eq=False)
class ExportDone:
    """An export is complete; *finished* is the photo to write."""

    export: ExportRequest
    finished: Finished


@dataclass(frozen=True, slots=True, eq=False)
class ExportFailed:
    """An export failed."""

    export: ExportRequest
    error: DenoiserError


@dataclass(frozen=True, slots=True, eq=False)
class ExportProgress:
    """Progress of an export, 0 to 1."""

    export: ExportRequest
    progress: float


EngineEvent = (
    NoiseEstimated | PreviewAdvanced | PreviewReached | PreviewFailed | ExportDone | ExportFailed | ExportProgress
)
Listener = Callable[[EngineEvent], None]
