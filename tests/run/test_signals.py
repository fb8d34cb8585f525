"""Asked to stop at any moment, the main job saves, names the command that goes on, and ends in the same bits."""

from __future__ import annotations

import itertools
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from etymon.storage import Store
from harness import whole_job
from harness.kills import End, Killer, Target, fresh_process
from harness.whole_job import COMMAND, NAME, PHASES, PLACES, TRAININGS, Undisturbed

pytest.importorskip("torch", reason="the job trains networks")

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
STOPPED = 75
SOON = 30.0
"""Seconds within which a job that was asked to stop is gone, on a machine that is busy with other things."""


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    with Killer(imports=whole_job.IMPORTS) as server:
        yield server


@pytest.fixture
def what(tmp_path: Path, job_text: Path) -> dict[str, Any]:
    """The arguments of a job whose checkpoints are only those that it is asked for."""
    return whole_job.arguments(Store.at(tmp_path / "store").root, job_text) | {"seldom": True}


def is_saved(what: dict[str, Any]) -> bool:
    """Whether the training that was stopped last has a checkpoint of its last step or the one before."""
    run = Store.at(what["store"]).run(NAME)
    rows = [row for row in run.metrics.rows() if "loss" in row]
    newest = run.checkpoints(rows[-1]["series"]).latest() if rows else None
    return newest is not None and rows[-1]["step"] - newest.step <= 1


def check_stopped(end: End, what: dict[str, Any]) -> None:
    """It ended as it was asked to, soon, in words that help, and with what was learned saved."""
    assert (end.signal, end.code) == (0, STOPPED), end
    assert end.waited < SOON
    assert "etymon run" in end.printed and f"--name {NAME}" in end.printed and "goes on" in end.printed
    phases = [event for event in Store.at(what["store"]).run(NAME).journal.events() if event["event"] == "phase"]
    if phases and phases[-1]["phase"] in TRAININGS:
        assert is_saved(what)


def check_the_end(whole: Undisturbed, end: End, what: dict[str, Any]) -> None:
    """The last start finished what the others had begun."""
    assert (end.signal, end.code) == (0, 0), end.printed
    assert whole_job.differences(Path(what["store"]), whole) == []


def moments(seed: int, whole: Undisturbed) -> list[Target]:
    """Two in each phase in the order of the job: at a change of the disk, and after a part of its time."""
    draw = random.Random(seed)
    numbers = itertools.cycle(SIGNALS)
    found: list[Target] = []
    for phase in PHASES[:-1]:  # what the report needs is all there; it is finished rather than stopped
        part = ": backward" if phase in TRAININGS else ""
        operation = draw.randint(1, max(whole.places[phase] // 4, 1))
        found.append(Target(phase, operation=operation, number=next(numbers)))
        found.append(Target(phase + part, seconds=draw.uniform(0, whole.times[phase] / 4), number=next(numbers)))
    return found


@pytest.mark.parametrize(
    "target",
    [
        Target("shards", operation=5, number=signal.SIGUSR1),
        Target("train lstm: backward", seconds=0.0, entry=5, number=signal.SIGTERM),
        Target("train gpt: mark", operation=1, number=signal.SIGINT),
    ],
    ids=lambda target: f"{target.number.name} in {target.place}",
)
def test_stopped_once_it_goes_on_to_the_same_bits(
    killer: Killer, undisturbed: Undisturbed, what: dict[str, Any], target: Target
) -> None:
    check_stopped(killer.attempt(COMMAND, what, target, order=PLACES), what)
    check_the_end(undisturbed, killer.attempt(COMMAND, what), what)


@pytest.mark.ci
@pytest.mark.parametrize("half", [0, 1])
def test_processes_stopped_at_twenty_moments_go_on_to_the_same_bits(
    undisturbed: Undisturbed, what: dict[str, Any], half: int, record_property: Callable[[str, object], None]
) -> None:
    stops = 0
    for target in [*moments(1, undisturbed), *moments(2, undisturbed)[:4]][half::2]:
        end = fresh_process(COMMAND, what, target, order=PLACES)
        check_stopped(end, what)
        stops += end.hit
    assert stops >= 10
    record_property("found", f"{stops} processes stopped, all with exit code 75")
    check_the_end(undisturbed, fresh_process(COMMAND, what, order=PLACES), what)


@pytest.mark.ci
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_second_signal_ends_it_at_once_and_nothing_is_lost(
    killer: Killer, undisturbed: Undisturbed, what: dict[str, Any], number: signal.Signals
) -> None:
    for place in ("learn ngram", "train gpt: backward", "report"):
        target = Target(place, seconds=0.0, number=number, again=0.001)
        end = killer.attempt(COMMAND, what, target, order=PLACES)
        assert end.signal == number or end.code in (STOPPED, 128 + number), end
        assert end.waited < SOON
    check_the_end(undisturbed, killer.attempt(COMMAND, what), what)
