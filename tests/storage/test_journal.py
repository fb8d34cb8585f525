"""The journal: events come back as they were told, a torn tail is cut, and no acknowledged event is lost silently."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etymon.errors import EtymonError
from etymon.storage import Damaged, Journal, Store, commit

NAMES = st.text(min_size=1, max_size=6).filter(lambda name: name not in ("event", "time", "sequence", "self"))
FIELDS = st.dictionaries(NAMES, st.integers() | st.text(max_size=9) | st.none() | st.lists(st.booleans()), max_size=3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def journal_at(path: Path) -> Journal:
    return Journal(path, "The run demo")


def told(journal: Journal) -> list[str]:
    return [event["event"] for event in journal.events()]


def with_events(path: Path, count: int) -> list[bytes]:
    """A journal of that many events; gives its lines."""
    journal = journal_at(path)
    for number in range(count):
        journal.append(f"event {number}", number=number)
    journal.close()
    return path.read_bytes().splitlines(keepends=True)


@given(st.lists(st.tuples(st.text(max_size=9), FIELDS), max_size=4))
@settings(max_examples=15, deadline=None)
def test_events_come_back_as_they_were_told(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[str, dict[str, object]]]
) -> None:
    path = tmp_path_factory.mktemp("journal") / "events.jsonl"
    for event, fields in events:
        journal_at(path).append(event, **fields)
    for number, (event, (name, fields)) in enumerate(zip(journal_at(path).events(), events, strict=True)):
        assert event.pop("time")
        assert event == {**fields, "event": name, "sequence": number}


def test_a_journal_that_is_not_there_is_empty_and_reading_makes_nothing(path: Path) -> None:
    assert journal_at(path).events() == []
    assert not path.exists()


def test_a_tail_torn_at_any_byte_is_cut_and_told(path: Path) -> None:
    lines = with_events(path, 3)
    whole = b"".join(lines)
    kept = len(lines[0] + lines[1])
    for length in range(kept + 1, len(whole)):
        path.write_bytes(whole[:length])
        journal = journal_at(path)
        assert told(journal) == ["event 0", "event 1"]
        assert path.stat().st_size == length  # reading changes nothing
        if length % 7 == 0 or length in (kept + 1, len(whole) - 1):  # an append costs two syncs
            journal.append("event 2 again")
            assert told(journal) == ["event 0", "event 1", "event 2 again", "journal tail cut"]
            assert journal.events()[-1]["bytes"] == length - kept
            journal.close()


def test_a_cut_between_two_events_leaves_those_before(path: Path) -> None:
    lines = with_events(path, 3)
    path.write_bytes(lines[0] + lines[1])
    journal_at(path).append("next")
    assert told(journal_at(path)) == ["event 0", "event 1", "next"]


@pytest.mark.parametrize("hole", [slice(0, 1), slice(10, 30), slice(-5, None), slice(0, None)])
def test_a_last_line_with_a_hole_of_zeros_is_torn(path: Path, hole: slice) -> None:
    lines = with_events(path, 2)
    last = bytearray(lines[1])
    last[hole] = bytes(len(last[hole]))
    path.write_bytes(lines[0] + last)
    assert told(journal_at(path)) == ["event 0"]
    journal_at(path).append("next")
    assert told(journal_at(path)) == ["event 0", "next", "journal tail cut"]


def test_every_flipped_byte_is_found_and_never_cut_silently(path: Path) -> None:
    whole = b"".join(with_events(path, 3))
    for position in range(len(whole) - 1):  # without its last line end the last line is a torn one
        changed = bytearray(whole)
        changed[position] ^= 0x11
        path.write_bytes(changed)
        with pytest.raises(Damaged) as caught:
            journal_at(path).events()
        assert "line" in caught.value.why
        if position % 17 == 0:
            with pytest.raises(Damaged):
                journal_at(path).append("next")
            assert path.read_bytes() == changed


def test_damage_is_told_with_its_line_and_what_to_do(path: Path) -> None:
    lines = with_events(path, 3)
    path.write_bytes(lines[0] + lines[1].replace(b"event 1", b"event 7") + lines[2])
    with pytest.raises(Damaged, match="The run demo is damaged") as caught:
        journal_at(path).events()
    assert "line 2" in caught.value.why
    assert "head -n 1" in caught.value.help and "`etymon repair` puts right what it can" in caught.value.help
    assert caught.value.exit_code == 74


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 2), (0, 0, 1), (1, 2), (0, 2, 1)])
def test_lines_moved_doubled_or_missing_are_found(path: Path, order: tuple[int, ...]) -> None:
    lines = with_events(path, 3)
    path.write_bytes(b"".join(lines[number] for number in order))
    with pytest.raises(Damaged):
        journal_at(path).events()


def test_a_hole_before_later_events_is_damage_not_a_torn_tail(path: Path) -> None:
    lines = with_events(path, 3)
    path.write_bytes(lines[0] + bytes(len(lines[1]) - 1) + b"\n" + lines[2])
    with pytest.raises(Damaged, match="damaged"):
        journal_at(path).append("next")


def test_two_writers_of_one_journal_go_on_from_each_other(path: Path) -> None:
    one, other = journal_at(path), journal_at(path)
    for number in range(6):
        (one, other)[number % 2].append(str(number))
    assert told(one) == told(other) == list("012345")


def test_a_line_that_could_not_be_written_whole_is_cut_by_the_next(path: Path) -> None:
    journal = journal_at(path)
    journal.append("first")
    sizes: list[int] = []

    def half(operation: commit.Operation) -> None:
        if operation.name == "write":
            with path.open("ab") as file:
                sizes.append(file.write(bytes(operation.data)[:20]))
            raise OSError(28, "No space left on device")

    commit.fault = half
    with pytest.raises(commit.DiskFault):
        journal.append("lost")
    commit.fault = None
    assert told(journal) == ["first"]
    journal.append("second")
    assert told(journal) == ["first", "second", "journal tail cut"]


def test_a_file_whose_sync_failed_is_never_synced_again(path: Path) -> None:
    journal = journal_at(path)
    journal.append("first")
    before = path.stat().st_ino

    def broken(operation: commit.Operation) -> None:
        if operation.name == "sync":
            raise OSError(5, "Input/output error")

    commit.fault = broken
    with pytest.raises(commit.DiskFault):
        journal.append("unsure")
    commit.fault = None
    journal.append("second")
    assert path.stat().st_ino != before
    assert told(journal) == ["first", "unsure", "second"]
    assert told(journal_at(path)) == ["first", "unsure", "second"]


def test_each_event_is_synced_before_append_returns(path: Path) -> None:
    seen: list[str] = []
    commit.fault = lambda operation: seen.append(operation.name)
    journal = journal_at(path)
    journal.append("first")
    seen.clear()
    journal.append("second")
    assert seen == ["write", "sync"]


@pytest.mark.parametrize("name", ["event", "time", "sequence"])
def test_the_journals_own_fields_are_refused(path: Path, name: str) -> None:
    with pytest.raises((EtymonError, TypeError)):
        journal_at(path).append("start", **{name: 1})
    assert not path.exists()


def test_values_that_json_cannot_hold_are_refused_and_nothing_is_written(store: Store) -> None:
    run = store.run("demo")
    run.journal.append("first")
    with pytest.raises(EtymonError, match="cannot be kept"):
        run.journal.append("second", value=object())
    assert told(run.journal) == ["first"]
