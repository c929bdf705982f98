"""The processes that train one network together, on several devices of one machine, or the one that does it alone.

Lightning Fabric starts and connects a process for each device. Each draws samples of its own; gradients are
averaged, so that all take the same step and hold the same weights. All use the clock of the first, since the rates
follow the time.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import FrameType
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.multiprocessing.spawn import ProcessException

from denoiser.errors import DenoiserError, MissingDevice, MissingExtra, TrainingFailed, UsageError
from denoiser.events import CancelToken, Event, Listener
from denoiser.training.data import Reading


@dataclass(frozen=True, slots=True)
class Word:
    """What the first process says between steps, and whether any of them has failed."""

    seconds: float  # of work so far
    steps: int  # until the next word
    stop: bool
    failed: bool


class Team(Protocol):
    """What a process must know of the others."""

    @property
    def number(self) -> int:
        """Of this process; 0 is the first, which saves, validates and tells."""
        ...

    @property
    def size(self) -> int:
        """How many they are."""
        ...

    def join(self, network: nn.Module) -> nn.Module:
        """*network* such that its gradients become the average of all."""
        ...

    def backward(self, loss: Tensor) -> None:
        """Gradients of *loss*, averaged."""
        ...

    def agree(self, word: Word) -> Word:
        """The first's word, failed if any has failed. All must call it; waits for the last."""
        ...

    def check_alike(self, tensors: Iterable[Tensor]) -> None:
        """TrainingFailed when *tensors* are not the same in all processes. All must call it."""
        ...


class Alone:
    """A team of one."""

    number = 0
    size = 1

    def join(self, network: nn.Module) -> nn.Module:
        """*network* itself."""
        return network

    def backward(self, loss: Tensor) -> None:
        """Plain gradients."""
        loss.backward()  # type: ignore[no-untyped-call]

    def agree(self, word: Word) -> Word:
        """*word* itself."""
        return word

    def check_alike(self, tensors: Iterable[Tensor]) -> None:
        """Nothing to compare in a single process."""


class FabricTeam:
    """The processes that Lightning Fabric started; *fabric* is its Fabric, launched."""

    def __init__(self, fabric: Any) -> None:
        self._fabric = fabric
        self.number = int(fabric.global_rank)
        self.size = int(fabric.world_size)

    def join(self, network: nn.Module) -> nn.Module:
        """*network* under distributed data parallelism."""
        joined: nn.Module = self._fabric.setup_module(network, move_to_device=False)
        return joined

    def backward(self, loss: Tensor) -> None:
        """Gradients, averaged over the processes during the backward pass."""
        self._fabric.backward(loss)

    def agree(self, word: Word) -> Word:
        """One small sum over all, to which only the first adds what is its to say."""
        leads = self.number == 0
        said = [word.seconds * leads, word.steps * leads, word.stop and leads, word.failed]
        heard = torch.tensor([float(value) for value in said], dtype=torch.float64, device=self._fabric.device)
        seconds, steps, stop, failed = self._fabric.all_reduce(heard, reduce_op="sum").tolist()
        return Word(seconds, round(steps), stop > 0, failed > 0)

    def check_alike(self, tensors: Iterable[Tensor]) -> None:
        """By their sums in float64, which differ as soon as one value does."""
        mine = torch.stack([tensor.detach().double().sum() for tensor in tensors]).to(self._fabric.device)
        both_ways = torch.cat([mine, -mine])
        most = self._fabric.all_reduce(both_ways.clone(), reduce_op="max")
        if not torch.equal(most, both_ways):  # one process has a larger or smaller sum
            raise TrainingFailed(
                "The processes no longer hold the same weights.", hint="Go on from the last state with --resume."
            )


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
