"""Workaround for a reference count bug of PySide6 6.12 on Python 3.11 that frees None, True and False.

Every Qt method without a result releases None once too often, every signal True. After some ten thousand calls,
within minutes, Python aborts with "deallocating None". From Python 3.12 on these objects are immortal. A test
checks the installed version.
"""

from __future__ import annotations

import ctypes
import sys

_REFERENCES = 1 << 40  # more than any process can release, and far from an overflow


def keep_constants() -> None:
    """Add references to Python's constants so that they are never freed. Call once per process."""
    if sys.implementation.name != "cpython" or sys.version_info >= (3, 12):
        return
    for constant in (None, True, False, NotImplemented, Ellipsis):
        ctypes.c_ssize_t.from_address(id(constant)).value += _REFERENCES
