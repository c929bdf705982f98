"""The device: as requested, or the fastest that can be used on this machine.

torch takes seconds to import, so it is only asked about graphics cards if the driver of one is installed.
"""

from __future__ import annotations

import ctypes
import functools
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from denoiser.errors import MissingDevice


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
    if wish == "mps" and not _has_apple_gpu():
        raise MissingDevice("No usable Apple GPU on this machine: torch does not support it.")
    if wish != "auto":
        return Choice(wish, "as requested")
    if not _has_cuda():
        return Choice("cpu", "no CUDA device found")
    if fault := _cuda_fault():
        return Choice("cpu", f"the CUDA device is not usable: {fault}")
    return Choice("cuda", hardware_name("cuda"))


def choose_device(wish: str) -> str:
    """The name of the device that `choose` returns."""
    return choose(wish).name


@functools.cache
def hardware_name(device: str) -> str:
    """Product name of the processor or graphics card."""
    if device == "cuda":
        import torch

        return torch.cuda.get_device_name()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _has_cuda() -> bool:
    """Whether torch finds a CUDA device."""
    if not _has_cuda_driver():
        return False
    import torch

    return torch.cuda.is_available()


def _has_cuda_driver() -> bool:
    """Whether the driver of a CUDA device is installed, or that of AMD, whose devices torch names alike."""
    if sys.platform == "darwin":
        return False
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return Path("/dev/kfd").exists()
    return True


def _has_apple_gpu() -> bool:
    if platform.system() != "Darwin":
        return False
    import torch

    return torch.backends.mps.is_available()


@functools.cache
def _cuda_fault() -> str:
    """Why CUDA is not usable, in one line; empty if it is. Runs an operation to find broken drivers."""
    if not _has_cuda_driver():
        return "no driver found"
    import torch

    if not torch.cuda.is_available():
        return "the installed torch finds none"
    try:
        torch.ones(8, device="cuda").sum().item()
    except RuntimeError as error:
        return str(error).strip().splitlines()[0]
    return ""
