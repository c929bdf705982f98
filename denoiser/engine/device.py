"""Device and inference precision: as requested, or the fastest that computes correctly on this machine.

bf16 is twice as fast as fp32 on devices with bf16 instructions, but wrong in some builds. Therefore a small tile is
computed in both, and the results are compared. Times are not measured: other programs must not affect the choice.
"""

from __future__ import annotations

import functools
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from denoiser.engine.runner import exactly
from denoiser.errors import MissingDevice
from denoiser.networks.condition import Condition
from denoiser.networks.conditioning import planes_of


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice and its reason, for reports."""

    name: str
    reason: str


def choose(wish: str) -> Choice:
    """The device of that name, or the fastest one that can be used for "auto".

    Raises MissingDevice if a named device is not usable; it is never replaced silently.
    """
    if wish == "cuda" and (fault := _cuda_fault()):
        raise MissingDevice(f"No usable CUDA device on this machine: {fault}.")
    if wish == "mps" and not torch.backends.mps.is_available():
        raise MissingDevice("No usable Apple GPU on this machine: torch does not support it.")
    if wish != "auto":
        return Choice(wish, "as requested")
    if not torch.cuda.is_available():
        return Choice("cpu", "no CUDA device found")
    if fault := _cuda_fault():
        return Choice("cpu", f"the CUDA device is not usable: {fault}")
    return Choice("cuda", torch.cuda.get_device_name())


def choose_device(wish: str) -> str:
    """The name of the device that `choose` returns."""
    return choose(wish).name


@functools.cache
def fast_bf16() -> bool:
    """Whether this CPU has bf16 instructions; without them bf16 is several times slower than fp32."""
    ask = getattr(torch.cpu, "get_capabilities", dict)  # missing in the oldest supported torch
    can: Mapping[str, object] = ask()
    return bool(can.get("avx512_bf16") or can.get("amx_bf16"))  # not tested on ARM


@functools.cache
def hardware_name(device: str) -> str:
    """Product name of the processor or graphics card."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


@functools.cache
def _cuda_fault() -> str:
    """Why CUDA is not usable, in one line; empty if it is. Runs an operation to find broken drivers."""
    if not torch.cuda.is_available():
        return "the installed torch finds none"
    try:
        torch.ones(8, device="cuda").sum().item()
    except RuntimeError as error:
        return str(error).strip().splitlines()[0]
    return ""


_SIDE = 128  # pixels of the tile
_SIGMA = 25.0
# Maximum differences in 8-bit steps. 0.35 RMS costs 0.02 dB beside the error of 5 steps of a good result (34 dB).
_MOST_RMS, _MOST_ANYWHERE = 0.35, 3.0


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
    if rms <= _MOST_RMS and largest <= _MOST_ANYWHERE:  # false for NaN
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
