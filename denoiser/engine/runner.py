"""Runs a network on its device: batches of tiles in, clean tiles out.

On a CPU the tiles of a batch are computed one after another: kernels depend on the batch size, and so would
the last bit. On CUDA a batch is one call; its results are fetched when the next one is already under way, so that
copies and CPU work overlap with inference.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from denoiser.engine.canvas import Canvas, network_input, own_depth
from denoiser.engine.local_means import keep_local_means
from denoiser.engine.memory import keep_freed_memory
from denoiser.engine.sanity import repair, without_non_finite
from denoiser.events import CancelToken
from denoiser.networks.conditioning import Denoiser
from denoiser.networks.openvino_network import OpenvinoNetwork
from denoiser.tiling import Tile

Piece = tuple[Canvas, Tile]

# Quarter turns and whether mirrored: what the first 1, 2, 4 or 8 passes see.
_TRANSFORMS = ((0, False), (2, False), (1, False), (3, False), (0, True), (2, True), (1, True), (3, True))


@dataclass(frozen=True, slots=True)
class RunningBatch:
    """A batch in flight; keeps the tensors alive that the device still reads."""

    pieces: Sequence[Piece]
    blocks: Tensor  # (B, h, w, C) on the host
    kept: Tensor  # (B, h/8, w/8) on the host: how much of each cell is the source's
    arrived: torch.cuda.Event | None


class NetworkRunner:
    """Runs one network on one device. Threads take turns, batch by batch."""

    def __init__(self, network: Denoiser, device: str) -> None:
        self.precision = "fp32"
        self.integers: OpenvinoNetwork | None = None  # for int8
        self._network = network
        self._turn = threading.Lock()
        self._cancel: CancelToken | None = None  # of the batch at hand
        self.move_to(device)
        for layer in network.modules():
            if not any(True for _ in layer.children()):
                layer.register_forward_pre_hook(self._stop_if_cancelled)

    @property
    def runs_ahead(self) -> bool:
        """Whether the device computes asynchronously."""
        return self.device == "cuda"

    def move_to(self, device: str) -> None:
        """Move to another device."""
        self.device = device
        if device == "cpu":
            keep_freed_memory()
        self._network.to(device).to(memory_format=torch.channels_last)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    @torch.inference_mode()
    def start(self, pieces: Sequence[Piece], cancel: CancelToken) -> list[RunningBatch]:
        """Start a batch of tiles of one shape, depth, channel count and number of passes.

        Stops within one layer of *cancel*.
        """
        batches = [pieces] if self.runs_ahead else [[piece] for piece in pieces]
        with self._turn:
            self._cancel = cancel
            try:
                cancel.raise_if_cancelled()
                return [self._compute(batch) for batch in batches]
            finally:
                self._cancel = None

    def finish(self, started: RunningBatch) -> Iterator[Canvas]:
        """Wait for the batch, paste each tile into its canvas, and yield the canvas."""
        if started.arrived is not None:
            started.arrived.synchronize()
        tiles = zip(started.pieces, started.blocks.numpy(), started.kept.numpy(), strict=True)
        for (canvas, tile), block, kept in tiles:
            canvas.put(tile, block, kept)
            yield canvas

    def _compute(self, pieces: Sequence[Piece]) -> RunningBatch:
        canvases = [canvas for canvas, _ in pieces]
        windows = self._uploaded(pieces)
        ones = torch.tensor([canvas.scale.one for canvas in canvases], device=windows.device).reshape(-1, 1, 1, 1)
        planes = torch.stack([canvas.planes for canvas in canvases]).reshape(len(pieces), -1, 1, 1)
        noisy = network_input(windows, ones)
        limits = torch.stack([canvas.limits for canvas in canvases]).to(windows.device, non_blocking=True)
        clean = self._mean_of_passes(noisy, planes.to(windows.device, non_blocking=True), canvases[0].passes)
        clean, bad = without_non_finite(noisy, clean)
        clean = keep_local_means(noisy, clean, limits)
        clean, kept = repair(noisy, clean, limits[:, 2], bad)
        blocks, kept = own_depth(clean, windows, canvases, ones), kept[:, 0]
        if not self.runs_ahead:
            return RunningBatch(pieces, blocks.cpu(), kept.cpu(), None)
        blocks, kept = _on_host(blocks), _on_host(kept)
        arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
        arrived.record()
        return RunningBatch(pieces, blocks, kept, arrived)

    def _mean_of_passes(self, noisy: Tensor, planes: Tensor, passes: int) -> Tensor:
        """The network's result; of several passes, the mean over rotated and mirrored copies of the input."""
        total = None
        for turns, mirrored in _TRANSFORMS[:passes]:
            turned = torch.rot90(noisy, turns, (2, 3)) if turns else noisy  # without turns it would copy
            turned = turned.flip(3) if mirrored else turned
            result = self._result(turned.contiguous(memory_format=torch.channels_last), planes)
            result = result.flip(3) if mirrored else result
            result = torch.rot90(result, -turns, (2, 3)) if turns else result
            total = result if total is None else total.add_(result)
        assert total is not None
        total = total if passes == 1 else total.div_(passes)
        return total.contiguous(memory_format=torch.channels_last)

    def _result(self, noisy: Tensor, planes: Tensor) -> Tensor:
        if self.precision == "int8" and self.integers is not None:
            pixels = noisy.permute(0, 2, 3, 1).numpy()
            clean = self.integers(pixels, planes.numpy(), lambda: self._stop_if_cancelled(None, None))
            return torch.from_numpy(clean).permute(0, 3, 1, 2)
        with exactly(self.device, self.precision):
            result: Tensor = self._network(noisy, planes).float()
        return result

    def _uploaded(self, pieces: Sequence[Piece]) -> Tensor:
        cut = [torch.from_numpy(canvas.window(tile)) for canvas, tile in pieces]
        windows = cut[0].unsqueeze(0) if len(cut) == 1 else torch.stack(cut)
        if self.device == "cpu":
            return windows
        if windows.dtype == torch.uint16:
            windows = windows.to(torch.int32)  # few devices support uint16
        if self.device == "cuda":
            windows = windows.pin_memory()
        return windows.to(self.device, non_blocking=True)

    def _stop_if_cancelled(self, _layer: object, _inputs: object) -> None:
        if self._cancel is not None:
            self._cancel.raise_if_cancelled()


def _on_host(values: Tensor) -> Tensor:
    host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    host.copy_(values, non_blocking=True)
    return host


@contextmanager
def exactly(device: str, precision: str) -> Iterator[None]:
    """Context that computes in exactly *precision*: no TensorFloat for fp32."""
    with (
        torch.backends.cudnn.flags(enabled=True, allow_tf32=False) if device == "cuda" else nullcontext(),
        torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bf16"),
    ):
        yield
