"""The noise that is removed before an image is encoded: none, at a given level, or by the estimate."""

from __future__ import annotations

from dataclasses import dataclass

from denoiser.engine.session import Session
from denoiser.events import CancelToken
from denoiser.image import Image


@dataclass(frozen=True, slots=True)
class Noise:
    """8-bit sigmas of luma and chroma, and the kind from 0 (white) to 1 (camera-like)."""

    luma: float
    chroma: float
    kind: float


def without_noise(
    image: Image, session: Session, level: float | None, cancel: CancelToken
) -> tuple[Image, Noise | None]:
    """*image* denoised by *session*, and the noise that was removed; None where nothing was."""
    cleaned = session.clean(image, cancel=cancel)
    if not cleaned.device:  # nothing was computed
        return image, None
    if cleaned.estimate is not None:
        estimate = cleaned.estimate
        return cleaned.image, Noise(estimate.luma, estimate.chroma, estimate.kind)
    return cleaned.image, Noise(level or 0.0, 0.0 if image.channels == 1 else level or 0.0, 0.0)
