"""A denoiser run by torch, on a CPU or a graphics card, in fp32 or bf16.

bf16 is twice as fast as fp32 on devices with bf16 instructions, but wrong in some builds. Therefore a small tile is
computed in both, and the results are compared. Times are not measured: other programs must not affect the choice.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from denoiser.engine.arrays import Array
from denoiser.engine.device import Choice
from denoiser.engine.memory import ALIVE_AT_ONCE, BYTES, keep_freed_memory
from denoiser.networks.condition import Condition
from denoiser.networks.conditioning import Denoiser, planes_of
from denoiser.tiling import SMALLEST_TILE


class TorchNetwork:
    """One network on one device; one thread at a time."""

    def __init__(self, network: Denoiser, device: str, precision: str) -> None:
        self._network = network
        self._check: Callable[[], None] | None = None  # of the call at hand
        self.device, self.precision, self.runs_ahead = device, precision, device == "cuda"
        if device == "cpu":
            keep_freed_memory()
        network.to(device).to(memory_format=torch.channels_last)
        for layer in network.modules():
            if not any(True for _ in layer.children()):
                layer.register_forward_pre_hook(self._before_layer)

    def upload(self, values: NDArray[Any]) -> Array:
        """The values on the device: of numpy on a CPU, else of torch."""
        if self.device == "cpu":
            return values
        tensor = torch.from_numpy(values)
        if tensor.dtype == torch.uint16:
            tensor = tensor.to(torch.int32)  # few devices support uint16
        if self.device == "cuda":
            tensor = tensor.pin_memory()
        return tensor.to(self.device, non_blocking=True)

    @torch.no_grad()
    def __call__(self, noisy: Array, planes: Array, check: Callable[[], None] = lambda: None) -> Array:
        """Map noisy (B, H, W, 3) in 0..1 and planes (B, 4, 1, 1) to clean; *check* is called before each layer."""
        is_numpy = isinstance(noisy, np.ndarray)
        if is_numpy:
            noisy, planes = torch.from_numpy(np.ascontiguousarray(noisy)), torch.from_numpy(planes)
        pixels = noisy.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
        self._check = check
        try:
            with exactly(self.device, self.precision):
                clean: Tensor = self._network(pixels, planes).float()
        finally:
            self._check = None
        clean = clean.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1)
        return clean.numpy() if is_numpy else clean

    def download(self, values: Sequence[Array]) -> tuple[Sequence[Any], Callable[[], None]]:
        """The values on the host, valid after the function returned with them."""
        if not self.runs_ahead:
            return [np.asarray(value.cpu() if isinstance(value, Tensor) else value) for value in values], _nothing
        arrays = [torch.empty(value.shape, dtype=value.dtype, pin_memory=True) for value in values]
        for array, value in zip(arrays, values, strict=True):
            array.copy_(value, non_blocking=True)
        arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
        arrived.record()
        kept_alive = values  # until the copies are complete

        def wait() -> None:
            arrived.synchronize()
            assert kept_alive is values

        return arrays, wait

    def _before_layer(self, _layer: object, _inputs: object) -> None:
        if self._check is not None:
            self._check()


def _nothing() -> None:
    pass


@contextmanager
def exactly(device: str, precision: str) -> Iterator[None]:
    """Context that computes in exactly *precision*: no TensorFloat for fp32."""
    with (
        torch.backends.cudnn.flags(enabled=True, allow_tf32=False) if device == "cuda" else nullcontext(),
        torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bf16"),
    ):
        yield


@functools.cache
def fast_bf16() -> bool:
    """Whether this CPU has bf16 instructions; without them bf16 is several times slower than fp32."""
    ask = getattr(torch.cpu, "get_capabilities", dict)  # missing in the oldest supported torch
    can: Mapping[str, object] = ask()
    return bool(can.get("avx512_bf16") or can.get("amx_bf16"))  # not tested on ARM


_SIDE = 128  # pixels of the tile
_SIGMA = 25.0
# Maximum differences in 8-bit steps. 0.35 RMS costs 0.02 dB beside the error of 5 steps of a good result (34 dB).
MOST_RMS, MOST_ANYWHERE = 0.35, 3.0


def choose_precision(wish: str, device: str, network: nn.Module) -> Choice:
    """fp32 or bf16, with the reason; *network* is on *device*. "auto" is bf16 if that is supported and accurate."""
    if wish != "auto":
        return Choice(wish, "as requested")
    if device == "mps":
        return Choice("fp32", "bf16 is not tested on Apple GPUs")
    supported = fast_bf16() if device == "cpu" else torch.cuda.is_bf16_supported(including_emulation=False)
    if not supported:
        return Choice("fp32", f"this {'processor' if device == 'cpu' else 'GPU'} has no bf16 instructions")
    rms, largest = bf16_error(network, device)
    if rms <= MOST_RMS and largest <= MOST_ANYWHERE:  # false for NaN
        return Choice("bf16", "supported by this device, and faster than fp32")
    return Choice("fp32", f"bf16 differs by up to {largest:.2g} steps on this device")


@torch.inference_mode()
def bf16_error(network: nn.Module, device: str) -> tuple[float, float]:
    """RMS and maximum difference of bf16 from fp32 on a noisy tile, in 8-bit steps; *network* is on *device*."""
    ramp = torch.linspace(0.1, 0.9, _SIDE).expand(1, 3, _SIDE, _SIDE)
    noise = torch.randn(1, 3, _SIDE, _SIDE, generator=torch.Generator().manual_seed(0)) * (_SIGMA / 255)
    noisy = (ramp + noise).to(device).contiguous(memory_format=torch.channels_last)
    planes = planes_of(Condition(_SIGMA, _SIGMA, 0.0)).to(device)
    results = []
    for precision in ("fp32", "bf16"):
        with exactly(device, precision):
            results.append(network(noisy, planes).float())
    steps = (results[0] - results[1]).abs() * 255
    return float(steps.square().mean().sqrt()), float(steps.max())


@torch.inference_mode()
def bytes_per_pixel(network: Denoiser) -> int:
    """An upper bound of memory per pixel of a tile, on any device; *network* is on the CPU."""
    largest = 0

    def look(_layer: nn.Module, _inputs: object, output: Tensor) -> None:
        nonlocal largest
        largest = max(largest, output.numel())

    leaves = [layer for layer in network.modules() if not list(layer.children())]
    hooks = [layer.register_forward_hook(look) for layer in leaves]
    try:
        network(torch.zeros(1, 3, SMALLEST_TILE, SMALLEST_TILE), planes_of(Condition()))
    finally:
        for hook in hooks:
            hook.remove()
    return -(-largest * BYTES * ALIVE_AT_ONCE // SMALLEST_TILE**2)
