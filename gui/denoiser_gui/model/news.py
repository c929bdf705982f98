"""What the engine's thread tells the window: plain values, in the order in which things happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from denoiser.errors import DenoiserError
from denoiser.events import CancelToken
from denoiser.options import DenoiseOptions
from denoiser_gui.model.picture import Picture
from denoiser_gui.model.requests import Doing

if TYPE_CHECKING:
    from denoiser.estimation import NoiseEstimate
    from denoiser_gui.model.cleaning import Finished


@dataclass(eq=False, slots=True)
class Wish:
    """A photo that is wanted whole, to be saved or encoded."""

    picture: Picture
    options: DenoiseOptions
    cancel: CancelToken = field(default_factory=CancelToken)


@dataclass(frozen=True, slots=True, eq=False)
class Estimated:
    """The noise of a photo was measured."""

    key: int
    estimate: NoiseEstimate


@dataclass(frozen=True, slots=True, eq=False)
class Advanced:
    """Something new is there to be seen of the photo that is looked at."""

    key: int
    doing: Doing


@dataclass(frozen=True, slots=True, eq=False)
class Reached:
    """All that a request wants to see was there already."""

    key: int
    doing: Doing


@dataclass(frozen=True, slots=True, eq=False)
class Broken:
    """The photo that is looked at cannot be cleaned like that."""

    key: int
    error: DenoiserError


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A photo that was to be made whole is; *finished* is what to write."""

    wish: Wish
    finished: Finished


@dataclass(frozen=True, slots=True, eq=False)
class Unmade:
    """A photo that was to be made whole could not be."""

    wish: Wish
    error: DenoiserError


@dataclass(frozen=True, slots=True, eq=False)
class Wished:
    """How far a wish is, 0 to 1."""

    wish: Wish
    progress: float


News = Estimated | Advanced | Reached | Broken | Made | Unmade | Wished
Told = Callable[[News], None]
