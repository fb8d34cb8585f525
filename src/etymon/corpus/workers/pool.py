"""A pool of workers: tasks out in order, outcomes back in order; deaths repeated, poison found and left out."""

from __future__ import annotations

import selectors
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from etymon.corpus.workers.child import resolve
from etymon.corpus.workers.job import Job, Outcome
from etymon.corpus.workers.process import Budget, Death, Worker
from etymon.errors import EtymonError

WAIT_SECONDS = 0.2
WINDOW = 4
"""Tasks per worker that may be begun before the oldest is done: what is held is bounded."""
BACKENDS = ("local", "ray")


def nothing() -> None:
    """What is done while waiting, unless told otherwise."""


def run_tasks(
    function: str,
    tasks: Iterable[Any],
    *,
    workers: int,
    budget: Budget,
    backend: str = "local",
    waiting: Callable[[], None] = nothing,
) -> Iterator[tuple[int, Outcome]]:
    """The outcome of each task with its number, in the order of the tasks, however many workers there are.

    `function` is "module:name" of a callable (task, skip, at) -> JSON: it calls at(n) before each step n that could end
    the process, and takes no step in `skip`, which says why. A worker that dies costs its task, which is done again; a
    step that ends workers time and again is left out and told in the outcome. `waiting` is called several times a
    second; what it raises ends the work. With no workers (0) everything runs in this process, without budget or rescue.

    Raises the EtymonError of the first task that met one, and one with the traceback where `function` has a fault."""
    if backend not in BACKENDS:
        raise EtymonError(f"there is no back end {backend}", help=f"there are {', '.join(BACKENDS)}")
    if backend == "ray":
        from etymon.corpus.workers.on_ray import run_on_ray  # ray is optional

        yield from run_on_ray(function, tasks, workers=workers, budget=budget, waiting=waiting)
    elif workers < 1:
        yield from _run_here(function, tasks, waiting)
    else:
        pool = _Pool(function, workers, budget, waiting)
        try:
            yield from pool.run(iter(tasks))
        finally:
            pool.end()


def _run_here(function: str, tasks: Iterable[Any], waiting: Callable[[], None]) -> Iterator[tuple[int, Outcome]]:
    work = resolve(function)
    for number, task in enumerate(tasks):
        yield number, Outcome(work(task, {}, lambda step: None))
        waiting()


class _Pool:
    """Workers that wait, workers at a job, jobs to be done again, and answers whose turn has not come."""

    def __init__(self, function: str, workers: int, budget: Budget, waiting: Callable[[], None]) -> None:
        self._function, self._most, self._budget, self._waiting = function, workers, budget, waiting
        self._idle: list[Worker] = []
        self._busy: dict[Worker, Job] = {}
        self._again: deque[Job] = deque()
        self._done: dict[int, tuple[Job, dict[str, Any]]] = {}
        self._selector = selectors.DefaultSelector()

    def run(self, tasks: Iterator[Any]) -> Iterator[tuple[int, Outcome]]:
        """The outcomes, in order."""
        jobs = (Job(number, task) for number, task in enumerate(tasks))
        told = 0
        while self._begin(jobs) or self._busy:
            self._collect()
            while told in self._done:
                job, answer = self._done.pop(told)
                yield told, Outcome(result_of(answer), job.poisoned)
                told += 1

    def _begin(self, jobs: Iterator[Job]) -> bool:
        """Gives jobs to workers while there are both and not too much is held; whether any job was given."""
        given = False
        while len(self._busy) < self._most:
            may_take_more = len(self._busy) + len(self._done) < WINDOW * self._most
            job = self._again.popleft() if self._again else next(jobs, None) if may_take_more else None
            if job is None:
                break
            self._start(job)
            given = True
        return given

    def _start(self, job: Job) -> None:
        if job.needs_fresh_worker and self._idle:
            self._idle.pop().end()
        worker = self._idle.pop() if self._idle and not job.needs_fresh_worker else Worker(self._budget)
        worker.ask(self._function, job.task, job.poisoned)
        self._busy[worker] = job
        self._selector.register(worker, selectors.EVENT_READ)

    def _collect(self) -> None:
        """Waits a little for workers to answer or die, and takes what they leave."""
        for key, _ in self._selector.select(WAIT_SECONDS):
            worker: Any = key.fileobj
            self._selector.unregister(worker)
            self._take(worker, self._busy.pop(worker), worker.hear())
        self._waiting()

    def _take(self, worker: Worker, job: Job, answer: dict[str, Any] | Death) -> None:
        if isinstance(answer, Death):
            worker.end()
            job.died(answer)
            self._again.append(job)
        else:
            self._idle.append(worker)
            self._done[job.number] = (job, answer)

    def end(self) -> None:
        """Ends all workers, whatever they are doing."""
        for worker in [*self._idle, *self._busy]:
            worker.end()
        self._selector.close()


def result_of(answer: dict[str, Any]) -> Any:
    """The result in a worker's answer. Raises the error that the worker met."""
    if "error" in answer:
        error = EtymonError(**answer["error"])
        error.exit_code = int(answer["exit_code"])
        raise error
    if "bug" in answer:
        raise EtymonError(
            "a worker met a fault of Etymon", why=str(answer["bug"]).strip(), help="report it; what is finished is kept"
        )
    return answer["result"]


def share(count: int, rank: int, world: int) -> range:
    """The tasks of `count` that fall to machine `rank` of `world`: every world-th, so that large files are spread."""
    return range(rank, count, world)
