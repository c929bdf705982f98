"""Integer frequency tables of symbols: built when weights are exported, stored with them, never recomputed.

A table lists the counts of the symbols −L … L and, last, of the escape; L is its half width. Counts sum to 2^16 and
none is zero, so that every symbol can be coded with every table. They are validated at construction.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from constriction import stream
from numpy.typing import NDArray

from denoiser.errors import InexactWeights

TOTAL = 1 << 16  # sum of the counts of a table
SCALES = 64  # tables for the symbols of an image, from the narrowest to the widest
WIDEST = 2048  # half width; escapes code larger values
LEVELS = 64  # quality steps

Counts = NDArray[np.uint16]
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class FrequencyTables:
    """A numbered list of tables. Raises InexactWeights if they are invalid. Thread-safe for reading."""

    counts: Counts  # (tables, 2·widest + 2): symbols −L … L, then the escape; zeros after it
    half_widths: NDArray[np.int32]  # (tables,)

    def __post_init__(self) -> None:
        half_widths = _whole(self.half_widths, "half widths", 1)
        counts = _whole(self.counts, "counts", 2)
        if not len(half_widths) or len(counts) != len(half_widths):
            raise InexactWeights(f"{len(counts)} rows of counts do not fit {len(half_widths)} half widths.")
        if half_widths.min() < 0 or half_widths.max() > WIDEST:
            raise InexactWeights(f"Half widths of tables are 0 to {WIDEST}.")
        if counts.shape[1] != 2 * half_widths.max() + 2:
            raise InexactWeights("The rows of counts do not have the length of the widest table.")
        used = np.arange(counts.shape[1]) < (2 * half_widths + 2)[:, np.newaxis]
        if (counts[used] < 1).any() or (counts[~used] != 0).any():
            raise InexactWeights("A table has a symbol that cannot be coded, or counts beyond its end.")
        if (counts.sum(axis=1) != TOTAL).any():
            raise InexactWeights(f"The counts of a table do not sum to {TOTAL}.")
        object.__setattr__(self, "counts", _frozen(counts.astype(np.uint16)))
        object.__setattr__(self, "half_widths", _frozen(half_widths.astype(np.int32)))

    def __len__(self) -> int:
        return len(self.half_widths)

    def row(self, number: int) -> Counts:
        """The counts of one table, without padding."""
        row: Counts = self.counts[number, : 2 * int(self.half_widths[number]) + 2]
        return row

    def model(self, number: int) -> stream.model.Categorical:
        """One table for the range coder; made at first use."""
        model = self._models.get(number)
        if model is None:
            # `perfect` is explicit because its default differs between versions, and files depend on it.
            model = self._models[number] = stream.model.Categorical(
                self.row(number).astype(np.float64), perfect=False
            )
        return model

    @cached_property
    def bits(self) -> NDArray[np.float64]:
        """Bits of each symbol, in the layout of the counts; an escape costs 16 more. For estimates."""
        return np.log2(TOTAL / np.maximum(self.counts, 1).astype(np.float64))

    @cached_property
    def _models(self) -> dict[int, stream.model.Categorical]:
        return {}


@dataclass(frozen=True, eq=False)
class ScaleTables(FrequencyTables):
    """The 64 tables for the symbols of an image; each symbol has an index that is computed with integers."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self) != SCALES:
            raise InexactWeights(f"There are {SCALES} tables of scales, not {len(self)}.")


@dataclass(frozen=True, eq=False)
class HyperTables(FrequencyTables):
    """Tables for the hyper symbols: one per channel, in sets; each quality step names its set."""

    set_of_level: NDArray[np.int32]  # (64,)

    def __post_init__(self) -> None:
        super().__post_init__()
        sets = _whole(self.set_of_level, "sets of the quality steps", 1)
        if len(sets) != LEVELS or sets.min() < 0 or len(self) % (int(sets.max()) + 1):
            raise InexactWeights(f"{len(self)} tables do not divide into sets for {LEVELS} quality steps.")
        object.__setattr__(self, "set_of_level", _frozen(sets.astype(np.int32)))

    @cached_property
    def channels(self) -> int:
        return len(self) // (int(self.set_of_level.max()) + 1)

    def numbers(self, level: int) -> range:
        """The tables of a quality step, one for each channel."""
        first = int(self.set_of_level[level]) * self.channels
        return range(first, first + self.channels)


@dataclass(frozen=True, eq=False)
class CodingTables:
    """All tables of one codec: those of its symbols and those of its hyper symbols."""

    scales: ScaleTables
    hyper: HyperTables

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> CodingTables:
        """Built from the arrays of a weights file; raises InexactWeights if anything is invalid."""
        try:
            scales = ScaleTables(arrays["scales.counts"], arrays["scales.half_widths"])
            hyper = HyperTables(arrays["hyper.counts"], arrays["hyper.half_widths"], arrays["hyper.set_of_level"])
        except KeyError as error:
            raise InexactWeights(f"The tables lack {error.args[0]!r}.") from error
        return cls(scales, hyper)

    def arrays(self) -> Arrays:
        """Named arrays for a weights file."""
        return dict(self._named())

    @cached_property
    def digest(self) -> str:
        """SHA-256 over names, shapes and numbers, independent of the machine's byte order."""
        total = hashlib.sha256()
        for name, array in self._named():
            total.update(f"{name} {array.shape}\n".encode())
            total.update(array.astype("<i4").tobytes())
        return total.hexdigest()

    def _named(self) -> Iterator[tuple[str, NDArray[Any]]]:
        yield "scales.counts", self.scales.counts
        yield "scales.half_widths", self.scales.half_widths
        yield "hyper.counts", self.hyper.counts
        yield "hyper.half_widths", self.hyper.half_widths
        yield "hyper.set_of_level", self.hyper.set_of_level


def _whole(array: NDArray[Any], what: str, dimensions: int) -> NDArray[np.int64]:
    if not np.issubdtype(array.dtype, np.integer) or array.ndim != dimensions:
        raise InexactWeights(f"The {what} of tables must be integers in {dimensions} dimensions.")
    return array.astype(np.int64)


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array


NARROWEST, BROADEST = 0.11, 32.0  # standard deviations of the first table and the last
_REACH = 5.0  # standard deviations that a table covers; an escape comes once in two million symbols
_LEAST_HALF_WIDTH = 2  # rare symbols of ±1 and ±2 would cost 32 bits as escapes


def scales() -> NDArray[np.float64]:
    """The standard deviations of the 64 tables, in a geometric series."""
    return np.geomspace(NARROWEST, BROADEST, SCALES)


def scale_tables() -> ScaleTables:
    """Tables of normal distributions around zero, rounded to integers."""
    rows = [_normal(float(scale)) for scale in scales()]
    return ScaleTables(*_stacked(rows))


def hyper_tables(probabilities: NDArray[np.float64], set_of_level: NDArray[np.integer]) -> HyperTables:
    """Tables for hyper symbols from *probabilities* (sets, channels, 2L + 1) of the symbols −L … L.

    The rest of each row, and outer symbols with less than one count, are coded by the escape.
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
    return counts.astype(np.uint16), np.array([len(row) // 2 - 1 for row in rows], np.int32)
