"""Several devices on one machine: a process for each, started and connected by Lightning Fabric."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch.multiprocessing.spawn import ProcessException

from denoiser.errors import DenoiserError, MissingDevice, MissingExtra, TrainingFailed, UsageError
from denoiser.events import CancelToken, Event, Listener
from denoiser.training.reading import Reading
from denoiser.training.team import FabricTeam, Team

_PACKAGE = "lightning_fabric"
_LOOK_EVERY = 0.2  # seconds between two looks at the cancel token

_Result_co = TypeVar("_Result_co", covariant=True)
_Result = TypeVar("_Result")


class Work(Protocol[_Result_co]):
    """What each process does; a value that can be sent to it."""

    def __call__(self, team: Team, device: torch.device, listener: Listener, reading: Reading) -> _Result_co:
        """Only the first process's result is heard."""
        ...


class _Job:
    """What a process is given; a plain object, since Fabric takes dataclasses and lists apart."""

    def __init__(self, work: Work[Any], said: Any, stop: Any) -> None:
        self.work, self.said, self.stop = work, said, stop

    def __setstate__(self, state: dict[str, Any]) -> None:
        # The first of ours that a new process sees, before Fabric tells the terminal of ranks and ports.
        logging.getLogger(importlib.import_module(_PACKAGE).__name__).setLevel(logging.WARNING)
        self.__dict__.update(state)


@dataclass(frozen=True, slots=True)
class _Told:
    """How far the reading is, on its way to the parent."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class _Finished(Generic[_Result]):
    result: _Result


def how_many(wish: int | None, device: str) -> int:
    """How many processes train on *device*: as wished, or all GPUs when several are there and Fabric is."""
    there = torch.cuda.device_count() if device == "cuda" else os.cpu_count() or 1
    if wish is None:
        return there if device == "cuda" and importlib.util.find_spec(_PACKAGE) else 1
    if device == "mps" and wish > 1:
        raise UsageError("A Mac has one GPU to train on.", hint="Leave out --devices.")
    if wish > there:
        raise MissingDevice(
            f"{wish} devices are asked for, and {there} are here.",
        )
    return wish


def train_together(work: Work[_Result], count: int, device: str, listener: Listener, reading: Reading) -> _Result:
    """Runs *work* in *count* processes on *device*; their events and errors arrive here.

    The first cancel reaches all of them. Nothing of them is left when this returns or raises.
    """
    if not importlib.util.find_spec(_PACKAGE):
        raise MissingExtra("Training on several devices needs Lightning Fabric.", extra="train")
    from lightning_fabric import Fabric

    context = multiprocessing.get_context("spawn")
    said, stop = context.Queue(), context.Event()
    heard: _Heard[_Result] = _Heard(listener, reading, stop.set)
    ear = threading.Thread(target=heard.listen, args=(said,), name="denoise-team", daemon=True)
    fabric = Fabric(accelerator=device, devices=count, strategy="ddp_spawn")
    port_before = os.environ.get("MASTER_PORT")
    spawning = logging.getLogger("torch.multiprocessing.spawn")
    level_before = spawning.level
    spawning.setLevel(logging.ERROR)  # the failure itself is reported; that others are stopped after it is not
    ear.start()
    failure: Exception | None = None
    try:
        fabric.launch(_member, _Job(work, said, stop))
    except ProcessException as error:
        failure = error
    finally:
        spawning.setLevel(level_before)
        said.put(None)
        ear.join()
        said.close()
        if port_before is None:
            os.environ.pop("MASTER_PORT", None)  # Fabric leaves it; the next team finds a free one again
    return heard.outcome(failure)


class _Heard(Generic[_Result]):
    """What the processes said, as far as it is not for the listener."""

    def __init__(self, listener: Listener, reading: Reading, stop: Callable[[], None]) -> None:
        self._listener, self._reading, self._stop = listener, reading, stop
        self._finished: _Finished[_Result] | None = None
        self._error: Exception | None = None

    def listen(self, said: Any) -> None:
        """Until None comes; passes a cancel on as soon as it is there."""
        while True:
            if self._reading.cancel.cancelled:
                self._stop()
            try:
                word = said.get(timeout=_LOOK_EVERY)
            except queue.Empty:
                continue
            if word is None:
                return
            self._take(word)

    def _take(self, word: Event | _Told | _Finished[_Result] | DenoiserError) -> None:
        if isinstance(word, DenoiserError):
            self._error = self._error or word
        elif isinstance(word, _Finished):
            self._finished = word
        elif isinstance(word, _Told):
            if self._reading.told:
                self._reading.told(word.done, word.total)
        else:
            self._listener(word)

    def outcome(self, failure: Exception | None) -> _Result:
        """The first process's result, or what went wrong, in words if there are any."""
        if self._error:
            raise self._error
        if failure or not self._finished:
            lines = str(failure).strip().splitlines() or ["no result came"]
            raise TrainingFailed(
                f"A process of the training ended: {lines[-1]}", hint="Go on from the last state with --resume."
            ) from failure
        return self._finished.result


def _member(fabric: Any, job: _Job) -> None:
    """One process of the team."""
    said = job.said
    signal.signal(signal.SIGINT, _leave_it_to_the_parent)
    cancel = CancelToken()
    threading.Thread(target=_pass_on, args=(job.stop, cancel), daemon=True).start()
    first = fabric.global_rank == 0
    reading = Reading((lambda done, total: said.put(_Told(done, total))) if first else None, cancel)
    try:
        result = job.work(FabricTeam(fabric), fabric.device, said.put, reading)
        if first:
            said.put(_Finished(result))
    except DenoiserError as error:
        said.put(error)
        raise
    finally:
        said.close()
        said.join_thread()  # a process that fails is followed by the end of the others: words first


def _pass_on(stop: Any, cancel: CancelToken) -> None:
    """Cancel when the parent asks for it, or when the parent is gone."""
    parent = multiprocessing.parent_process()
    while not stop.wait(_LOOK_EVERY):
        if parent is None or not parent.is_alive():
            break
    cancel.cancel()


def _leave_it_to_the_parent(_number: int, _frame: FrameType | None) -> None:
    """Ctrl-C reaches every process of a terminal; the parent tells us what it means."""
