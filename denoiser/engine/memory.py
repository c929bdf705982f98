"""How much memory is free, here and on a graphics card, and how to tell that it has run out."""

from __future__ import annotations

from pathlib import Path

import torch

_UNKNOWN = 2 << 30  # bytes taken to be free where the system does not say: what a small machine can spare
_CGROUP = Path("/sys/fs/cgroup")
_ALLOCATION_FAILED = (
    *("not enough memory", "can't allocate memory", "out of memory"),
    # oneDNN has no other word for it. That it can do the layers at all was seen when the model was loaded.
    *("could not create a primitive", "could not execute a primitive", "could not create a memory object"),
)


def free_bytes(device: str) -> int:
    """What a program may still take on *device* without pressing others out."""
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    known = [free for free in (_free_of_system(), _free_of_container()) if free is not None]
    return min(known, default=_UNKNOWN)


def is_shortage(error: BaseException) -> bool:
    """Whether *error* says that memory ran out, in any of the ways that torch and numpy say it."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _ALLOCATION_FAILED)


def _free_of_system(meminfo: Path = Path("/proc/meminfo")) -> int | None:
    try:
        for line in meminfo.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    except (OSError, ValueError, IndexError):
        return None
    return None


def _free_of_container(cgroup: Path = _CGROUP) -> int | None:
    """Of version 2; a container of version 1 shows the memory of its host."""
    try:
        limit = (cgroup / "memory.max").read_text(encoding="ascii").strip()
        used = int((cgroup / "memory.current").read_text(encoding="ascii"))
        return None if limit == "max" else max(0, int(limit) - used)
    except (OSError, ValueError):
        return None
