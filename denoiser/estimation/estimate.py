"""The noise estimate of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class LevelAt:
    """The noise where a picture is about as bright as *brightness*, from 0 (black) to 1 (white)."""

    brightness: float
    luma: float
    chroma: float
    share: float  # of the picture that is as bright as this


@dataclass(frozen=True, slots=True, eq=False)
class NoiseEstimate:
    """How noisy a picture is. Sigmas are in 8-bit units; white RGB noise of sigma s gives s in luma and in chroma.

    A grey picture with noise of sigma s reads s in luma and 0 in chroma. ``kind`` runs from 0 (white) to 1
    (correlated, as cameras leave it).
    """

    luma: float
    chroma: float
    kind: float
    level_map: NDArray[np.float32]  # luma sigma, a value for each part of the picture that was looked at
    reason: str  # one line of explanation
    levels: tuple[LevelAt, ...] = ()  # from dark to bright; only where the picture shows them
    grey: bool = False

    @property
    def sigma(self) -> float:
        """One level for both: the root mean square over the three axes of colour, or luma of a grey picture."""
        return self.luma if self.grey else float(((self.luma**2 + 2 * self.chroma**2) / 3) ** 0.5)

    def as_values(self) -> dict[str, Any]:
        """Plain values for JSON, without the map."""
        return {
            "luma": self.luma,
            "chroma": self.chroma,
            "kind": self.kind,
            "grey": self.grey,
            "levels": [
                {"brightness": at.brightness, "luma": at.luma, "chroma": at.chroma, "share": at.share}
                for at in self.levels
            ],
            "reason": self.reason,
        }
