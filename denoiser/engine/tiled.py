"""Denoises in tiles: memory is bounded, and the result is that of the whole image.

Tiles of the same shape, depth, channel count and number of passes share a batch, also across images. If memory runs
out, images in progress restart with smaller batches and tiles; sizes set by the user are never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from denoiser.engine.canvas import Canvas
from denoiser.engine.memory import Budget, give_back_freed_memory, is_shortage
from denoiser.engine.runner import NetworkRunner, Piece, RunningBatch
from denoiser.errors import DenoiserError
from denoiser.events import CancelToken
from denoiser.networks.condition import NetworkSpec
from denoiser.tiling import Tile

TileListener = Callable[[Canvas], None]
OntoCpu = Callable[[], Budget]


class TiledCleaner:
    """A network within its budget. One thread at a time."""

    def __init__(
        self, runner: NetworkRunner, spec: NetworkSpec, budget: Budget, *, on_cpu: OntoCpu | None = None
    ) -> None:
        """*on_cpu* moves the runner to the CPU when a graphics card has no memory left."""
        self.runner, self.budget = runner, budget
        self.spec = spec
        self._on_cpu = on_cpu

    def clean(self, canvases: Iterable[Canvas], *, on_tile: TileListener, cancel: CancelToken) -> None:
        """Denoise all canvases; *on_tile* is called after each tile. Stops within one layer of *cancel*."""
        run = _Run(self.runner, on_tile, cancel)
        for canvas in canvases:
            run.canvases.append(canvas)
            self._or_smaller(run, partial(self._begin, run, canvas))
        self._or_smaller(run, run.drain)

    def clean_tile(self, canvas: Canvas, tile: Tile, cancel: CancelToken) -> None:
        """Denoise one tile of a canvas. A memory error is raised; `step_down` handles it."""
        run = _Run(self.runner, lambda _canvas: None, cancel)
        run.add((canvas, tile), 1)
        run.drain()

    def step_down(self, error: BaseException) -> str:
        """Use smaller batches or tiles from now on and return the note; raise if there are none."""
        smaller = self.budget.smaller(self.spec)
        if smaller is not None:
            self.budget = smaller
            return f"memory ran out; continued with tiles of {smaller.tile}, {smaller.batch} at once"
        if self._on_cpu is not None:
            self.budget, self._on_cpu = self._on_cpu(), None
            return "the GPU ran out of memory; continued on the CPU"
        raise DenoiserError(
            "There is not enough memory for a single tile.",
            hint="Close other programs, or omit --tile, --batch-size and --device.",
        ) from error

    def _begin(self, run: _Run, canvas: Canvas) -> None:
        height, width = canvas.source.shape[:2]
        plan = self.budget.plan(height, width, self.spec)
        canvas.begin(plan)
        for tile in plan.tiles:
            run.add((canvas, tile), self.budget.batch)
        if self.budget.batch == 1:
            run.drain()

    def _begin_again(self, run: _Run) -> None:
        for canvas in [canvas for canvas in run.canvases if not canvas.is_done]:
            self._begin(run, canvas)
        run.drain()

    def _or_smaller(self, run: _Run, step: Callable[[], None]) -> None:
        """Run *step*; if memory runs out, restart images in progress with smaller steps."""
        while True:
            try:
                step()
                return
            except (RuntimeError, MemoryError) as error:
                if not is_shortage(error):
                    raise
                run.forget()
                run.note(self.step_down(error))
            give_back_freed_memory()  # after the except: until then the error's frames hold the tile's layers
            step = partial(self._begin_again, run)


class _Run:
    """Images in progress, batches being filled, and the batch on the device."""

    def __init__(self, runner: NetworkRunner, on_tile: TileListener, cancel: CancelToken) -> None:
        self._runner = runner
        self.canvases: list[Canvas] = []
        self._on_tile, self._cancel = on_tile, cancel
        self._filling: dict[object, list[Piece]] = {}
        self._in_hand: list[RunningBatch] = []

    def add(self, piece: Piece, batch: int) -> None:
        """Add a tile to the batch of its shape, and start the batch when it is full."""
        canvas, tile = piece
        alike = (tile.shape, canvas.source.dtype, canvas.source.shape[2], canvas.passes)
        waiting = self._filling.setdefault(alike, [])
        waiting.append(piece)
        if len(waiting) >= batch:
            self._start(self._filling.pop(alike))

    def drain(self) -> None:
        """Start waiting batches and collect the batch on the device."""
        while self._filling:
            self._start(self._filling.popitem()[1])
        self._take_in()

    def forget(self) -> None:
        """Drop unfinished work and free its memory."""
        self._filling.clear()
        self._in_hand.clear()

    def note(self, words: str) -> None:
        """Add the note to every image in progress."""
        for canvas in self.canvases:
            if not canvas.is_done:
                canvas.notes.append(words)

    def _start(self, pieces: list[Piece]) -> None:
        started = self._runner.start(pieces, self._cancel)
        self._take_in()
        self._in_hand = started
        if not self._runner.runs_ahead:
            self._take_in()

    def _take_in(self) -> None:
        while self._in_hand:
            for canvas in self._runner.finish(self._in_hand.pop(0)):
                self._on_tile(canvas)
