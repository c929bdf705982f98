"""Searches for the quality step of a target, and the cost of each effort."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

from denoiser.codec.entropy.tables import LEVELS


@dataclass(frozen=True, slots=True)
class Effort:
    """Gradient steps for each tile, and the quality steps that they are worth at equal PSNR."""

    steps: int
    worth: int


# Of efforts 1 to 9; measured on the photos of val: docs/experiments.md.
EFFORTS = (
    Effort(0, 0),
    Effort(1, 2),
    Effort(2, 3),
    Effort(3, 4),
    Effort(5, 5),
    Effort(8, 5),
    Effort(12, 6),
    Effort(20, 6),
    Effort(40, 6),
)

_LOWEST_PSNR, _PSNR_PER_STEP = 28.2, 0.16  # dB: of most photos at step 0, and its rise with each step
_MOST_TRIALS = 4  # refined encodings of a search for a size


def best_within(limit: float, size_at: Callable[[int], int]) -> int | None:
    """The highest step whose size is at most *limit*, or None. A binary search: sizes rise with the step."""
    count = bisect_right(range(LEVELS), limit, key=size_at)
    return count - 1 if count else None


def first_reaching(wanted: float, psnr_at: Callable[[int], float], guess: int | None = None) -> int | None:
    """The lowest step whose PSNR is at least *wanted*, or None; the returned step was measured.

    PSNR rises nearly linearly with the step, so two or three measurements are enough. *guess* is measured first.
    """
    found: dict[int, float] = {}
    below, reaching = -1, LEVELS
    step = round((wanted - _LOWEST_PSNR) / _PSNR_PER_STEP) if guess is None else guess
    while reaching - below > 1:
        step = min(max(step, below + 1), reaching - 1)
        found[step] = psnr_at(step)
        if found[step] >= wanted:
            reaching = step
        else:
            below = step
        rise = _rise(found, step)
        if rise <= 0:  # no line through the measured steps
            step = (below + reaching) // 2
            continue
        predicted = step + math.ceil((wanted - found[step]) / rise)
        if len(found) > 1 and predicted == reaching == step:
            break
        step = predicted
    return reaching if reaching < LEVELS else None


def _rise(found: dict[int, float], step: int) -> float:
    """PSNR per step, between *step* and the nearest other one; 0 if a value is infinite."""
    if not math.isfinite(found[step]):
        return 0.0
    others = [other for other in found if other != step]
    if not others:
        return _PSNR_PER_STEP
    other = min(others, key=lambda one: abs(one - step))
    rise = (found[step] - found[other]) / (step - other)
    return rise if math.isfinite(rise) else 0.0


def refined_within(
    limit: int, plain_size_at: Callable[[int], int], refined_size_at: Callable[[int], int], worth: int
) -> int | None:
    """The highest step found whose refined size is at most *limit*, or None if there is none.

    Plain sizes cost little; the ratio of both hardly depends on the step, so few refined sizes are needed.
    """
    start = best_within(limit, plain_size_at)
    step = max(0, (0 if start is None else start) - worth)
    sizes: dict[int, int] = {}
    while step not in sizes and len(sizes) < _MOST_TRIALS:
        sizes[step] = refined_size_at(step)
        ratio = sizes[step] / plain_size_at(step)
        step = best_within(limit / ratio, plain_size_at) or 0
    while all(size > limit for size in sizes.values()) and min(sizes) > 0:
        step = min(sizes) - 1
        sizes[step] = refined_size_at(step)
    return max((step for step, size in sizes.items() if size <= limit), default=None)
