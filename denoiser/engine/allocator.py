"""Freed memory is kept for the next layer, instead of being given back and asked for again.

The C library of Linux gives every block beyond 32 MB back to the system at once, and smaller ones when many are
free. A tile asks for such blocks twenty times, and the system clears every page of each: 6 to 10 % of all time.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_KEPT = 64 << 20  # bytes: the layers of a tile are smaller, whole pictures mostly larger
_MOST_KEPT = 384 << 20  # free bytes at the end of the heap: about what a tile of 1024 takes


@functools.cache
def keep_freed_memory() -> bool:
    """Tells the C library so, once for the process; false where there is no such thing to tell, or a person has."""
    if sys.platform != "linux" or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    if "glibc.malloc." in os.environ.get("GLIBC_TUNABLES", ""):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT)) and bool(mallopt(_M_TRIM_THRESHOLD, _MOST_KEPT))


def give_back_freed_memory() -> None:
    """Hands the system what was kept: after a shortage others in the process, the code of layers too, need it."""
    if sys.platform != "linux":
        return
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):  # another C library
        return
