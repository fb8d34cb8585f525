"""The same tasks on Ray: each runs under the supervision of `run_tasks` on whatever machine Ray gives it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any

from etymon.corpus.workers.job import DEATHS_OF_A_TASK, Outcome
from etymon.corpus.workers.pool import WAIT_SECONDS, WINDOW, result_of, run_tasks
from etymon.corpus.workers.process import Budget
from etymon.errors import EtymonError


def run_on_ray(
    function: str, tasks: Iterable[Any], *, workers: int, budget: Budget, waiting: Callable[[], None]
) -> Iterator[tuple[int, Outcome]]:
    """As `etymon.corpus.workers.run_tasks`. Joins the cluster that RAY_ADDRESS names or that runs on this machine;
    where there is none it starts one of `workers` processes and ends it afterwards. The paths that tasks name must
    lead to the same files on every machine. Raises EtymonError where Ray is not installed."""
    ray = _ray()
    ours = not ray.is_initialized()
    if ours:
        _join(ray, workers)
    try:
        yield from _in_order(ray, function, tasks, budget, waiting)
    finally:
        if ours:
            ray.shutdown()


def _ray() -> Any:
    try:
        return import_module("ray")
    except ImportError as error:
        raise EtymonError("Ray is not installed", why=str(error), help="pip install ray") from error


def _join(ray: Any, workers: int) -> None:
    quiet: dict[str, Any] = {"log_to_driver": False, "include_dashboard": False}
    try:
        ray.init(address="auto", **quiet)
    except ConnectionError:  # nothing to join
        ray.init(address="local", num_cpus=max(workers, 1), **quiet)


def _in_order(
    ray: Any, function: str, tasks: Iterable[Any], budget: Budget, waiting: Callable[[], None]
) -> Iterator[tuple[int, Outcome]]:
    """Keeps every processor of the cluster busy, and gives the outcomes in the order of the tasks."""
    remote: Any = ray.remote(num_cpus=1, max_retries=DEATHS_OF_A_TASK)(supervised)
    most = WINDOW * max(int(ray.cluster_resources().get("CPU", 1)), 1)
    begun: deque[Any] = deque()
    coming = iter(tasks)
    number = 0
    while True:
        while len(begun) < most and (task := next(coming, begun)) is not begun:
            begun.append(remote.remote(function, task, budget))
        if not begun:
            return
        while not ray.wait([begun[0]], timeout=WAIT_SECONDS)[0]:
            waiting()
        yield number, _outcome(ray, begun.popleft())
        number += 1


def supervised(function: str, task: Any, budget: Budget) -> dict[str, Any]:
    """Does one task in a process of its own beside Ray's; the outcome, or the error in words, as plain values."""
    try:
        ((_, outcome),) = run_tasks(function, [task], workers=1, budget=budget)
    except EtymonError as error:
        told = {name: getattr(error, name) for name in ("what", "where", "why", "help")}
        return {"error": told, "exit_code": error.exit_code}
    return {"result": outcome.result, "poisoned": outcome.poisoned}


def _outcome(ray: Any, reference: Any) -> Outcome:
    try:
        answer: dict[str, Any] = ray.get(reference)
    except ray.exceptions.RayError as error:
        raise EtymonError(
            "Ray could not do a task", why=f"{type(error).__name__}: {error}", help="look at the cluster: ray status"
        ) from error
    return Outcome(result_of(answer), answer["poisoned"])
