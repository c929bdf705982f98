"""Where the network runs and what it reckons in, chosen with a reason."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import torch

from denoiser.errors import MissingDevice


def choose_device(wish: str) -> str:
    """The device of that name, or the fastest one for "auto"; a named device that is not usable is an error."""
    if wish == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wish == "cuda" and not torch.cuda.is_available():
        raise MissingDevice("This machine offers no CUDA device to the installed torch.")
    if wish == "mps" and not torch.backends.mps.is_available():
        raise MissingDevice("This machine offers no Apple GPU to the installed torch.")
    return wish


def choose_precision(wish: str, device: str) -> str:
    """fp32 or bf16; "auto" takes bf16 only where the processor reckons in it natively."""
    if wish != "auto":
        return wish
    return "bf16" if device == "cuda" or (device == "cpu" and fast_bf16()) else "fp32"


@functools.cache
def fast_bf16() -> bool:
    """Whether this CPU has instructions for bf16; without them it is several times slower than fp32."""
    ask = getattr(torch.cpu, "get_capabilities", dict)  # unknown to the oldest torch that is allowed: fp32 is safe
    can: Mapping[str, object] = ask()
    return bool(can.get("avx512_bf16") or can.get("amx_bf16"))  # on ARM it was not tried: fp32 there
