"""Ctrl-C and SIGTERM: the first requests a stop, the second exits immediately.

Python runs signal handlers between bytecode instructions, and one inference call may take a minute. A thread
therefore receives the signals through a socket (signal.set_wakeup_fd).
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from denoiser.errors import Cancelled
from denoiser.events import CancelToken
from denoiser_cli.lines import say

FIRST = "Stopping; saving finished files. Press Ctrl-C again to exit immediately."
_SHOW_CURSOR = "\x1b[?25h"  # the progress bar hides the cursor


@contextmanager
def stopping_politely(tell: Callable[[str], None] = say) -> Iterator[CancelToken]:
    """Yield a token that the first Ctrl-C or SIGTERM cancels; then call *tell* from another thread.

    The second signal ends the process with exit code 130. For the main thread only.
    """
    token = CancelToken()
    hears, wakes = socket.socketpair()
    wakes.setblocking(False)
    listening = threading.Thread(target=_listen, args=(hears, token, tell), name="denoise-signals", daemon=True)
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, _heard_elsewhere) for number in signals}
    woken_before = signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    listening.start()
    try:
        yield token
    finally:
        signal.set_wakeup_fd(woken_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        wakes.close()  # ends the thread
        listening.join()
        hears.close()


def _listen(hears: socket.socket, token: CancelToken, tell: Callable[[str], None]) -> None:
    while heard := hears.recv(16):
        for _ in heard:
            if token.cancelled:
                _stop_at_once()
            token.cancel()
            tell(FIRST)


def _heard_elsewhere(number: int, frame: FrameType | None) -> None:
    """Suppress KeyboardInterrupt; the thread handles the signal."""


def _stop_at_once() -> None:
    with suppress(OSError, ValueError):
        if sys.stderr.isatty():
            sys.stderr.write(_SHOW_CURSOR)
            sys.stderr.flush()
    os._exit(Cancelled.exit_code)
