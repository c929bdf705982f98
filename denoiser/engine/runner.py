"""A network on its device: batches of tiles in, clean tiles out.

On a CPU the tiles of a batch are computed one after another: kernels differ with the size of a batch, and so would
the last bit. On CUDA a batch is one call; its results are fetched when the next one is already under way, so that
copies and the work of the CPU hide behind the network.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from denoiser.engine.allocator import keep_freed_memory
from denoiser.engine.canvas import Canvas, network_input, own_depth
from denoiser.events import CancelToken
from denoiser.networks.pyramid import PyramidAutoencoder
from denoiser.tiling import Tile

Piece = tuple[Canvas, Tile]


@dataclass(frozen=True, slots=True)
class Started:
    """A batch whose results are on their way; keeps alive what the device still reads."""

    pieces: Sequence[Piece]
    blocks: Tensor  # (B, h, w, C) on the host
    arrived: torch.cuda.Event | None


class NetworkRunner:
    """Runs one network on one device. Threads take turns, batch by batch."""

    def __init__(self, network: PyramidAutoencoder, device: str, precision: str = "fp32") -> None:
        self.precision = precision
        self._network = network
        self._turn = threading.Lock()
        self._cancel: CancelToken | None = None  # of the batch at hand
        self.move_to(device)
        for layer in network.modules():
            if not any(True for _ in layer.children()):
                layer.register_forward_pre_hook(self._heed)

    @property
    def runs_ahead(self) -> bool:
        """Whether the device computes while this thread goes on."""
        return self.device == "cuda"

    def move_to(self, device: str) -> None:
        """Goes on on another device."""
        self.device = device
        if device == "cpu":
            keep_freed_memory()
        self._network.to(device).to(memory_format=torch.channels_last)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    @torch.inference_mode()
    def start(self, pieces: Sequence[Piece], cancel: CancelToken) -> list[Started]:
        """Begins a batch of tiles of one shape, depth and channel count; stops within one layer of *cancel*."""
        batches = [pieces] if self.runs_ahead else [[piece] for piece in pieces]
        with self._turn:
            self._cancel = cancel
            try:
                cancel.raise_if_cancelled()
                return [self._compute(batch) for batch in batches]
            finally:
                self._cancel = None

    def finish(self, started: Started) -> Iterator[Canvas]:
        """Waits for the batch and hands each tile to its canvas, which is given back each time."""
        if started.arrived is not None:
            started.arrived.synchronize()
        for (canvas, tile), block in zip(started.pieces, started.blocks.numpy(), strict=True):
            canvas.put(tile, block)
            yield canvas

    def _compute(self, pieces: Sequence[Piece]) -> Started:
        canvases = [canvas for canvas, _ in pieces]
        windows = self._uploaded(pieces)
        ones = torch.tensor([canvas.scale.one for canvas in canvases], device=windows.device).reshape(-1, 1, 1, 1)
        planes = torch.stack([canvas.planes for canvas in canvases]).reshape(len(pieces), -1, 1, 1)
        noisy = network_input(windows, ones)
        with exactly(self.device, self.precision):
            clean = self._network(noisy, planes.to(windows.device, non_blocking=True)).float()
        blocks = own_depth(clean, windows, canvases, ones)
        if not self.runs_ahead:
            return Started(pieces, blocks.cpu(), None)
        on_host = torch.empty(blocks.shape, dtype=blocks.dtype, pin_memory=True)
        on_host.copy_(blocks, non_blocking=True)
        arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
        arrived.record()
        return Started(pieces, on_host, arrived)

    def _uploaded(self, pieces: Sequence[Piece]) -> Tensor:
        cut = [torch.from_numpy(canvas.window(tile)) for canvas, tile in pieces]
        windows = cut[0].unsqueeze(0) if len(cut) == 1 else torch.stack(cut)
        if self.device == "cpu":
            return windows
        if windows.dtype == torch.uint16:
            windows = windows.to(torch.int32)  # few devices know 16 unsigned bits
        if self.device == "cuda":
            windows = windows.pin_memory()
        return windows.to(self.device, non_blocking=True)

    def _heed(self, _layer: nn.Module, _inputs: object) -> None:
        if self._cancel is not None:
            self._cancel.raise_if_cancelled()


@contextmanager
def exactly(device: str, precision: str) -> Iterator[None]:
    """Reckons in *precision* and nothing less: no TensorFloat where fp32 was meant."""
    with ExitStack() as stack:
        if device == "cuda":
            flags = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
            stack.enter_context(flags)
        stack.enter_context(torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bf16"))
        yield
