"""The latents that each pass codes: one of the four positions of every 2 x 2 square, by channel group.

The same pattern as `networks.codec.context_model`, but without torch; a test compares them.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

PASSES = 4
_PLACES = ((0, 0), (1, 1), (0, 1), (1, 0))


@lru_cache(maxsize=8)
def masks(latents: int, height: int, width: int) -> NDArray[np.bool_]:
    """(4, latents, height, width): true where a pass codes."""
    found = np.zeros((PASSES, latents, height, width), bool)
    for number in range(PASSES):
        for group in range(PASSES):
            row, column = _PLACES[(number + group) % PASSES]
            found[number, group::PASSES, row::2, column::2] = True
    found.flags.writeable = False
    return found
