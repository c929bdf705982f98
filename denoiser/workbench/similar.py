"""Finds duplicates and look-alikes in a table of embedded images.

    duplicates    copies of one photo: resized, recompressed, cropped by up to a tenth, recoloured, turned, denoised
    look-alikes   other photos of the same scene or of the same kind; nothing of them is superfluous

Copies are found by small grey images. Each is compared with all others, cropped in 16 ways and turned, by matrix
products; the best candidates are aligned and their fine structure is correlated. Look-alikes are close in the space
of the encoder, or have partly the same fine structure.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from denoiser.events import CancelToken, Listener, TileDone, ignore
from denoiser.workbench.alignment import agreement, coarse_agreement
from denoiser.workbench.analysis import Points, feature_space, needs_workbench
from denoiser.workbench.embedding import GREY, import_pandas

if TYPE_CHECKING:
    from pandas import DataFrame

DUPLICATES, LOOK_ALIKES = "duplicates", "look-alikes"
# Thresholds, chosen on 1,176 copies of 84 photos beside 442 photos and 384 photos that imitate bursts.
_CANDIDATE = 0.9  # correlation of coarse grey images, the best of all crops and turns
_ROUGHLY = 0.85  # correlation after a rough alignment
_COPY = 0.85  # correlation of fine structure: copies 0.85 to 1, other photos up to 0.3, bursts between
_SAME_SCENE = 0.4
_NEARLY = 0.25  # difference in detail of images that count as equally good
_NOISY = 10  # level on the 0–255 scale that counts like half the pixels
_CLOSE = 0.65  # cosine in the space of the encoder
_MOST_CANDIDATES = 8  # of each image; copies of copies are joined anyway
_CUT = 5  # of 64 pixels, for the cropped versions
_COARSE = 8
_BLOCK = 512  # images that are compared with all others at a time
_PAIRS = 256  # that are aligned at a time

Pairs = NDArray[np.int64]  # (n, 2), the smaller index first


@needs_workbench
def find_similar(table: DataFrame, *, listener: Listener = ignore, cancel: CancelToken | None = None) -> DataFrame:
    """Groups of similar images in a table of `embed`, largest first.

    The result has a row for each image of a group: group (from 1), kind ("duplicates" or "look-alikes"), path,
    keep, width, height, sharpness, similarity (to the first of the group, at most 1), and row, its number in the
    table. *keep* is False for duplicates of a better one: more pixels and sharper, or older if nearly equal. Groups
    of look-alikes have one image of each group of duplicates.
    """
    space = feature_space(table)
    pairs, scores = _compared(table, listener, cancel or CancelToken())
    same = scores >= _COPY
    if len(pairs):
        same &= ~_taken_at_different_times(table, pairs)
    best = _best_of_each(table, pairs[same])
    rows = _grouped(DUPLICATES, 1, best, _correlation(pairs[same], scores[same]))

    alike = np.concatenate([pairs[~same & (scores >= _SAME_SCENE)], _close(space)])
    shown = _best_of_each(table, best[alike])
    is_best = best == np.arange(len(best))
    more = rows[-1][0] + 1 if rows else 1
    rows += _grouped(
        LOOK_ALIKES, more, np.where(is_best, shown, -1), lambda row, first: float(space[row] @ space[first])
    )
    return _as_table(table, rows)


@needs_workbench
def find_like(table: DataFrame, query: int, count: int = 10) -> DataFrame:
    """The images most similar to the one in row *query*: its copies, then the nearest in the space of the encoder.

    The columns are those of `find_similar`; *kind* is "duplicates", "look-alikes", or empty for other neighbours.
    """
    space = feature_space(table)
    near = space @ space[query]
    others = [row for row in range(len(table)) if row != query]
    pairs, scores = _compared(table, ignore, CancelToken(), only=query)
    found = {int(pair[pair != query][0]): float(score) for pair, score in zip(pairs, scores, strict=True)}
    copies = [row for row in others if found.get(row, 0.0) >= _COPY]
    rest = sorted((row for row in others if row not in copies), key=lambda row: (-near[row], row))[:count]
    kinds = [LOOK_ALIKES if near[row] >= _CLOSE or found.get(row, 0.0) >= _SAME_SCENE else "" for row in rest]
    rows = [(1, DUPLICATES, True, 1.0, query)]
    rows += [(1, DUPLICATES, True, found[row], row) for row in sorted(copies, key=lambda row: -found[row])]
    rows += [(1, kind, True, float(near[row]), row) for kind, row in zip(kinds, rest, strict=True)]
    return _as_table(table, rows)


@needs_workbench
def neighbours(space: Points, count: int) -> NDArray[np.int64]:
    """The rows (n, count) nearest to each row, nearest first, without itself."""
    count = min(count, len(space) - 1)
    found = np.zeros((len(space), max(count, 0)), np.int64)
    lengths = np.square(space).sum(1)
    for top in range(0, len(space) if count > 0 else 0, _BLOCK):
        distances = lengths - 2 * space[top : top + _BLOCK] @ space.T
        distances[np.arange(len(distances)), np.arange(top, top + len(distances))] = np.inf
        nearest = np.argpartition(distances, count - 1, axis=1)[:, :count]
        order = np.argsort(np.take_along_axis(distances, nearest, 1), axis=1, kind="stable")
        found[top : top + _BLOCK] = np.take_along_axis(nearest, order, 1)
    return found


def _compared(
    table: DataFrame, listener: Listener, cancel: CancelToken, only: int | None = None
) -> tuple[Pairs, NDArray[np.float32]]:
    """Pairs of images that may be copies, and the correlation of their fine structure."""
    if len(table) < 2:
        return np.zeros((0, 2), np.int64), np.zeros(0, np.float32)
    grey = torch.from_numpy(np.frombuffer(b"".join(table["grey"]), np.uint8).reshape(-1, 1, GREY, GREY).copy())
    found: dict[tuple[int, int], int] = {}
    rows = range(len(grey)) if only is None else range(only, only + 1)
    for block in _candidates(grey, rows):
        cancel.raise_if_cancelled()
        found |= block
    pairs = np.array(sorted(found), np.int64).reshape(-1, 2)
    turns = [found[first, second] for first, second in pairs.tolist()]
    scores = np.zeros(len(pairs), np.float32)
    for top in range(0, len(pairs), _PAIRS):
        cancel.raise_if_cancelled()
        part = slice(top, top + _PAIRS)
        first = torch.stack(
            [grey[row].rot90(turn, (1, 2)) for row, turn in zip(pairs[part, 0], turns[part], strict=True)]
        )
        first, second = first.float() / 255, grey[pairs[part, 1]].float() / 255
        rough = torch.nonzero(coarse_agreement(first, second) >= _ROUGHLY)[:, 0]
        scores[top + rough.numpy()] = agreement(first[rough], second[rough]).numpy()
        listener(TileDone(min(top + _PAIRS, len(pairs)), len(pairs), 0.0))
    return pairs, scores


def _candidates(grey: Tensor, rows: range) -> Iterator[dict[tuple[int, int], int]]:
    """For a block of *rows* at a time: pairs with the quarter turns that the first of them needs."""
    whole = _described(grey)
    cuts = list(itertools.product((0, _CUT), (GREY, GREY - _CUT)))
    cropped = [
        _described(grey[:, :, top:bottom, left:right])
        for (top, bottom), (left, right) in itertools.product(cuts, cuts)
    ]
    sides = [*((0, one, whole) for one in cropped), *((0, whole, one) for one in cropped[1:])]
    sides += [(turn, _described(grey.rot90(turn, (2, 3))), whole) for turn in (1, 2, 3)]
    for top in range(rows.start, rows.stop, _BLOCK):
        block = torch.arange(top, min(top + _BLOCK, rows.stop))
        best = torch.full((len(block), len(grey)), -1.0)
        turns = torch.zeros(best.shape, dtype=torch.int8)
        for turn, ours, theirs in sides:
            scores = ours[block] @ theirs.T
            turns.masked_fill_(scores > best, turn)
            torch.maximum(best, scores, out=best)
        best[torch.arange(len(block)), block] = -1.0
        top_scores, others = best.topk(min(_MOST_CANDIDATES, len(grey) - 1))
        found = {}
        for row, place in torch.nonzero(top_scores >= _CANDIDATE).tolist():
            first, second = int(block[row]), int(others[row, place])
            turn = int(turns[row, second])
            found[min(first, second), max(first, second)] = turn if first < second else -turn % 4
        yield found


def _described(grey: Tensor) -> Tensor:
    """Coarse images (n, 64) as unit vectors with mean 0."""
    coarse = functional.adaptive_avg_pool2d(grey.float(), _COARSE).flatten(1)
    centred = coarse - coarse.mean(1, keepdim=True)
    unit: Tensor = centred / centred.norm(dim=1, keepdim=True).clamp(min=1e-6)
    return unit


def _detail(table: DataFrame) -> NDArray[np.float64]:
    """How much detail each image has, to compare copies.

    Enlarging by 2 gives 4 times the pixels and a quarter of the sharpness, reducing at most twice the sharpness:
    with this exponent neither is better than its original. Noise counts against an image.
    """
    sharp = table["sharpness"] ** 1.5 / (1 + table["noise"] / _NOISY)
    detail: NDArray[np.float64] = (table["width"] * table["height"] * sharp).to_numpy()
    return detail


def _taken_at_different_times(table: DataFrame, pairs: Pairs) -> NDArray[np.bool_]:
    """Which pairs are different photos by their EXIF, however alike."""
    taken = table["taken"].to_numpy(dtype=str)
    first, second = taken[pairs[:, 0]], taken[pairs[:, 1]]
    different: NDArray[np.bool_] = (first != "") & (second != "") & (first != second)
    return different


def _close(space: Points) -> Pairs:
    """Pairs of rows that are close to each other."""
    found = [np.zeros((0, 2), np.int64)]
    for top in range(0, len(space), _BLOCK):
        rows, columns = np.nonzero(space[top : top + _BLOCK] @ space.T >= _CLOSE)
        rows += top
        found.append(np.stack([rows, columns], 1)[rows < columns])
    return np.concatenate(found)


def _best_of_each(table: DataFrame, pairs: Pairs) -> NDArray[np.int64]:
    """For each row the best one of those that *pairs* connect it with, which may be itself."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = len(table)
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (size, size))
    _, group = connected_components(links, directed=False)
    detail, age = _detail(table), table["date"].to_numpy()
    most = np.zeros(size)
    np.maximum.at(most, group, detail)
    worse = detail < most[group] / (1 + _NEARLY)
    order = np.lexsort((-detail, age, worse))
    first = np.full(size, -1, np.int64)
    first[group[order[::-1]]] = order[::-1]  # of several the last is kept, which is the best
    best: NDArray[np.int64] = first[group]
    return best


Rows = list[tuple[int, str, bool, float, int]]  # group, kind, keep, similarity, row


def _correlation(pairs: Pairs, scores: NDArray[np.float32]) -> Callable[[int, int], float]:
    """A function of a copy and the first of its group: their correlation, or the best of the copy with another."""
    direct = dict(zip(map(tuple, pairs.tolist()), scores.tolist(), strict=True))
    best: dict[int, float] = {}
    for pair, score in direct.items():
        for row in pair:
            best[row] = max(best.get(row, -1.0), score)
    return lambda row, first: direct.get((min(row, first), max(row, first)), best[row])


def _grouped(kind: str, number: int, best: NDArray[np.int64], similarity: Callable[[int, int], float]) -> Rows:
    """The groups with several members, largest first, from *number*; rows with a negative *best* are left out."""
    members: dict[int, list[int]] = {}
    for row, first in enumerate(best.tolist()):
        if first >= 0:
            members.setdefault(first, []).append(row)
    groups = sorted((group for group in members.items() if len(group[1]) > 1), key=lambda g: (-len(g[1]), g[0]))
    rows = []
    for place, (first, group) in enumerate(groups, number):
        close = {row: 1.0 if row == first else similarity(row, first) for row in group}
        ordered = sorted(group, key=lambda row: (row != first, -close[row], row))
        rows += [(place, kind, kind == LOOK_ALIKES or row == first, close[row], row) for row in ordered]
    return rows


def _as_table(table: DataFrame, rows: Rows) -> DataFrame:
    pandas = import_pandas()
    groups = pandas.DataFrame(rows, columns=["group", "kind", "keep", "similarity", "row"])
    facts = table[["path", "width", "height", "sharpness"]].iloc[groups["row"].to_list()].reset_index(drop=True)
    joined = pandas.concat([groups, facts], axis=1)
    return joined[["group", "kind", "path", "keep", "width", "height", "sharpness", "similarity", "row"]]
