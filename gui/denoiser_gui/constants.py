"""Keeps None, True and False alive under PySide6 6.12 on Python 3.11, where it gives them back once too often.

Every call of a Qt method without a result takes one reference of None too many, every signal one of True: after
some ten thousand, minutes of use, Python ends with "deallocating None". From Python 3.12 on these objects are
immortal, and nothing happens. A test tries it with the installed version.
"""

from __future__ import annotations

import ctypes
import sys

_REFERENCES = 1 << 40  # more than an application can give back in its life, and far from an overflow


def keep_constants() -> None:
    """Gives the constants of Python more references than will ever be taken; once for a process is enough."""
    if sys.implementation.name != "cpython" or sys.version_info >= (3, 12):
        return
    for constant in (None, True, False, NotImplemented, Ellipsis):
        ctypes.c_ssize_t.from_address(id(constant)).value += _REFERENCES
