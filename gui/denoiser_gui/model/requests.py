"""Requests and results between the window and the worker threads: immutable values.

Events from the engine thread arrive in order.
"""

from __future__ import annotations

import dataclasses
import math
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
from denoiser.tiling import Region
from denoiser_gui.model.mask import Mask
from denoiser_gui.model.pyramid import ImagePyramid
from denoiser_gui.model.viewport import Viewport

if TYPE_CHECKING:
    from denoiser.engine.canvas import Cleaned
    from denoiser.engine.session import Session
    from denoiser.estimation.estimate import NoiseEstimate


GAINS = (1, 2, 4, 8, 16)  # by which the difference is amplified
DEFAULT_GAIN = 4
Screen = NDArray[np.uint8]  # (H, W, 4): blue, green, red, 255


class View(Enum):
    """What the panes compare."""

    SIDE_BY_SIDE = "side-by-side"
    STACKED = "stacked"
    SPLIT = "split"
    CLEAN = "clean"
    DIFFERENCE = "difference"
    TRUST = "trust"

    @property
    def has_two_panes(self) -> bool:
        """Whether there is a pane for each image; otherwise one pane shows both, or the result alone."""
        return self in (View.SIDE_BY_SIDE, View.STACKED)


# Of the tint where structure may have been removed: red, green, blue.
TRUST_COLOURS = {"amber": (217, 164, 65), "red": (224, 62, 54), "green": (64, 190, 90), "blue": (70, 140, 240)}


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
    pyramid: ImagePyramid
    options: DenoiseOptions
    viewport: Viewport
    view: View = View.SIDE_BY_SIDE
    left: ReplacementImage | None = None
    right: ReplacementImage | None = None
    display_profile: bytes | None = None  # None for sRGB
    gain: int = DEFAULT_GAIN  # of the difference
    trust_colour: str = "amber"  # a key of TRUST_COLOURS
    snapshot: DenoiseOptions | None = None  # the left image has these options instead of being the source
    mask: Mask | None = None
    snapshot_mask: Mask | None = None

    @property
    def of_snapshot(self) -> PreviewRequest | None:
        """The same request with the options of the snapshot."""
        if self.snapshot is None:
            return None
        values = {"options": self.snapshot, "mask": self.snapshot_mask, "snapshot": None, "view": View.CLEAN}
        return dataclasses.replace(self, **values)  # type: ignore[arg-type]

    @property
    def inference(self) -> DenoiseOptions:
        """The options that need the model; requests with equal ones share its work."""
        return inference_of(self.options)


def inference_of(options: DenoiseOptions) -> DenoiseOptions:
    """*options* without the look, which is applied after inference."""
    return dataclasses.replace(options, strength=1.0, colour_noise=1.0, detail=0.0, grain=0.0)


@dataclass(frozen=True, slots=True, eq=False)
class PreviewFrame:
    """A rendered view, with the values behind it for the pixel readout."""

    request: PreviewRequest
    state: State
    region: Region  # the visible part of the photo
    left: Screen
    right: Screen
    left_values: Pixels  # in the bit depth of the photo, at screen size
    right_values: Pixels
    left_state: State | None = None  # of a snapshot; None for the source
    trust: NDArray[np.float32] | None = None  # per pixel of the screen, 0 to 1; only in the view of trust

    def values_at(self, x: float, y: float) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        """Values before and after denoising at a point of the photo; None outside the frame."""
        at = self._pixel_at(x, y)
        if at is None:
            return None
        return tuple(map(float, self.left_values[at])), tuple(map(float, self.right_values[at]))

    def trust_at(self, x: float, y: float) -> float | None:
        """Trust at a point of the photo; None outside the frame and in other views."""
        at = self._pixel_at(x, y)
        return None if at is None or self.trust is None else float(self.trust[at])

    def _pixel_at(self, x: float, y: float) -> tuple[int, int] | None:
        region = self.region
        if not region.contains(Region(math.floor(y), math.floor(x), 1, 1)):
            return None
        height, width = self.left_values.shape[:2]
        row = min(height - 1, int((y - region.top) * height / region.height))
        return row, min(width - 1, int((x - region.left) * width / region.width))


@dataclass(frozen=True, slots=True, eq=False)
class Overview:
    """The whole photo at small size, drawn where the frame does not reach yet, its histograms, and clipped shares.

    A pixel is clipped if one of its channels is black or white.
    """

    request: PreviewRequest
    left: Screen
    right: Screen
    before: NDArray[np.float32]  # (3, bins), each summing to 1
    after: NDArray[np.float32]
    clipped_before: tuple[float, float] = (0.0, 0.0)  # shares of the pixels, in shadows and highlights
    clipped_after: tuple[float, float] = (0.0, 0.0)


@dataclass(eq=False, slots=True)
class FinishedPhoto:
    """A denoised photo to be written. It is used as the cleaner of the batch code, which embeds the record."""

    source: Image
    cleaned: Cleaned
    model_name: str
    model_digest: str
    device: str
    precision: str

    @classmethod
    def by(cls, session: Session, source: Image, cleaned: Cleaned) -> FinishedPhoto:
        """The result of a session, with the name of its model."""
        return cls(source, cleaned, session.model_name, session.model_digest, session.device, session.precision)

    def clean(self, *_: object, **__: object) -> Cleaned:
        """The finished result, without computing anything."""
        return self.cleaned

    def for_model(self, _name: str) -> FinishedPhoto:
        """This result, whatever the name."""
        return self


@dataclass(eq=False, slots=True)
class ExportRequest:
    """Denoise a whole photo, to save or encode it. The callbacks are called in the GUI thread."""

    pyramid: ImagePyramid
    options: DenoiseOptions
    done: Callable[[FinishedPhoto], None] = lambda _: None
    failed: Callable[[DenoiserError], None] = lambda _: None
    progress: Callable[[float], None] = lambda _: None
    cancel: CancelToken = field(default_factory=CancelToken)
    mask: Mask | None = None


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """What the engine is doing, for the status line. As an event: the preview of the photo made progress."""

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
    has_new_pixels: bool = True  # false if the view was already complete when it was requested


@dataclass(frozen=True, slots=True, eq=False)
class PixelsArrived:
    """Event: there are new pixels for a view other than the main one."""

    key: int


@dataclass(frozen=True, slots=True, eq=False)
class NoiseEstimated:
    """Event: the noise of a photo was estimated."""

    key: int
    estimate: NoiseEstimate


@dataclass(frozen=True, slots=True, eq=False)
class PreviewFailed:
    """Event: the current photo cannot be processed with these options."""

    key: int
    error: DenoiserError


@dataclass(frozen=True, slots=True, eq=False)
class ExportEvent:
    """Event: an export progressed, 0 to 1, ended with a finished photo, or failed."""

    export: ExportRequest
    progress: float = 1.0
    finished: FinishedPhoto | None = None
    error: DenoiserError | None = None

    def report(self) -> None:
        """Call the callback of the request."""
        if self.error is not None:
            self.export.failed(self.error)
        elif self.finished is not None:
            self.export.done(self.finished)
        else:
            self.export.progress(self.progress)


EngineEvent = NoiseEstimated | PixelsArrived | EngineStatus | PreviewFailed | ExportEvent
Listener = Callable[[EngineEvent], None]
