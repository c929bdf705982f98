"""Training in several processes, one per device, with distributed data parallelism.

On one machine, the calling process has rank 0 and starts the others. On several machines, torchrun starts all. Each
process draws its own samples; gradients are averaged, so all take the same step and keep the same weights. All use
the clock of rank 0, since learning rates follow the time.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.distributed import Store, TCPStore  # type: ignore[attr-defined]
from torch.multiprocessing.spawn import ProcessContext, ProcessException, spawn

from denoiser.errors import MissingDevice, TrainingFailed, UsageError
from denoiser.events import Listener, ignore
from denoiser.training.data import Loading

_POLL = 0.2  # seconds between two checks of processes that are starting
_EXIT_TIME = 10.0  # seconds for a failed process to end after its connection is lost
_STARTED = "started"
_RESUME_HINT = "Continue from the last checkpoint with --resume."

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class LoopState:
    """What the processes agree on between two groups of steps."""

    seconds: float  # of training so far
    steps: int  # in the next group
    stop: bool
    failed: bool


@dataclass(frozen=True, slots=True)
class Processes:
    """The processes that train one network; a single one by default."""

    rank: int = 0  # of this process; rank 0 validates, reports and saves
    size: int = 1

    def wrap(self, network: nn.Module) -> nn.Module:
        """*network*, with gradients averaged over all processes."""
        return nn.parallel.DistributedDataParallel(network) if self.size > 1 else network

    def agree(self, state: LoopState) -> LoopState:
        """The *state* of rank 0, failed if any process has failed. Waits for all processes."""
        if self.size == 1:
            return state
        first = self.rank == 0
        values = [state.seconds * first, state.steps * first, state.stop and first, state.failed]
        total = torch.tensor(values, dtype=torch.float64)
        distributed.all_reduce(total)
        seconds, steps, stop, failed = total.tolist()
        return LoopState(seconds, round(steps), stop > 0, failed > 0)

    def check_equal(self, tensors: Iterable[Tensor]) -> None:
        """Raise TrainingFailed if *tensors* differ between processes. Waits for all processes."""
        if self.size == 1:
            return
        sums = torch.stack([tensor.detach().double().sum() for tensor in tensors]).cpu()
        largest = torch.cat([sums, -sums])
        distributed.all_reduce(largest, op=distributed.ReduceOp.MAX)
        if not torch.equal(largest, torch.cat([sums, -sums])):
            raise TrainingFailed("The processes no longer have the same weights.", hint=_RESUME_HINT)


Work = Callable[[Processes, torch.device, Listener, Loading], _Result]


def process_count(requested: int | None, device: str) -> int:
    """Number of training processes on *device*: as *requested*, or one for each GPU."""
    available = torch.cuda.device_count() if device == "cuda" else os.cpu_count() or 1
    if requested is None:
        return available if device == "cuda" else 1
    if device == "mps" and requested > 1:
        raise UsageError("A Mac has one GPU to train on.", hint="Leave out --devices.")
    if requested > available:
        raise MissingDevice(f"{requested} devices were requested, but only {available} are available.")
    return requested


def launched() -> Processes | None:
    """This process among those that torchrun has started; None without torchrun."""
    if not distributed.is_torchelastic_launched():
        return None
    return Processes(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))


def run_as_launched(
    work: Work[_Result], processes: Processes, device: str, listener: Listener, loading: Loading
) -> _Result:
    """Run *work* as one of the *processes* of torchrun; only rank 0 reports."""
    own = _own_device(device, int(os.environ["LOCAL_RANK"]))
    if processes.rank:
        listener, loading = ignore, Loading(cancel=loading.cancel)
    return _run_rank(work, processes, own, listener, loading)


def run_in_processes(work: Work[_Result], count: int, device: str, listener: Listener, loading: Loading) -> _Result:
    """Run *work*, which must be picklable, in *count* processes; return the result of rank 0, which runs here.

    Other processes ignore Ctrl-C and report nothing; none of them is left when this returns or raises.
    """
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    with _interrupts_blocked():
        others = spawn(  # type: ignore[no-untyped-call]
            _other_rank, (work, count, device, store.port), nprocs=count - 1, join=False
        )
    try:
        while store.add(_STARTED, 0) < count - 1:
            others.join(_POLL)
        result = _run_rank(work, Processes(0, count), _own_device(device, 0), listener, loading, store)
        while not others.join():
            pass
        return result
    except (RuntimeError, ProcessException) as error:
        cause = error if isinstance(error, ProcessException) else _failure(others)
        if cause is None:
            raise
        line = str(cause).strip().splitlines()[-1]
        raise TrainingFailed(f"A training process ended: {line}", hint=_RESUME_HINT) from error
    finally:
        for process in others.processes:
            process.terminate()
            process.join()


def _failure(others: ProcessContext) -> ProcessException | None:
    """The error of another process, which is the cause if communication fails here."""
    logging.getLogger("torch.multiprocessing.spawn").setLevel(logging.ERROR)  # it reports the end of each process
    try:
        others.join(_EXIT_TIME)
    except ProcessException as error:
        return error
    return None


def _run_rank(
    work: Work[_Result],
    processes: Processes,
    device: torch.device,
    listener: Listener,
    loading: Loading,
    store: Store | None = None,
) -> _Result:
    """Run *work* as one of the processes, which meet at *store*, or where torchrun says."""
    if device.type == "cuda":
        torch.cuda.set_device(device)
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(backend, store=store, rank=processes.rank, world_size=processes.size)
    try:
        return work(processes, device, listener, loading)
    finally:
        distributed.destroy_process_group()


def _own_device(device: str, number: int) -> torch.device:
    """The device of the process with this number on its machine."""
    return torch.device(device, number) if device == "cuda" else torch.device(device)


def _other_rank(number: int, work: Work[object], count: int, device: str, port: int) -> None:
    """One of the started processes; *number* counts from 0."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    store = TCPStore("127.0.0.1", port, is_master=False)
    store.add(_STARTED, 1)
    own = _own_device(device, number + 1)
    _run_rank(work, Processes(number + 1, count), own, ignore, Loading(), store)


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Context whose new processes ignore Ctrl-C from their start; rank 0 receives it and stops all of them."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
