"""What a killed build does again: CPU seconds of the killed and the resumed part together, beside an undisturbed build.

    python benchmarks/killed_builds.py [--pages N] [--slices N] [--runs N]

A crawl with damaged records (`tests/harness/crawl_job.py`) is cut into at most N slices and built in one process that
is killed once, before a change of the disk drawn at random, and then built to its end. Each attempt is forked from a
process that has most things loaded, so that little of what a start costs is counted. The reading that was being made is
made again, the files are looked at again, and so is what was judged: a slice is a larger share of a small crawl than of
a large one. Goal: 2 % of the work. Writes benchmarks/results/killed_builds.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from etymon.corpus import CorpusSettings, Working, build, slices
from etymon.storage import Store, commit
from harness.crawl_job import warm, write_crawl

RESULTS = Path(__file__).parent / "results" / "killed_builds.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=1500)
    parser.add_argument("--slices", type=int, default=100)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    warm()
    draw = random.Random(7)
    with tempfile.TemporaryDirectory(prefix="killed-") as folder:
        crawl = Path(folder) / "crawl"
        write_crawl(crawl, given.pages)
        size = sum(path.stat().st_size for path in crawl.iterdir())
        slices.SLICE_BYTES = size // given.slices
        attempt(crawl, Path(folder) / "first")  # fills the file cache
        rows: list[dict[str, float]] = []
        for turn in range(given.runs):
            whole, changes = attempt(crawl, Path(folder) / f"whole-{turn}")
            at = draw.randint(1, changes)
            killed, _ = attempt(crawl, Path(folder) / f"killed-{turn}", at)
            resumed, _ = attempt(crawl, Path(folder) / f"killed-{turn}")
            rows.append({"whole": whole, "killed": killed, "resumed": resumed, "killed at": at / changes})
        readings = len(list(Store.at(Path(folder) / "first").artifacts("reading")))
    again = [(row["killed"] + row["resumed"]) / row["whole"] - 1 for row in rows]
    result = {
        "date": date.today().isoformat(),
        "commit": revision(),
        "machine": {"python": platform.python_version(), "processors": os.cpu_count()},
        "pages": given.pages,
        "crawl MB": round(size / 1e6, 2),
        "slices": readings,
        "CPU s, undisturbed": spread([row["whole"] for row in rows]),
        "killed at this share of its changes of the disk": [round(row["killed at"], 3) for row in rows],
        "done again, share of an undisturbed build": spread(again) | {"goal": 0.02},
        "one slice, share of an undisturbed build": round(1 / readings, 4),
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def attempt(crawl: Path, store: Path, kill_at: int = 0) -> tuple[float, int]:
    """CPU seconds of a build in a process of its own, which dies before its `kill_at`-th change of the disk (0: it does
    not), and how many changes it made."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    if not (child := os.fork()):
        commit.fault = counting(writing, kill_at)
        build(Store.at(store), [str(crawl)], CorpusSettings(recipe="web"), working=Working(workers=0))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        changes = len(pipe.read())
    _, status, used = os.wait4(child, 0)
    if bool(kill_at) != os.WIFSIGNALED(status):
        sys.exit("the build did not end as it was to")
    return used.ru_utime + used.ru_stime, changes


def counting(pipe: int, kill_at: int) -> Callable[[Any], None]:
    made = 0

    def before(operation: Any) -> None:
        nonlocal made
        made += 1
        if made == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        os.write(pipe, b".")

    return before


def spread(values: list[float]) -> dict[str, Any]:
    low, middle, high = (round(each, 4) for each in (min(values), statistics.median(values), max(values)))
    return {"median": middle, "range": [low, high], "n": len(values)}


def revision() -> str:
    """The revision that was measured."""
    words = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    main()
