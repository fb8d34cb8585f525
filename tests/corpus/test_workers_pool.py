"""Workers may be ended by anything, and nothing of that shows in the results."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chores
import pytest

from etymon.corpus.workers import Budget, Outcome, job, pool, run_tasks, share
from etymon.corpus.workers.process import Worker
from etymon.errors import EtymonError

BUDGET = Budget(cpu_seconds=0.8, memory_bytes=600 << 20)
LINUX_ONLY = pytest.mark.skipif(sys.platform != "linux", reason="the system's way to end orphans is Linux's")


def outcomes(tasks: list[Any], workers: int = 1, function: str = "chores:digests") -> list[Outcome]:
    """What comes back, which has to be in order."""
    told = list(run_tasks(function, tasks, workers=workers, budget=BUDGET))
    assert [number for number, _ in told] == list(range(len(tasks)))
    return [outcome for _, outcome in told]


def expected(task: dict[str, Any], left_out: tuple[int, ...] = ()) -> list[str]:
    return chores.digests({"seed": task["seed"]}, dict.fromkeys(left_out, ""), lambda step: None)


@pytest.mark.parametrize("workers", [0, 1, 2, pytest.param(4, marks=pytest.mark.ci)])
def test_outcomes_do_not_depend_on_the_number_of_workers(workers: int) -> None:
    tasks = [{"seed": seed} for seed in range(12)]
    assert outcomes(tasks, workers) == [Outcome(expected(task)) for task in tasks]


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        ("crash", "crash: SIGSEGV"),
        ("spin", "cpu time"),
        pytest.param("kill", "crash: SIGKILL", marks=pytest.mark.ci),
        pytest.param("hoard", "memory", marks=pytest.mark.ci),
    ],
)
def test_a_step_that_ends_its_workers_is_left_out_with_the_reason(harm: str, reason: str) -> None:
    tasks: list[dict[str, Any]] = [{"seed": 1}, {"seed": 2, "harm": {"7": harm}}, {"seed": 3}]
    found = outcomes(tasks, workers=2)
    assert found[1] == Outcome(expected(tasks[1], (7,)), {7: reason})
    assert [found[0], found[2]] == [Outcome(expected(tasks[0])), Outcome(expected(tasks[2]))]


@pytest.mark.ci
def test_work_is_told_why_it_has_to_leave_out_a_step() -> None:
    (outcome,) = outcomes([{"seed": 1, "steps": 4, "harm": {"1": "crash", "2": "spin"}}], function="chores:reasons")
    assert outcome.result == ["done", "crash: SIGSEGV", "cpu time", "done"]


def test_several_poisoned_steps_of_one_task_are_all_found() -> None:
    task = {"seed": 5, "harm": {"2": "crash", "3": "crash", "19": "crash"}}
    (found,) = outcomes([task])
    assert found == Outcome(expected(task, (2, 3, 19)), dict.fromkeys((2, 3, 19), "crash: SIGSEGV"))


def test_a_kill_from_outside_makes_no_step_poison(tmp_path: Path) -> None:
    task = {"seed": 6, "harm": {"4": "kill once"}, "mark": str(tmp_path / "mark")}
    assert outcomes([task]) == [Outcome(expected(task))]


def test_time_that_is_no_cpu_time_is_not_counted() -> None:
    task = {"seed": 7, "harm": {"4": "sleep"}}
    assert outcomes([task]) == [Outcome(expected(task))]


def test_the_budget_is_of_one_step_not_of_all() -> None:
    task = {"seed": 8, "steps": 5, "harm": dict.fromkeys("01234", "work")}
    assert outcomes([task])[0].poisoned == {}


def test_a_fault_of_the_program_is_told_with_its_traceback_and_is_no_poison() -> None:
    with pytest.raises(EtymonError, match="fault of Etymon") as told:
        outcomes([{"seed": 1}, {"seed": 2, "harm": {"3": "fail"}}], workers=2)
    assert "KeyError: 'a mistake in the program'" in told.value.why and "chores.py" in told.value.why


def test_a_result_that_cannot_be_told_is_a_fault_of_the_program() -> None:
    with pytest.raises(EtymonError) as told:
        outcomes([{}], function="chores:answer_strangely")
    assert "not JSON serializable" in told.value.why


def test_what_a_library_prints_is_not_taken_for_an_answer() -> None:
    assert outcomes(["kept"], function="chores:print_noise") == [Outcome("kept")]


def test_a_worker_has_no_torch() -> None:
    assert outcomes([0], function="chores:loaded_modules") == [Outcome(False)]


def test_tasks_are_drawn_as_they_are_needed() -> None:
    drawn: list[int] = []

    def tasks() -> Iterator[Any]:
        for seed in range(1000):
            drawn.append(seed)
            yield {"seed": seed}

    told = run_tasks("chores:digests", tasks(), workers=2, budget=BUDGET)
    next(told)
    told.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert len(drawn) <= 2 * pool.WINDOW + 2


def test_an_unknown_back_end_is_refused() -> None:
    with pytest.raises(EtymonError, match="no back end clouds"):
        next(run_tasks("chores:digests", [], workers=1, budget=BUDGET, backend="clouds"))


def test_workers_that_die_before_any_step_are_told_and_not_started_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "DEATHS_OF_A_TASK", 2)
    with pytest.raises(EtymonError, match="workers keep dying"):
        outcomes([{}], function="chores:die_at_once")


def test_shares_of_all_ranks_are_all_tasks_once() -> None:
    for world in (1, 2, 7):
        assert sorted(n for rank in range(world) for n in share(100, rank, world)) == list(range(100))


def started(monkeypatch: pytest.MonkeyPatch) -> list[Worker]:
    """All workers that are started from now on."""
    all_of_them: list[Worker] = []

    class Noted(Worker):
        def __init__(self, budget: Budget) -> None:
            super().__init__(budget)
            all_of_them.append(self)

    monkeypatch.setattr(pool, "Worker", Noted)
    return all_of_them


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_what_waiting_raises_ends_all_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    workers = started(monkeypatch)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run_tasks("chores:digests", [{"seed": 1, "seconds": 1}] * 4, workers=2, budget=BUDGET, waiting=stop))
    assert len(workers) == 2 and not any(is_there(worker.pid) for worker in workers)


SUPERVISOR = """
import sys
from etymon.corpus.workers import Budget, run_tasks
list(run_tasks("chores:write_pid", [{"folder": sys.argv[1]}] * 4, workers=2, budget=Budget(10.0, 1 << 30)))
"""


@LINUX_ONLY
@pytest.mark.parametrize(
    "signal_",
    [
        signal.SIGKILL,
        pytest.param(signal.SIGTERM, marks=pytest.mark.ci),
        pytest.param(signal.SIGINT, marks=pytest.mark.ci),
    ],
)
def test_workers_end_with_their_supervisor(signal_: signal.Signals, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(tmp_path)], env=environment, stderr=subprocess.DEVNULL
    )
    until(lambda: len(list(tmp_path.iterdir())) == 2)
    pids = [int(path.name) for path in tmp_path.iterdir()]
    supervisor.send_signal(signal_)
    supervisor.wait()
    until(lambda: not any(map(is_running, pids)))


def is_running(pid: int) -> bool:
    """Whether a process exists and is no zombie that waits for an init that does not care."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(condition: Any, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.mark.ci
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_fifty_kills_at_random_moments_change_nothing(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    processes = started(monkeypatch)
    tasks = [{"seed": seed, "seconds": 0.005} for seed in range(200)]
    chance, kills = random.Random(workers), 0
    while kills < 50:  # the whole work again and again, until there were enough
        found: list[Outcome] = []
        for _, outcome in run_tasks("chores:digests", tasks, workers=workers, budget=BUDGET):
            found.append(outcome)
            # Counted in outcomes, not in time: on a busy machine a worker that is killed every second does nothing.
            if kills < 50 and chance.random() < 0.3:
                time.sleep(chance.uniform(0.0, 0.02))
                if living := [each for each in processes if is_running(each.pid)]:
                    os.kill(chance.choice(living).pid, signal.SIGKILL)
                    kills += 1
        assert json.dumps([each.result for each in found]) == json.dumps([expected(task) for task in tasks])
        assert all(each.poisoned == {} for each in found)
    assert kills == 50
