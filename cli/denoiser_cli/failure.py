"""How a call ends early: exceptions become a message and an exit code; Ctrl-C and SIGTERM request a stop.

Python runs signal handlers between bytecode instructions, and one inference call may take a minute. A thread
therefore receives the signals through a socket (signal.set_wakeup_fd).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

import click

from denoiser.atomicfile import NO_SPACE
from denoiser.errors import Cancelled, DenoiserError
from denoiser.events import CancelToken
from denoiser_cli.lines import one_line, to_stderr

_OUT_OF_MEMORY_HINT = "Close other programs, or set a limit with --memory."
_BUG_HINT = "This is a bug. Please report it, with the output of the same command with -vv."


@dataclass(frozen=True, slots=True)
class Failure:
    """What is printed for an exception; nothing if there is no message."""

    kind: str
    message: str
    hint: str
    exit_code: int
    traceback: str = ""

    def print(self, *, as_json: bool) -> None:
        """Print to stderr; with *as_json* also print an object to stdout."""
        if self.message and as_json:
            words = {"event": "error", "kind": self.kind, "message": self.message, "hint": self.hint}
            with suppress(OSError):  # stdout is closed; stderr still gets the message
                print(json.dumps(words | {"exit_code": self.exit_code}), flush=True)
        if self.traceback:
            to_stderr(self.traceback.rstrip())
        if self.message:
            to_stderr(one_line(self.message))
        if self.hint:
            to_stderr(f"  {one_line(self.hint)}")


def explain(error: BaseException, *, verbose: bool = False) -> Failure:
    """Return the failure for *error*; with its traceback if *verbose*."""
    trace = "".join(traceback.format_exception(error)) if verbose else ""
    kind = type(error).__name__
    match error:
        case Cancelled():
            return Failure(kind, error.message, error.hint, error.exit_code)
        case DenoiserError():
            return Failure(kind, error.message, error.hint, error.exit_code, trace)
        case click.exceptions.Exit():
            return Failure(kind, "", "", error.exit_code)
        case click.ClickException():
            return Failure("UsageError", _sentence(error.format_message()), _call_hint(error), 2)
        case KeyboardInterrupt() | click.Abort():
            return Failure("Cancelled", "Stopped.", "", 130)
        case BrokenPipeError():
            _drop_output()
            return Failure(kind, "", "", 1)
        case OSError(filename=None) if error.errno is not None:
            _drop_output()
            full = error.errno in NO_SPACE
            reason = "no space left to write it" if full else f"cannot be written ({error.strerror})"
            hint = "Free some space and run the same command again." if full else ""
            return Failure("OutputFull" if full else kind, f"Standard output: {reason}.", hint, 1, trace)
        case SystemExit():
            return Failure(kind, "", "", error.code if isinstance(error.code, int) else 1)
        case MemoryError():
            return Failure(kind, "Out of memory.", _OUT_OF_MEMORY_HINT, 1, trace)
    return Failure(kind, f"Unexpected {kind}: {error}", _BUG_HINT, 1, trace)


def _sentence(message: str) -> str:
    message = one_line(message.strip().replace("\n\t", " "))  # click lists choices on separate lines
    return message if message.endswith((".", "?", "!", "?)")) else f"{message}."


def _call_hint(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"Run `{context.command_path if context else 'denoise'} --help` for usage and examples."


def _drop_output() -> None:
    # Python flushes stdout at exit and would raise the error again.
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


FIRST = "Stopping; saving finished files. Press Ctrl-C again to exit immediately."
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = "\x1b[?25h"  # the progress bar hides the cursor


@contextmanager
def stopping_politely(message: Callable[[str], None] = to_stderr) -> Iterator[CancelToken]:
    """Yield a token that the first Ctrl-C or SIGTERM cancels; then call *message* from another thread.

    The second signal ends the process with exit code 130. For the main thread only.
    """
    token = CancelToken()
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    listening = threading.Thread(
        target=_listen, args=(receiver, token, message), name="denoise-signals", daemon=True
    )
    before = {number: signal.signal(number, _handled_by_thread) for number in _SIGNALS}
    woken_before = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    listening.start()
    try:
        yield token
    finally:
        signal.set_wakeup_fd(woken_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        sender.close()  # ends the thread
        listening.join()
        receiver.close()


def _listen(receiver: socket.socket, token: CancelToken, message: Callable[[str], None]) -> None:
    while received := receiver.recv(16):
        for number in received:
            if number not in _SIGNALS:
                continue  # of another library, whose signals arrive here, too
            if token.cancelled:
                _stop_at_once()
            token.cancel()
            message(FIRST)


def _handled_by_thread(number: int, frame: FrameType | None) -> None:
    """Suppress KeyboardInterrupt; the thread handles the signal."""


def _stop_at_once() -> None:
    with suppress(OSError, ValueError):
        if sys.stderr.isatty():
            sys.stderr.write(_SHOW_CURSOR)
            sys.stderr.flush()
    os._exit(Cancelled.exit_code)
