"""Metrics: rows replay exactly, a torn tail is cut, and rewinding is all or nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etymon.errors import EtymonError
from etymon.storage import Damaged, Metrics, Store, commit

NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
ROWS = st.lists(
    st.fixed_dictionaries(
        {"series": st.sampled_from(["gpt", "lstm"]), "step": st.integers(0, 9)},
        optional={"loss": NUMBERS, "check": NUMBERS},
    ),
    max_size=8,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.jsonl"


def metrics_at(path: Path) -> Metrics:
    return Metrics(path, "The run demo", tell=lambda event, **fields: None)


def filled(path: Path, rows: list[dict[str, object]]) -> Metrics:
    metrics = metrics_at(path)
    for row in rows:
        metrics.append(row)
    return metrics


@given(ROWS, st.sampled_from(["gpt", "lstm", "none"]), st.integers(-1, 10))
@settings(max_examples=25, deadline=None)
def test_rows_replay_exactly_and_rewinding_drops_only_later_rows_of_its_series(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]], series: str, step: int
) -> None:
    path = tmp_path_factory.mktemp("metrics") / "metrics.jsonl"
    metrics = filled(path, rows)
    assert metrics.rows() == metrics_at(path).rows() == rows
    metrics.rewind(series, step)
    kept = [row for row in rows if row["series"] != series or row["step"] <= step]  # type: ignore[operator]
    assert metrics.rows() == kept
    metrics.append({"series": series, "step": step, "again": True})
    assert metrics_at(path).rows() == [*kept, {"series": series, "step": step, "again": True}]


def test_a_tail_torn_at_any_byte_is_cut_at_the_next_append(path: Path) -> None:
    rows: list[dict[str, object]] = [{"series": "gpt", "step": step, "loss": 1 / (step + 1)} for step in range(3)]
    filled(path, rows).close()
    whole = path.read_bytes()
    ends = [position + 1 for position, byte in enumerate(whole) if byte == 10]
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        good = sum(end <= length for end in ends)
        metrics = metrics_at(path)
        assert metrics.rows() == rows[:good]
        if length % 5 == 0:
            metrics.append(rows[0])
            assert metrics.rows() == [*rows[:good], rows[0]]
            metrics.close()


def test_rows_after_a_hole_left_by_a_loss_of_power_are_cut(path: Path) -> None:
    rows: list[dict[str, object]] = [{"series": "gpt", "step": step} for step in range(4)]
    filled(path, rows).close()
    whole = bytearray(path.read_bytes())
    line = whole.index(b"\n") + 1
    whole[line + 5 : line + 15] = bytes(10)
    path.write_bytes(whole)
    metrics = metrics_at(path)
    assert metrics.rows() == rows[:1]
    metrics.append(rows[1])
    assert metrics.rows() == rows[:2]


def test_the_journal_is_told_of_rows_that_were_cut_after_a_hole(store: Store) -> None:
    for cut_by in ("append", "rewind"):
        run = store.run(cut_by)
        for step in range(4):
            run.metrics.append({"series": "gpt", "step": step})
        run.metrics.close()
        whole = bytearray((run.path / "metrics.jsonl").read_bytes())
        line = whole.index(b"\n") + 1
        whole[line + 5] = 0
        (run.path / "metrics.jsonl").write_bytes(whole)
        later = store.run(cut_by)
        if cut_by == "append":
            later.metrics.append({"series": "gpt", "step": 1})
        else:
            later.metrics.rewind("gpt", 0)
        later.metrics.rewind("gpt", 0)
        told = [(event["event"], event["bytes"]) for event in later.journal.events()]
        assert told == [("metrics tail cut", len(whole) - line)]


def test_a_changed_row_is_found(path: Path) -> None:
    metrics = filled(path, [{"series": "gpt", "step": 1, "loss": 2.5}, {"series": "gpt", "step": 2, "loss": 2.25}])
    path.write_bytes(path.read_bytes().replace(b"2.5", b"2.4"))
    for use in (metrics.rows, lambda: metrics.rewind("gpt", 0)):
        with pytest.raises(Damaged, match="damaged"):
            use()


@pytest.mark.parametrize("others", [0, 1])  # with rows of another series at the end the file is written anew, else cut
@pytest.mark.parametrize("failing", range(1, 8))
def test_rewinding_is_all_or_nothing_wherever_it_fails(path: Path, failing: int, others: int) -> None:
    rows: list[dict[str, object]] = [{"series": "gpt", "step": step} for step in range(5)]
    last: list[dict[str, object]] = [{"series": "lstm", "step": 9}] * others
    metrics = filled(path, rows + last)
    seen: list[str] = []

    def fail(operation: commit.Operation) -> None:
        seen.append(operation.name)
        if len(seen) >= failing:
            raise OSError(5, "Input/output error")

    commit.fault = fail
    try:
        metrics.rewind("gpt", 2)
    except commit.DiskFault as error:
        assert error.exit_code == 74
    commit.fault = None
    done = bool({"rename", "truncate"} & set(seen[: failing - 1]))
    assert metrics_at(path).rows() == (rows[:3] if done else rows) + last
    metrics.rewind("gpt", 2)
    assert metrics_at(path).rows() == rows[:3] + last
    metrics.append({"series": "gpt", "step": 3})
    assert metrics_at(path).rows() == [*rows[:3], *last, {"series": "gpt", "step": 3}]


def test_rewinding_drops_the_rows_under_a_series_too(path: Path) -> None:
    metrics = filled(path, [{"series": name, "step": 4} for name in ("gpt", "gpt/marks", "gpt2", "gpt")])
    metrics.rewind("gpt", 3)
    assert [row["series"] for row in metrics.rows()] == ["gpt2"]


@given(ROWS, ROWS, st.integers(-1, 10))
@settings(max_examples=25, deadline=None)
def test_rewinding_from_a_mark_is_rewinding(
    tmp_path_factory: pytest.TempPathFactory,
    before: list[dict[str, object]],
    after: list[dict[str, object]],
    step: int,
) -> None:
    path = tmp_path_factory.mktemp("metrics") / "metrics.jsonl"
    before = [row for row in before if row["series"] != "gpt" or row["step"] <= step]  # type: ignore[operator]
    mark = filled(path, before).mark()
    metrics = filled(path, after)
    assert metrics_at(path).rows(mark) == after
    metrics.rewind("gpt", step, mark)
    kept = [row for row in after if row["series"] != "gpt" or row["step"] <= step]  # type: ignore[operator]
    assert metrics_at(path).rows() == before + kept
    metrics.append({"series": "gpt", "step": 3})
    assert metrics_at(path).rows()[-1] == {"series": "gpt", "step": 3}


def test_a_mark_that_does_not_fit_leads_to_the_whole_file(path: Path) -> None:
    rows: list[dict[str, object]] = [{"series": "gpt", "step": step} for step in range(5)]
    mark = filled(path, rows).mark()
    for wrong in (
        replace(mark, size=mark.size - 1),
        replace(mark, size=mark.size + 1),
        replace(mark, link=mark.link ^ 1),
        replace(mark, count=4),
    ):
        assert metrics_at(path).rows(wrong) == rows
    assert metrics_at(path).rows(mark) == []


def test_rewinding_from_a_mark_reads_nothing_that_lies_far_before_it(path: Path) -> None:
    metrics = filled(path, [{"series": "gpt", "step": step, "text": "x" * 100_000} for step in range(20)])
    mark = metrics.mark()
    metrics.append({"series": "gpt", "step": 20})
    metrics.close()
    with path.open("r+b") as file:  # damage there would be found if it were read
        file.write(b"damage")
    later = metrics_at(path)
    later.rewind("gpt", 19, mark)
    later.append({"series": "gpt", "step": 20, "again": True})
    assert later.rows(mark) == [{"series": "gpt", "step": 20, "again": True}]
    with pytest.raises(Damaged):
        later.rows()


def test_rewinding_where_there_is_nothing_makes_nothing(path: Path) -> None:
    metrics_at(path).rewind("gpt", 3)
    assert not path.exists()


def test_rows_are_not_synced_one_by_one_but_all_at_once(path: Path) -> None:
    metrics = filled(path, [{"series": "gpt", "step": 1}])
    seen: list[str] = []
    commit.fault = lambda operation: seen.append(operation.name)
    metrics.append({"series": "gpt", "step": 2})
    assert seen == ["write"]
    metrics.sync()
    assert seen[-1] == "sync"


def test_a_file_whose_sync_failed_is_written_anew(path: Path) -> None:
    metrics = filled(path, [{"series": "gpt", "step": 1}])
    before = path.stat().st_ino

    def broken(operation: commit.Operation) -> None:
        if operation.name == "sync":
            raise OSError(5, "Input/output error")

    commit.fault = broken
    with pytest.raises(commit.DiskFault):
        metrics.sync()
    commit.fault = None
    metrics.sync()
    assert path.stat().st_ino != before
    metrics.append({"series": "gpt", "step": 2})
    assert [row["step"] for row in metrics_at(path).rows()] == [1, 2]


def test_numbers_that_are_not_finite_become_null(path: Path) -> None:
    metrics = filled(path, [{"series": "gpt", "step": np.int64(1), "loss": math.nan, "norm": [math.inf, 1.5]}])
    assert metrics.rows() == [{"series": "gpt", "step": 1, "loss": None, "norm": [None, 1.5]}]


@pytest.mark.parametrize(
    "row", [{}, {"series": "gpt"}, {"step": 1}, {"series": 3, "step": 1}, {"series": "a", "step": 1.5}]
)
def test_a_row_without_series_or_step_is_refused(path: Path, row: dict[str, object]) -> None:
    with pytest.raises(EtymonError, match="lacks its series or its step"):
        metrics_at(path).append(row)
