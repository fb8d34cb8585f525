"""Kills the main job thousands of times, and tells whether any of them changed a bit of what it leaves.

    .venv/bin/python scripts/kill_release.py --kills 10000 --results kills-results

Each seed is one job, killed in every place that it goes through (47 kills or 37) and held against one that nothing
disturbed. What came of a seed is one event in the journal of the run "kills" in the store RESULTS, so that this script
may itself be killed at any moment: started again, it goes on with the first seed that has none. About 0.4 seconds of a
calm core for each kill. Exit code 1 if there was any difference.
"""

from __future__ import annotations

import argparse
import itertools
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from etymon.storage import Run, Store
from harness import whole_job
from harness.kills import Killer, Target
from harness.whole_job import Undisturbed

EVENT = "seed"


def main() -> int:
    """Kill until there are as many kills as wanted, in all starts together."""
    wanted = parsed()
    run = Store.at(wanted.results).run("kills")
    with run.lock():
        if not are_enough(run, wanted):
            kill_on(run, wanted)
    for line in table(results_of(run)):
        print(line)
    return 1 if any(result["different"] for result in results_of(run)) else 0


def kill_on(run: Run, wanted: argparse.Namespace) -> None:
    """Seed after seed that has no result yet."""
    with tempfile.TemporaryDirectory() as scratch, Killer(imports=whole_job.IMPORTS) as killer:
        text = whole_job.make_text(Path(scratch) / "text")
        whole = whole_job.undisturbed(Path(scratch) / "undisturbed", text)
        done = {result["seed"] for result in results_of(run)}
        for seed in itertools.filterfalse(done.__contains__, itertools.count()):
            store = Path(scratch) / f"seed-{seed}"
            run.journal.append(EVENT, **judged(killer, whole, store, text, seed, wanted))
            shutil.rmtree(store)
            if are_enough(run, wanted):
                return


def are_enough(run: Run, wanted: argparse.Namespace) -> bool:
    """Whether all starts together have killed often enough."""
    return sum(result["kills"] for result in results_of(run)) >= wanted.kills


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10_000, help="how many in all, over all starts (10000)")
    parser.add_argument("--results", type=Path, required=True, help="the folder that keeps what came of each seed")
    parser.add_argument("--each", type=int, default=None, help="at most so many kills for each seed (all places)")
    return parser.parse_args()


def results_of(run: Run) -> list[dict[str, Any]]:
    """What came of the seeds so far."""
    return [event for event in run.journal.events() if event["event"] == EVENT]


def judged(
    killer: Killer, whole: Undisturbed, store: Path, text: Path, seed: int, wanted: argparse.Namespace
) -> dict[str, Any]:
    """One seed: where its job was killed, what differed in the end, and how long it took."""
    begin = time.monotonic()
    targets = fewer(whole_job.round_of_kills(seed, whole), wanted.each, seed)
    seen, places = whole_job.Seen(store), Counter[str]()

    def after(end: Any) -> None:
        places[end.place] += 1
        seen.check(end)

    try:
        whole_job.kill_until_done(killer, whole_job.arguments(store, text), targets, after)
        different = whole_job.differences(store, whole)
    except Exception as error:  # also what the library says of a store that it cannot read
        different = [f"{type(error).__name__}: {error}"[:2000]]
    seconds = round(time.monotonic() - begin, 1)
    return {"seed": seed, "kills": places.total(), "places": places, "different": different, "seconds": seconds}


def fewer(targets: list[Target], number: int | None, seed: int) -> list[Target]:
    """Some of the targets, still in their order."""
    if number is None or number >= len(targets):
        return targets
    return [targets[i] for i in sorted(random.Random(seed).sample(range(len(targets)), number))]


def table(results: list[dict[str, Any]]) -> list[str]:
    """The kills by place, and every seed whose job did not end in the same bits."""
    places = sum((Counter(result["places"]) for result in results), Counter[str]())
    wrong = [result for result in results if result["different"]]
    hours = sum(result["seconds"] for result in results) / 3600
    lines = [f"{places[place]:7,}  {place}" for place in sorted(places, key=order)]
    lines += [f"seed {result['seed']}: {', '.join(result['different'])}" for result in wrong]
    return [
        *lines,
        f"{places.total():,} kills of {len(results):,} jobs in {hours:.2f} h: {len(wrong)} with differences",
    ]


def order(place: str) -> tuple[int, str]:
    """Places in the order of the job; the parts of a training after it."""
    places = [*whole_job.PLACES]
    places.insert(places.index("report"), whole_job.PICTURES)
    return places.index(place if place in places else place.partition(": ")[0]), place


if __name__ == "__main__":
    sys.exit(main())
