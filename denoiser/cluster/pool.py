"""Workers on a Ray cluster that process tasks, and what happens to the tasks of a worker that ends.

Each worker is an actor of a class with the methods `describe()`, `process(task, attempt)` and `close()`. Only tasks
and short results pass through Ray. A worker that ends for any reason, also with its node, is replaced. The tasks
that it had are processed again, one at a time on a worker without other tasks, so that a task that ends its worker
is known.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from denoiser.cluster.connection import Need, room
from denoiser.errors import DenoiserError

IN_FLIGHT = 3  # tasks of a worker: one is processed, one is read, one is written
MOST_ATTEMPTS = 6  # workers may also end without fault of the task
MOST_FAILED_STARTS = 3  # in a row
_SECONDS_BETWEEN_LOOKS = 5.0  # at the size of the cluster
_POLL_SECONDS = 0.2
_SECONDS_TO_CLOSE = 5.0

_Task = TypeVar("_Task")


@dataclass(frozen=True, slots=True)
class LostTask:
    """The result of a task whose worker ended at each attempt."""

    cause: str


@dataclass(slots=True)
class _Waiting(Generic[_Task]):
    task: _Task
    attempt: int = 0


@dataclass(slots=True)
class _Member(Generic[_Task]):
    """A worker with its tasks by the reference of the result."""

    actor: Any
    starting: Any  # the reference of its description; None once it has come
    tasks: dict[Any, _Waiting[_Task]] = field(default_factory=dict)

    @property
    def is_alone(self) -> bool:
        """Whether it has a task that was lost before, and takes no other."""
        return any(waiting.attempt for waiting in self.tasks.values())


OnLost = Callable[[str, list[Any]], None]  # the cause, and the tasks that are processed again


class Pool(Generic[_Task]):
    """Workers of one class. For one thread."""

    def __init__(
        self, ray: Any, worker: type[Any], setup: Callable[[Any], Any], need: Need, workers: int | None
    ) -> None:
        """Start the first worker. *setup* returns its argument, from the description of the first, or None."""
        self._ray = ray
        options = {"num_cpus": need.cpus, "num_gpus": need.gpus, "max_restarts": 0, "max_task_retries": 0}
        self._remote = ray.remote(worker).options(max_concurrency=IN_FLIGHT, **options)
        self._setup, self._need, self._wanted = setup, need, workers
        self._members: list[_Member[_Task]] = []
        self._again: deque[_Waiting[_Task]] = deque()
        self._ending: list[Any] = []  # references of workers that are closing
        self._failed_starts = 0
        self._most = sys.maxsize  # workers, if some nodes do not fit
        self._looked = -_SECONDS_BETWEEN_LOOKS
        self._on_lost: OnLost = lambda _cause, _tasks: None
        self.description: Any = None
        self._start()

    def opened(self, stop: Callable[[], bool]) -> Any:
        """Wait for the first worker and return its description; None if *stop* returns true first."""
        while self.description is None and not stop():
            deque(self._take(self._ready()), maxlen=0)
        return self.description

    def results(
        self, tasks: Iterator[_Task], stop: Callable[[], bool], on_lost: OnLost
    ) -> Iterator[tuple[_Task, Any]]:
        """Yield each task with its result, or with a LostTask, in the order in which they end.

        Once *stop* returns true, no task is started; those that a worker has are finished.
        """
        self._on_lost = on_lost
        source: Iterator[_Task] | None = tasks
        while True:
            stopped = stop()
            if not stopped:
                self._grow() if source or self._again else self._release()
                source = self._hand_out(source)
            if not any(member.tasks for member in self._members) and (stopped or not (source or self._again)):
                return
            yield from self._take(self._ready())

    def close(self) -> None:
        """End all workers; those without tasks may remove their temporary files first."""
        self._release()
        if self._ending:
            self._ray.wait(self._ending, num_returns=len(self._ending), timeout=_SECONDS_TO_CLOSE)
        for member in self._members:
            self._ray.kill(member.actor)
        self._members.clear()

    def _start(self) -> None:
        actor = self._remote.remote(self._setup(self.description))
        self._members.append(_Member(actor, actor.describe.remote()))

    def _grow(self) -> None:
        """Start workers until there are as many as wanted, or as fit."""
        now = time.monotonic()
        if now - self._looked < _SECONDS_BETWEEN_LOOKS and self._members:
            return
        self._looked = now
        wanted = min(self._wanted or max(1, room(self._ray, self._need)), self._most)
        for _ in range(wanted - len(self._members)):
            self._start()

    def _release(self) -> None:
        """End the workers that have nothing left to do, so that others can use their nodes."""
        for member in [one for one in self._members if not one.tasks and one.starting is None]:
            self._members.remove(member)
            self._ending.append(member.actor.close.remote())
            member.actor.__ray_terminate__.remote()

    def _hand_out(self, source: Iterator[_Task] | None) -> Iterator[_Task] | None:
        """Give tasks to the workers that have room; return *source*, or None if it has no more."""
        for member in sorted(self._members, key=lambda member: len(member.tasks)):
            if member.starting is not None or member.is_alone:
                continue
            if self._again and not member.tasks:
                self._submit(member, self._again.popleft())
                continue
            # Lost tasks wait for a worker without tasks: this one gets no new ones meanwhile.
            while source is not None and not self._again and len(member.tasks) < IN_FLIGHT:
                task = next(source, None)
                if task is None:
                    source = None
                else:
                    self._submit(member, _Waiting(task))
        return source

    def _submit(self, member: _Member[_Task], waiting: _Waiting[_Task]) -> None:
        member.tasks[member.actor.process.remote(waiting.task, waiting.attempt)] = waiting

    def _ready(self) -> list[Any]:
        """Return the references that have a result, after a short wait."""
        waited = [one for member in self._members for one in (*member.tasks, member.starting) if one is not None]
        if not waited:
            time.sleep(_POLL_SECONDS)
            return []
        ready, _ = self._ray.wait(waited, num_returns=1, timeout=_POLL_SECONDS)
        more, _ = self._ray.wait(waited, num_returns=len(waited), timeout=0)
        return list(dict.fromkeys((*ready, *more)))

    def _take(self, ready: list[Any]) -> Iterator[tuple[_Task, Any]]:
        for reference in ready:
            member = next(
                (one for one in self._members if reference in one.tasks or reference is one.starting), None
            )
            if member is None:
                continue  # of a worker that has ended meanwhile
            try:
                result = self._ray.get(reference)
            except self._ray.exceptions.RayError as error:
                yield from self._lose(member, error)
                continue
            if reference is member.starting:
                self._greet(member, result)
            else:
                yield member.tasks.pop(reference).task, result

    def _greet(self, member: _Member[_Task], description: Any) -> None:
        """Let a worker take tasks, unless it differs from the first: outputs must not depend on the node."""
        member.starting, self._failed_starts = None, 0
        self.description = self.description or description
        if description == self.description:
            return
        self._members.remove(member)
        self._ray.kill(member.actor)
        self._most = len(self._members)  # others would start on the same node
        cause = f"it differs from the first worker: {description}"
        if not self._members:
            raise DenoiserError(f"No worker is left: {cause}.", hint="Use nodes of one kind, or set --precision.")
        self._on_lost(cause, [])

    def _lose(self, member: _Member[_Task], error: Exception) -> Iterator[tuple[_Task, Any]]:
        """Replace a worker that has ended, and queue its tasks again."""
        cause = cause_of(error)
        self._members.remove(member)
        self._ray.kill(member.actor)  # in case that it could only not be reached
        if member.starting is not None:
            self._failed_starts += 1
            if self._failed_starts >= MOST_FAILED_STARTS:
                raise DenoiserError(f"The workers cannot start: {cause}.", hint="See the logs of the Ray cluster.")
        lost = [*member.tasks.values()]
        self._on_lost(cause, [waiting.task for waiting in lost])
        self._start()
        for waiting in lost:
            waiting.attempt += 1
            if waiting.attempt < MOST_ATTEMPTS:
                self._again.append(waiting)
            else:
                yield waiting.task, LostTask(cause)


def cause_of(error: Exception) -> str:
    """Return in a few words why a worker ended."""
    words = str(error)
    name = type(error).__name__
    if "OutOfMemory" in name or "memory usage" in words.partition("Some common causes")[0]:
        return "out of memory"
    if "NodeDied" in name or "node failure" in words or "owner's node" in words:
        return "its node was lost"
    if "ActorUnavailable" in name:
        return "it could not be reached"
    return "its process ended unexpectedly"
