"""Progress events of the training of the noise estimator."""

from __future__ import annotations

import math
import time

from denoiser.events import Listener, TrainingProgress
from denoiser.options import EstimatorOptions

_TELL_EVERY = 10.0  # seconds
_STEP = 0.15  # of the time that a crop takes


class EstimatorProgress:
    """Tells *listener* of crops that became lessons and of steps that were learned, as parts of one work.

    *made* crops were there before; their time does not count towards the time left.
    """

    def __init__(self, listener: Listener, options: EstimatorOptions, made: int) -> None:
        self._listener, self._options = listener, options
        self._before = min(made, options.crops)
        self._began = time.monotonic()
        self._told = -math.inf

    def made(self, crops: int) -> None:
        """So many crops are lessons."""
        wanted = self._options.crops
        crops = min(crops, wanted)
        self._tell(crops, 0, math.nan, f"lessons from {crops:,} of {wanted:,} crops", last=crops == wanted)

    def learned(self, step: int, loss: float) -> None:
        """So many steps are done, the last ones with this mean loss."""
        wanted = self._options.steps
        note = f"step {step:,} of {wanted:,}, loss {loss:.3f}"
        self._tell(self._options.crops, step, loss, note, last=step == wanted)

    def _tell(self, crops: int, step: int, loss: float, note: str, *, last: bool) -> None:
        now = time.monotonic()
        if now - self._told < _TELL_EVERY and not last:
            return
        self._told = now
        done, whole = crops + _STEP * step, self._options.crops + _STEP * self._options.steps
        left = (now - self._began) / max(done - self._before, 1) * (whole - done)
        self._listener(
            TrainingProgress(
                step=step,
                loss=loss,
                fraction=done / whole,
                seconds_left=left,
                megapixels_per_second=math.nan,
                note=f"{note}; about {math.ceil(left / 60)} min left" if left >= 1 else note,
            )
        )
