"""Where the network runs, chosen with a reason."""

from __future__ import annotations

import functools
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from denoiser.errors import MissingDevice


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen, and why: both stand in reports."""

    name: str
    reason: str


def choose(wish: str) -> Choice:
    """The device of that name, or the fastest one that can be used for "auto".

    A named device that is not usable is MissingDevice, never another one in silence.
    """
    if wish == "cuda":
        _require(_cuda_fault(), "CUDA device")
    elif wish == "mps" and not torch.backends.mps.is_available():
        _require("torch does not support it", "Apple GPU")
    if wish != "auto":
        return Choice(wish, "as requested")
    if not torch.cuda.is_available():
        return Choice("cpu", "no CUDA device found")
    fault = _cuda_fault()
    if fault:
        return Choice("cpu", f"the CUDA device is not usable: {fault}")
    return Choice("cuda", torch.cuda.get_device_name())


def choose_device(wish: str) -> str:
    """The name alone of what `choose` gives."""
    return choose(wish).name


@functools.cache
def fast_bf16() -> bool:
    """Whether this CPU has instructions for bf16; without them it is several times slower than fp32."""
    ask = getattr(torch.cpu, "get_capabilities", dict)  # unknown to the oldest torch that is allowed: fp32 is safe
    can: Mapping[str, object] = ask()
    return bool(can.get("avx512_bf16") or can.get("amx_bf16"))  # on ARM it was not tried: fp32 there


def lacks_bf16() -> bool:
    """Whether bf16 is sure to be slow here and need not be tried: it was ten times slower than fp32."""
    return platform.machine().lower() in ("x86_64", "amd64") and not fast_bf16()


@functools.cache
def hardware_name(device: str) -> str:
    """What the processor or the graphics card calls itself."""
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
    """Why nothing runs on the card, in one line; empty when it does. A broken driver is found here, not later."""
    if not torch.cuda.is_available():
        return "the installed torch finds none"
    try:
        torch.ones(8, device="cuda").sum().item()
    except RuntimeError as error:
        return str(error).strip().splitlines()[0]
    return ""


def _require(fault: str, what: str) -> None:
    if fault:
        raise MissingDevice(f"No usable {what} on this machine: {fault}.")
