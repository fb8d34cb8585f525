"""A wall clock that jumps, by days or by an hour twice a year, changes nothing of a run but the times that it shows."""

from __future__ import annotations

import ast
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from small_runs import Heard, run

from etymon.run.budget import BudgetClock
from etymon.storage import Store
from harness import whole_job
from harness.kills import Target, fresh_process
from harness.whole_job import COMMAND, NAME, PLACES, Undisturbed

pytest.importorskip("torch", reason="the job trains networks")

SOURCE = Path(__file__).parents[2] / "src" / "etymon"
FAKETIME = "/usr/lib/*/faketime/libfaketime.so.1"
WALL_CLOCKS = {
    "time.time", "time.time_ns", "time.localtime", "time.gmtime", "time.ctime", "time.asctime", "time.strftime",
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today",
}  # fmt: skip
ALLOWED = {
    ("storage/draft.py", "datetime.now"): "`created` of an artifact: shown, and what `latest` goes by",
    ("storage/journal.py", "datetime.now"): "`time` of an event: shown",
    ("storage/lock.py", "datetime.now"): "`started` of a lease: shown",
    ("storage/lock.py", "time.time"): "the disk's clock, where the disk cannot be asked",
    ("storage/folder.py", "time.time_ns"): "whether a file changed just now: else it is read once more than needed",
    ("storage/generations.py", "datetime.now"): "`created` of a state elsewhere: shown",
    ("storage/remote.py", "datetime.now"): "`created` of a copy elsewhere: shown",
    ("run/reporting.py", "datetime.now"): "`created` of a report: shown",
}


def wall_clocks(path: Path) -> set[str]:
    """The functions that a file asks for the wall clock."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    imported = [
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    return {
        clock for clock in WALL_CLOCKS for name in [*names, *imported] if name == clock or name.endswith(f".{clock}")
    }


def test_the_wall_clock_is_asked_only_for_what_is_shown() -> None:
    found = {(str(path.relative_to(SOURCE)), name) for path in SOURCE.rglob("*.py") for name in wall_clocks(path)}
    assert found - ALLOWED.keys() == set()


def test_a_wall_clock_is_found_however_it_is_named(tmp_path: Path) -> None:
    planted = {
        "import time\ntime.time()": "time.time",
        "from time import time": "time.time",
        "import datetime\ndatetime.datetime.now()": "datetime.now",
        "from datetime import datetime\nask = datetime.utcnow": "datetime.utcnow",
    }
    for source, name in planted.items():
        (tmp_path / "planted.py").write_text(source)
        assert wall_clocks(tmp_path / "planted.py") == {name}
    (tmp_path / "planted.py").write_text("import time\ntime.monotonic()\ntime.sleep(1)")
    assert wall_clocks(tmp_path / "planted.py") == set()


@pytest.fixture
def jumping(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Sets the wall clock of this process; the monotonic clock is left alone."""
    real_now, real_time = datetime.now, time.time
    off = timedelta()

    class Jumping(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return real_now(tz) + off

    for module in ("storage.draft", "storage.journal", "storage.lock", "run.reporting"):
        monkeypatch.setattr(f"etymon.{module}.datetime", Jumping)
    monkeypatch.setattr(time, "time", lambda: real_time() + off.total_seconds())

    def jump(by: timedelta) -> None:
        nonlocal off
        off += by

    return jump


@pytest.mark.parametrize("days", [-400, -2, 2, 400])
def test_what_was_made_before_a_jump_is_called_reused_and_what_was_made_after_it_is_not(
    store: Store, text: Path, jumping: Callable[[timedelta], None], days: int
) -> None:
    first = Heard()
    run(store, text, narrator=first)
    jumping(timedelta(days=days))
    again, other = Heard(), Heard()
    run(store, text, narrator=again)
    run(store, text, "models.ngram.order=3", narrator=other)
    assert first.reused == set()
    assert again.reused == {"corpus", "tokenizer", "shards", "model/ngram", "measurement/ngram"}
    assert other.reused == {"corpus", "tokenizer", "shards"}


class JumpingHeard(Heard):
    """Lets the clock jump whenever a phase begins."""

    def __init__(self, jump: Callable[[timedelta], None], days: list[int]) -> None:
        super().__init__()
        self._jump, self._days = jump, days

    @contextmanager
    def phase(self, title: str) -> Iterator[Any]:
        if self._days:
            self._jump(timedelta(days=self._days.pop()))
        with super().phase(title) as progress:
            yield progress


def test_jumps_between_all_phases_change_neither_results_nor_what_the_budget_is_charged_nor_what_gc_keeps(
    tmp_path: Path, text: Path, jumping: Callable[[timedelta], None]
) -> None:
    still = Store.at(tmp_path / "still")
    straight = run(still, text, "models.ngram.order=3")
    store = Store.at(tmp_path / "jumping")
    draw, begin = random.Random(5), time.monotonic()
    for _ in range(2):
        heard = JumpingHeard(jumping, [draw.choice((-900, -30, -1, 1, 30, 900)) for _ in range(20)])
        outcome = run(store, text, "models.ngram.order=3", narrator=heard)
        took = time.monotonic() - begin
        assert outcome.models["ngram"].content_hash == straight.models["ngram"].content_hash
        charged = [event["seconds"] for event in store.run("small").journal.events() if event["event"] == "phase"]
        assert all(0 <= seconds <= took for seconds in charged) and sum(charged) <= took
        store.run("small").journal.append("finished")
    assert {artifact.label for artifact in store.gc()} == set()
    assert store.verify() == []
    assert [event["sequence"] for event in store.run("small").journal.events()] == list(
        range(len(store.run("small").journal.events()))
    )


def test_a_lock_is_neither_lost_nor_given_away_when_the_clock_jumps(
    store: Store, jumping: Callable[[timedelta], None]
) -> None:
    from etymon.storage import Held

    one = store.run("one")
    with one.lock():
        for days in (-500, 1000, -500):
            jumping(timedelta(days=days))
            assert one.holder() is not None
            with pytest.raises(Held), store.run("one").lock():
                pass
    jumping(timedelta(days=-500))
    assert one.holder() is None
    with store.run("one").lock():
        pass


def test_the_budget_clock_is_monotonic(jumping: Callable[[timedelta], None]) -> None:
    clock = BudgetClock(spent_before=3.0)
    jumping(timedelta(days=10))
    assert 3.0 <= clock.spent < 4.0
    jumping(timedelta(days=-20))
    assert 3.0 <= clock.spent < 4.0


@pytest.fixture
def faketime() -> str:
    """The library that puts a process out of time."""
    found = sorted(Path("/").glob(FAKETIME.lstrip("/")))
    if not found:
        told = "libfaketime is not here (Debian's package faketime)"
        pytest.fail(told) if os.environ.get("CI") == "true" else pytest.skip(told)
    return str(found[0])


@contextmanager
def clock_that_jumps(file: Path, moments: list[str]) -> Iterator[None]:
    """Sets the file that libfaketime reads to one moment after another until the body is done."""
    done = threading.Event()
    written = file.with_suffix(".new")

    def jumps() -> None:
        for number in range(10**6):
            written.write_text(moments[number % len(moments)])
            os.replace(written, file)
            if done.wait(0.05):
                return

    file.write_text(moments[0])
    thread = threading.Thread(target=jumps)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


JUMPS = {
    "days": ["+0", "+3d", "-3d", "+400d", "-400d"],
    # Two minutes before the hour in spring that there is not, and the hour in autumn that there is twice.
    "daylight saving": ["@2026-03-29 01:59:58", "@2026-03-29 03:00:02", "@2026-10-25 02:59:59", "@2026-10-25 02:00:01"],
}


@pytest.mark.ci
@pytest.mark.parametrize("kind", JUMPS)
def test_a_process_whose_clock_jumps_all_the_time_ends_in_the_same_bits(
    faketime: str, undisturbed: Undisturbed, job_text: Path, tmp_path: Path, kind: str
) -> None:
    what = whole_job.arguments(Store.at(tmp_path / "store").root, job_text)
    file = tmp_path / "now"
    out_of_time = {
        "LD_PRELOAD": faketime,
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",  # its name in earlier versions
        "TZ": "Europe/Berlin",
    }
    begin = time.monotonic()
    with clock_that_jumps(file, JUMPS[kind]):
        for place in ("shards", "train lstm: save", "train gpt: save"):  # stopped and killed on the way, too
            number = signal.SIGKILL if place == "train lstm: save" else signal.SIGTERM
            end = fresh_process(COMMAND, what, Target(place, operation=9, number=number), order=PLACES, **out_of_time)
            assert (end.signal, end.code) in ((signal.SIGKILL, 0), (0, 75)), end.printed
        last = fresh_process(COMMAND, what, order=PLACES, **out_of_time)
    took = time.monotonic() - begin
    assert (last.signal, last.code) == (0, 0), last.printed
    events = Store.at(what["store"]).run(NAME).journal.events()
    told = [datetime.fromisoformat(event["time"]) for event in events]
    assert max(told) - min(told) > timedelta(days=2), "the clock did not jump"
    charged = [event["seconds"] for event in events if event["event"] == "phase"]
    assert all(seconds >= 0 for seconds in charged) and sum(charged) <= took
    assert whole_job.differences(Path(what["store"]), undisturbed) == []
