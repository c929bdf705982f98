"""Builds the tables when weights are exported: probabilities in double, then counts that sum to 2^16.

The result is stored. Nothing here runs when a file is written or read, because `erf` may differ between machines.
"""

from __future__ import annotations

import heapq
import math

import numpy as np
from numpy.typing import NDArray

from denoiser.codec.entropy.tables import LEVELS, SCALES, TOTAL, FrequencyTables, HyperTables, ScaleTables
from denoiser.errors import InexactWeights

NARROWEST, BROADEST = 0.11, 32.0  # standard deviations of the first table and the last
_REACH = 5.0  # standard deviations that a table covers; an escape comes once in two million symbols
_LEAST_HALF_WIDTH = 2  # a symbol that is nearly always zero may still be one, and an escape costs 32 bits


def scales() -> NDArray[np.float64]:
    """The standard deviations of the 64 tables, each the same factor above the one before."""
    return np.geomspace(NARROWEST, BROADEST, SCALES)


def scale_tables() -> ScaleTables:
    """Tables of normal distributions around zero, rounded to integers."""
    rows = [_normal(float(scale)) for scale in scales()]
    return ScaleTables(*_stacked(rows))


def hyper_tables(probabilities: NDArray[np.float64], set_of_level: NDArray[np.integer]) -> HyperTables:
    """Tables for hyper symbols from *probabilities* (sets, channels, 2L + 1) of the symbols −L … L.

    What a row lacks to one is left to the escape, and so are symbols at the rim that would not get a whole count.
    """
    if probabilities.ndim != 3 or probabilities.shape[2] % 2 == 0 or not np.isfinite(probabilities).all():
        raise InexactWeights("Hyper tables are made from finite probabilities (sets, channels, 2L + 1).")
    rows = [_trimmed(row) for row in probabilities.reshape(-1, probabilities.shape[2]).astype(np.float64)]
    return HyperTables(*_stacked(rows), np.asarray(set_of_level).reshape(LEVELS))


def counts_of(probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    """Counts ≥ 1 that sum to 2^16 and cost the fewest bits for symbols of these probabilities."""
    wanted = np.maximum(probabilities, 0)
    wanted = wanted / wanted.sum() * TOTAL
    counts: NDArray[np.int64] = np.maximum(np.rint(wanted), 1).astype(np.int64)
    surplus = int(counts.sum()) - TOTAL
    step = -1 if surplus > 0 else 1
    # The next count that changes is the one whose change costs least (or gains most); ties go to the first.
    queue = [(_price(wanted[i], counts[i], step), i) for i in range(len(counts)) if counts[i] + step >= 1]
    heapq.heapify(queue)
    for _ in range(abs(surplus)):
        _, i = heapq.heappop(queue)
        counts[i] += step
        if counts[i] + step >= 1:
            heapq.heappush(queue, (_price(wanted[i], counts[i], step), i))
    return counts


def _price(wanted: float, count: int, step: int) -> float:
    return wanted * math.log(count / (count + step))


def _normal(scale: float) -> NDArray[np.int64]:
    half_width = max(_LEAST_HALF_WIDTH, math.ceil(_REACH * scale))
    symbols = np.arange(-half_width, half_width + 1)
    # erfc keeps precision in the upper tail, where 1 − erf would lose it.
    tails = np.array([math.erfc((k - 0.5) / scale / math.sqrt(2)) / 2 for k in range(half_width + 2)])
    inner = tails[:-1] - tails[1:]
    inner[0] = 1 - 2 * tails[1]
    return counts_of(np.append(inner[np.abs(symbols)], 2 * tails[-1]))


def _trimmed(row: NDArray[np.float64]) -> NDArray[np.int64]:
    middle = len(row) // 2
    often = np.nonzero(row * TOTAL >= 1)[0]
    half_width = int(np.abs(often - middle).max(initial=0))
    inner = np.maximum(row[middle - half_width : middle + half_width + 1], 0)
    return counts_of(np.append(inner, max(1 - inner.sum(), 0)))


def _stacked(rows: list[NDArray[np.int64]]) -> tuple[NDArray[np.uint16], NDArray[np.int32]]:
    counts = np.zeros((len(rows), max(map(len, rows))), np.int64)
    for number, row in enumerate(rows):
        counts[number, : len(row)] = row
    half_widths = np.array([len(row) // 2 - 1 for row in rows])
    tables = FrequencyTables(counts.astype(np.uint16), half_widths.astype(np.int32))
    return tables.counts, tables.half_widths
