"""The end of a training: exact in steps, and within a twentieth of a budget of time whatever the machine does."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from small_training import digest, network_of, run_training, settings, stop_after

from etymon.errors import EtymonError, Interrupted
from etymon.storage import Run
from etymon.training.budget import Anchor, Horizon


def simulated(budget: float, share: float, step_time: Callable[[int, float], float]) -> tuple[Horizon, float, int]:
    """Run a training on a clock that `step_time(step, elapsed)` moves; its horizon, its end, and its steps."""
    horizon = Horizon(steps=None, seconds=budget, decay_share=share)
    elapsed, step = 0.0, 0
    while not horizon.reached(step):
        took = step_time(step, elapsed)
        elapsed, step = elapsed + took, step + 1
        if step > 1:
            horizon.took(took)
        horizon.decide(step, elapsed)
    return horizon, elapsed, step


@hypothesis_settings(deadline=None, max_examples=60)
@given(
    step=st.floats(0.01, 0.5),
    when=st.floats(0.05, 0.95),
    slower=st.floats(0.4, 3.0),
    warm_up=st.floats(1, 20),
    share=st.sampled_from([0.1, 0.2, 0.5, 1.0]),
)
def test_a_budget_of_time_is_kept_within_a_twentieth_though_the_machine_changes_speed(
    step: float, when: float, slower: float, warm_up: float, share: float
) -> None:
    budget = 100.0

    def step_time(number: int, elapsed: float) -> float:
        return step * (slower if elapsed > when * budget else 1.0) * (warm_up if number == 0 else 1.0)

    _, end, _ = simulated(budget, share, step_time)
    assert end == pytest.approx(budget, rel=0.05)


@pytest.mark.parametrize("share", [0.1, 0.2, 0.4])
def test_the_decay_is_the_wanted_share_of_all_steps(share: float) -> None:
    horizon, _, steps = simulated(100.0, share, lambda step, elapsed: 0.1)
    assert steps - horizon.anchors[0].step == pytest.approx(share * steps, rel=0.02)
    assert len(horizon.anchors) == 1


def test_a_single_slow_step_and_a_slow_first_step_change_nothing() -> None:
    calm, _, steps = simulated(100.0, 0.2, lambda step, elapsed: 0.1)
    _, _, disturbed = simulated(100.0, 0.2, lambda step, elapsed: 1.1 if step in (0, 300) else 0.1)
    assert disturbed == pytest.approx(steps - 20, abs=2)
    assert calm.total == steps


def test_the_decay_only_ever_goes_forward_and_ends_at_the_end() -> None:
    horizon, _, steps = simulated(100.0, 0.2, lambda step, elapsed: 0.1 if elapsed < 90 else 0.3)
    assert len(horizon.anchors) > 1
    progress = [horizon.progress(step) for step in range(steps + 1)]
    assert progress[0] == 0.0 and progress[-1] == 1.0
    assert all(later >= earlier for earlier, later in pairwise(progress))
    assert max(later - earlier for earlier, later in pairwise(progress)) < 0.1


def test_decisions_that_are_replayed_are_not_made_anew() -> None:
    horizon = Horizon(steps=None, seconds=100.0, decay_share=0.2)
    horizon.replay([Anchor(80, 0.0, 100)])
    for _ in range(10):
        horizon.took(5.0)  # so slow that the decay would be due at once
    assert horizon.decide(40, 200.0) is None
    assert horizon.decide(80, 200.0) is None
    assert (horizon.progress(79), horizon.progress(90), horizon.total) == (0.0, 0.5, 100)


def test_a_number_of_steps_is_that_number() -> None:
    horizon = Horizon(steps=50, seconds=None, decay_share=0.2)
    assert horizon.decide(10, 1e9) is None
    assert [horizon.reached(step) for step in (49, 50)] == [False, True]
    assert [horizon.progress(step) for step in (39, 40, 45, 50)] == [0.0, 0.0, 0.5, 1.0]


@pytest.mark.parametrize("amounts", [{}, {"steps": 5, "seconds": 5.0}, {"steps": 0}, {"seconds": 0.0}, {"steps": -3}])
def test_an_end_is_asked_for_in_one_way_and_is_more_than_nothing(amounts: dict[str, float]) -> None:
    with pytest.raises(EtymonError, match="training"):
        Horizon(**({"steps": None, "seconds": None, "decay_share": 0.2} | amounts))  # type: ignore[arg-type]


class FakeClock:
    """A clock that each step of a training moves on."""

    def __init__(self, step_time: Callable[[int], float]) -> None:
        self.now, self.step, self._step_time = 0.0, 0, step_time

    def __call__(self) -> float:
        return self.now

    def stop_requested(self) -> bool:
        """Asked once before each step: the place to let time pass."""
        self.now += self._step_time(self.step)
        self.step += 1
        return False


def test_a_training_ends_on_its_budget_though_the_machine_slows_down(run: Run) -> None:
    clock = FakeClock(lambda step: 0.1 if step < 30 else 0.2)
    trained = run_training(run, network_of(), budget=8.0, clock=clock, stop_requested=clock.stop_requested)
    assert trained.seconds == pytest.approx(8.0, rel=0.05)
    assert trained.stopped_by == "budget"
    rates = [row["learning_rate"] for row in run.metrics.rows()]
    (starts, *_) = [event for event in run.journal.events() if event["event"] == "decay starts"]
    assert max(rates) == 0.01 and rates[starts["step"] - 1] == 0.01
    assert rates[-1] < 0.004
    assert starts["series"] == "x" and starts["total_steps"] >= trained.steps - 2


def test_a_resumed_training_replays_the_decision_and_counts_all_time(new_run: Callable[[str], Run]) -> None:
    def trained_with(run: Run, stops: list[int]) -> tuple[str, float]:
        for calls in [*stops, 10**6]:
            network, asked = network_of("lstm"), stop_after(calls)
            done = run.metrics.rows()
            clock = FakeClock(lambda step: 0.1)
            clock.step = len(done)

            def stop(clock: FakeClock = clock, asked: Callable[[], bool] = asked) -> bool:
                return asked() or clock.stop_requested()

            try:
                result = run_training(run, network, budget=5.0, clock=clock, stop_requested=stop)
                return digest(network), result.seconds
            except Interrupted:
                continue
        raise AssertionError("it never ended")

    straight, seconds = trained_with(new_run("straight"), [])
    stopped, seconds_too = trained_with(new_run("stopped"), [12, 20, 8, 5])
    assert stopped == straight
    assert seconds == pytest.approx(5.0, rel=0.05) and seconds_too == pytest.approx(seconds)
    events = [event["event"] for event in new_run("stopped").journal.events()]
    assert events.count("decay starts") == 1 and events.count("training resumes") == 4


def test_time_lost_to_a_kill_is_spent_all_the_same(run: Run) -> None:
    clock = FakeClock(lambda step: 0.1)

    class Killed(Exception):
        pass

    def killed_at_40() -> bool:
        if clock.step == 40:
            raise Killed
        return clock.stop_requested()

    slow_saves = settings(checkpoint_seconds=2.05)
    with pytest.raises(Killed):
        run_training(run, network_of(), budget=10.0, clock=clock, stop_requested=killed_at_40, settings=slow_saves)
    checkpoint = run.checkpoints("x").latest()
    assert checkpoint is not None and checkpoint.step < 40
    trained = run_training(
        run, network_of(), budget=10.0, clock=clock, stop_requested=clock.stop_requested, settings=slow_saves
    )
    assert trained.seconds == pytest.approx(10.0, rel=0.05)
    assert trained.steps == pytest.approx(100 - (40 - checkpoint.step), abs=3)
