"""Killed at any moment and started again, the main job ends in the bits of one that nothing disturbed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from etymon.storage import Store
from harness import whole_job
from harness.kills import Killer, Target
from harness.whole_job import PARTS, PLACES, TRAININGS, Undisturbed

pytest.importorskip("torch", reason="the job trains networks")

SCRIPT = Path(__file__).parents[2] / "scripts" / "kill_release.py"


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    with Killer(imports=whole_job.IMPORTS) as server:
        yield server


def kill_and_compare(killer: Killer, whole: Undisturbed, root: Path, text: Path, targets: list[Target]) -> Counter[str]:
    """One job, killed at all targets one after the other; gives where it was struck."""
    ends = whole_job.kill_until_done(killer, whole_job.arguments(root, text), targets, whole_job.Seen(root).check)
    assert whole_job.differences(root, whole) == []
    return Counter(end.place for end in ends)


def test_killed_in_a_few_places_it_ends_in_the_same_bits(
    killer: Killer, undisturbed: Undisturbed, job_text: Path, tmp_path: Path
) -> None:
    targets = [
        Target("corpus", operation=9),
        Target("shards", seconds=undisturbed.times["shards"] / 2),
        Target("learn ngram: seal", operation=3),
        Target("train lstm: backward", entry=4),
        Target("train lstm: save", operation=30),
        Target("train gpt", seconds=undisturbed.times["train gpt"] / 2),
        Target("train gpt: sealed", operation=2),
        Target("report: seal", operation=6),
    ]
    struck = kill_and_compare(killer, undisturbed, tmp_path / "store", job_text, targets)
    assert struck.total() == 8
    assert {"learn ngram: seal", "train lstm: backward", "train lstm: save", "report: seal"} <= struck.keys()


@pytest.mark.ci
@pytest.mark.parametrize("seed", range(4))
def test_killed_in_every_place_it_ends_in_the_same_bits(
    killer: Killer,
    undisturbed: Undisturbed,
    job_text: Path,
    tmp_path: Path,
    seed: int,
    record_property: Callable[[str, object], None],
) -> None:
    targets = whole_job.round_of_kills(seed, undisturbed)
    struck = kill_and_compare(killer, undisturbed, tmp_path / "store", job_text, targets)
    record_property("found", f"{struck.total()} kills in {len(struck)} places of one job, no bit different")
    assert struck.total() == len(targets) >= 37  # 168 in the four rounds
    assert whole_job.places_struck_by(targets) <= struck.keys()


def test_a_round_strikes_every_place_of_the_job() -> None:
    whole = Undisturbed(
        {},
        dict.fromkeys((*whole_job.PHASES, whole_job.PICTURES), 1.0),
        dict.fromkeys([*PLACES, *whole_job.ALL_PARTS], 20),
    )
    everywhere = {*PLACES, *(f"{training}: {part}" for training in TRAININGS for part in PARTS)}
    assert whole_job.places_struck_by(whole_job.round_of_kills(0, whole)) == everywhere
    assert len({str(whole_job.round_of_kills(seed, whole)) for seed in range(20)}) == 20


@pytest.mark.ci
@pytest.mark.parametrize("lost", whole_job.FORGOTTEN)
def test_a_job_that_forgets_something_at_a_kill_is_found_out(
    killer: Killer, undisturbed: Undisturbed, job_text: Path, tmp_path: Path, lost: str
) -> None:
    task, what = "harness.whole_job:forgetful_job", whole_job.arguments(tmp_path / "store", job_text) | {"lost": lost}
    assert killer.attempt(task, what, Target("train lstm: snapshot", operation=45)).killed
    last = killer.attempt(task, what)
    assert (last.signal, last.code) == (0, 0), last.printed
    assert whole_job.differences(tmp_path / "store", undisturbed) != []


def release(results: Path, kills: int) -> subprocess.Popen[str]:
    """The script that kills for days, here with three kills for each seed."""
    words = [sys.executable, str(SCRIPT), "--kills", str(kills), "--each", "3", "--results", str(results)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def seeds(results: Path) -> list[int]:
    return [event["seed"] for event in Store.at(results).run("kills").journal.events()]


@pytest.mark.ci
def test_the_script_that_kills_for_days_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    process = release(tmp_path / "results", 100)
    while not seeds(tmp_path / "results"):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.kill()
    process.communicate()
    process = release(tmp_path / "results", 11)
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    assert seeds(tmp_path / "results") == [0, 1, 2, 3]
    assert out.splitlines()[-1].startswith("12 kills of 4 jobs")
    assert Store.at(tmp_path / "results").verify() == []
    assert release(tmp_path / "results", 11).communicate()[0] == out
