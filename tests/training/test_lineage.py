"""Other versions, device, threads or kernels than before: told, noted as a new lineage, and refused where strict."""

from __future__ import annotations

import pytest
from small_training import digest, network_of, run_training, settings, stop_after

from etymon.errors import EtymonError, Interrupted
from etymon.storage import Run, Store
from etymon.training.fingerprint import differences

THREADS = "threads was 1 and is 2"


@pytest.fixture
def two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("etymon.training.fingerprint.torch.get_num_threads", lambda: 2)


def stopped(run: Run, after: int = 5, **changed: object) -> None:
    with pytest.raises(Interrupted):
        run_training(run, network_of(), stop_requested=stop_after(after), settings=settings(**changed), warn=refuse)


def refuse(text: str) -> None:
    raise AssertionError(f"there was nothing to warn of: {text}")


def test_a_training_of_one_fingerprint_has_one_lineage(run: Run) -> None:
    stopped(run)
    trained = run_training(run, network_of(), warn=refuse)
    assert [lineage.step for lineage in trained.lineages] == [0]


def test_a_stopped_training_says_from_which_step_it_goes_on(run: Run) -> None:
    told: list[str] = []
    with pytest.raises(Interrupted):
        run_training(run, network_of(), stop_requested=stop_after(5), say=told.append)
    assert told == []
    trained = run_training(run, network_of(), say=told.append)
    assert told == [f"x goes on from step 5, with {trained.tokens // 4:,} tokens read"]
    run_training(run, network_of(), say=told.append)  # there is nothing left to do
    assert len(told) == 1


def test_metrics_that_were_taken_away_are_missed(run: Run) -> None:
    stopped(run)
    run.metrics.sync()
    run.metrics.close()
    (run.path / "metrics.jsonl").unlink()
    told: list[str] = []
    again = Store(run.path.parents[1]).run(run.name)
    run_training(again, network_of(), warn=told.append)
    assert told == ["the metrics of 5 of the 5 steps that x goes on from are lost"]


def test_another_number_of_threads_is_told_and_begins_a_new_lineage(run: Run, request: pytest.FixtureRequest) -> None:
    stopped(run)
    request.getfixturevalue("two_threads")
    told: list[str] = []
    with pytest.raises(Interrupted):
        run_training(run, network_of(), stop_requested=stop_after(4), warn=told.append)
    (text,) = told
    assert "new lineage" in text and THREADS in text
    (event,) = [event for event in run.journal.events() if event["event"] == "new lineage"]
    assert (event["step"], event["number"], event["differences"]) == (5, 2, [THREADS])
    trained = run_training(run, network_of(), warn=refuse)  # it is known by now
    assert [(lineage.step, lineage.numerics["threads"]) for lineage in trained.lineages] == [(0, 1), (5, 2)]


def test_a_strict_training_refuses_other_threads_and_goes_on_with_its_own(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped(run, strict=True)
    with monkeypatch.context() as patch:
        patch.setattr("etymon.training.fingerprint.torch.get_num_threads", lambda: 2)
        with pytest.raises(EtymonError, match="other bits") as refused:
            run_training(run, network_of(), settings=settings(strict=True))
    assert refused.value.why == THREADS
    straight = run.store.run("straight")
    expected, network = network_of(), network_of(seed=9)
    run_training(straight, expected)
    trained = run_training(run, network, settings=settings(strict=True), warn=refuse)
    assert len(trained.lineages) == 1
    assert digest(network) == digest(expected)


@pytest.mark.usefixtures("two_threads")
def test_a_training_may_become_strict_and_cease_to_be(run: Run) -> None:
    stopped(run)
    stopped(run, after=3, strict=True)
    assert run_training(run, network_of(), warn=refuse).steps == 20


def test_differences_name_what_is_new_and_what_is_gone() -> None:
    assert differences({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 4, "d": 5}) == [
        "b was 2 and is 4",
        "c was 3 and is not there",
        "d was not there and is 5",
    ]
