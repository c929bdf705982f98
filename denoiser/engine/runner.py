"""Runs a network on its device: batches of tiles in, clean tiles out.

On a CPU the tiles of a batch are computed one after another: kernels depend on the batch size, and so would
the last bit. On CUDA a batch is one call; its results are fetched when the next one is already under way, so that
copies and CPU work overlap with inference.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from denoiser.engine.arrays import Array, module_of
from denoiser.engine.canvas import Canvas, network_input, own_depth
from denoiser.engine.local_means import keep_local_means
from denoiser.engine.sanity import repair, without_non_finite
from denoiser.events import CancelToken
from denoiser.tiling import Tile

Piece = tuple[Canvas, Tile]

# Quarter turns and whether mirrored: what the first 1, 2, 4 or 8 passes see.
_TRANSFORMS = ((0, False), (2, False), (1, False), (3, False), (0, True), (2, True), (1, True), (3, True))


class Network(Protocol):
    """A denoiser on a device, in a precision. ``runs_ahead``: whether the device computes asynchronously."""

    device: str
    precision: str
    runs_ahead: bool

    def upload(self, values: NDArray[Any]) -> Array:
        """The values on the device: of numpy on a CPU, else of torch."""

    def __call__(self, noisy: Array, planes: Array, check: Callable[[], None]) -> Array:
        """Map noisy (B, H, W, 3) in 0..1 and planes (B, 4, 1, 1) to clean. *check* is called meanwhile, and stops
        the computation by raising."""

    def download(self, values: Sequence[Array]) -> tuple[Sequence[Any], Callable[[], None]]:
        """The values on the host, valid after the function returned with them."""


@dataclass(frozen=True, slots=True)
class RunningBatch:
    """A batch in flight."""

    pieces: Sequence[Piece]
    blocks: Any  # (B, h, w, C) on the host
    kept: Any  # (B, h/8, w/8) on the host: how much of each cell is the source's
    wait: Callable[[], None]


class NetworkRunner:
    """Runs one network on one device. Threads take turns, batch by batch."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._turn = threading.Lock()

    @property
    def runs_ahead(self) -> bool:
        """Whether the device computes asynchronously."""
        return self.network.runs_ahead

    def start(self, pieces: Sequence[Piece], cancel: CancelToken) -> list[RunningBatch]:
        """Start a batch of tiles of one shape, depth, channel count and number of passes.

        Stops within one layer of *cancel*.
        """
        batches = [pieces] if self.runs_ahead else [[piece] for piece in pieces]
        with self._turn:
            cancel.raise_if_cancelled()
            return [self._compute(batch, cancel) for batch in batches]

    def finish(self, started: RunningBatch) -> Iterator[Canvas]:
        """Wait for the batch, paste each tile into its canvas, and yield the canvas."""
        started.wait()
        tiles = zip(started.pieces, np.asarray(started.blocks), np.asarray(started.kept), strict=True)
        for (canvas, tile), block, kept in tiles:
            canvas.put(tile, block, kept)
            yield canvas

    def _compute(self, pieces: Sequence[Piece], cancel: CancelToken) -> RunningBatch:
        canvases = [canvas for canvas, _ in pieces]
        upload = self.network.upload
        cut = [canvas.window(tile) for canvas, tile in pieces]
        windows = upload(cut[0][np.newaxis] if len(cut) == 1 else np.stack(cut))
        ones = upload(np.array([canvas.scale.one for canvas in canvases], np.float32).reshape(-1, 1, 1, 1))
        planes = upload(np.stack([canvas.planes for canvas in canvases]).reshape(len(pieces), -1, 1, 1))
        limits = upload(np.stack([canvas.limits for canvas in canvases]))
        noisy = network_input(windows, ones)
        clean = self._mean_of_passes(noisy, planes, canvases[0].passes, cancel)
        clean, bad = without_non_finite(noisy, clean)
        clean = keep_local_means(noisy, clean, limits)
        clean, kept = repair(noisy, clean, limits[:, 2], bad)
        (blocks, kept), wait = self.network.download([own_depth(clean, windows, canvases, ones), kept[..., 0]])
        return RunningBatch(pieces, blocks, kept, wait)

    def _mean_of_passes(self, noisy: Array, planes: Array, passes: int, cancel: CancelToken) -> Array:
        """The network's result; of several passes, the mean over rotated and mirrored copies of the input."""
        total = None
        module = module_of(noisy)
        for turns, mirrored in _TRANSFORMS[:passes]:
            turned = module.rot90(noisy, turns, (1, 2)) if turns else noisy  # without turns torch would copy
            turned = module.flip(turned, (2,)) if mirrored else turned
            result = self.network(turned, planes, cancel.raise_if_cancelled)
            result = module.flip(result, (2,)) if mirrored else result
            result = module.rot90(result, -turns, (1, 2)) if turns else result
            if total is None:
                total = result if passes == 1 else result + 0  # contiguous
            else:
                total += result
        assert total is not None
        return total if passes == 1 else total / passes
