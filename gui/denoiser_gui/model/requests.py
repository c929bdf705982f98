"""Requests and results between the window and the worker threads: frozen values with a generation.

Events from the engine thread arrive in order.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from denoiser.errors import DenoiserError
from denoiser.events import CancelToken
from denoiser.image import Image, Pixels
from denoiser.options import DenoiseOptions
from denoiser_gui.model.picture import Picture
from denoiser_gui.model.viewport import Area, Viewport

if TYPE_CHECKING:
    from denoiser.engine import Cleaned
    from denoiser.engine.session import Session
    from denoiser.estimation import NoiseEstimate


Screen = NDArray[np.uint8]  # (H, W, 4): blue, green, red, 255

LOOK = ("strength", "colour_noise", "detail", "grain")  # all other options need the model


class View(Enum):
    """What the panes compare."""

    SIDE_BY_SIDE = "side-by-side"
    SPLIT = "split"
    DIFFERENCE = "difference"
    TRUST = "trust"


class State(Enum):
    """State of the displayed pixels."""

    WAITING = "waiting"  # the source is shown instead
    DRAFT = "draft"
    EXACT = "exact"  # pixel for pixel what would be saved
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ReplacementImage:
    """An image shown in a pane instead of the photo, of the same size."""

    label: str
    image: Image


@dataclass(frozen=True, slots=True, eq=False)
class PreviewRequest:
    """What to show: photo, options, visible part, and view."""

    generation: int
    picture: Picture
    options: DenoiseOptions
    viewport: Viewport
    view: View = View.SIDE_BY_SIDE
    left: ReplacementImage | None = None
    right: ReplacementImage | None = None
    screen: bytes | None = None  # display profile; None for sRGB

    @property
    def inference(self) -> DenoiseOptions:
        """The options that need the model; requests with equal ones share its work."""
        return inference_of(self.options)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A rendered view, with the values behind it for the pixel readout."""

    request: PreviewRequest
    state: State
    area: Area  # the visible part of the photo
    left: Screen
    right: Screen
    left_values: Pixels  # in the bit depth of the photo, at screen size
    right_values: Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Overview:
    """The whole photo at small size, drawn where the frame does not reach yet, and its histograms."""

    request: PreviewRequest
    left: Screen
    right: Screen
    before: NDArray[np.float32]  # (3, bins), each summing to 1
    after: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """What the engine is doing, for the status line."""

    state: State
    model: str = ""
    device: str = ""
    precision: str = ""
    tile: int = 0
    reason: str = ""  # why this device and precision
    progress: float = 0.0  # of the whole photo, 0 to 1
    seconds_per_megapixel: float = 0.0
    shown_megapixels: float = 0.0
    shown_seconds: float = 0.0  # from the request to the exact view
    photo: int = 0  # key of the photo
    kept_share: float | None = None  # of the photo, kept as in the source; None until the photo is complete


def inference_of(options: DenoiseOptions) -> DenoiseOptions:
    """*options* without the look, which is applied after inference."""
    return dataclasses.replace(options, strength=1.0, colour_noise=1.0, detail=0.0, grain=0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """A denoised photo to be written, with the model and device that produced it."""

    source: Image
    cleaned: Cleaned
    model_name: str
    model_digest: str
    device: str
    precision: str


def finished(source: Image, cleaned: Cleaned, session: Session) -> Finished:
    """Combine a result with the name of its model."""
    return Finished(source, cleaned, session.model_name, session.model_digest, session.device, session.precision)


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
