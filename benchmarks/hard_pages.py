"""How much one hard page in a hundred slows the building of a corpus, by kind of page and all together.

    python benchmarks/hard_pages.py [--clean N] [--runs N] [--extractor NAME]

Clean pages are paragraphs of the Python documentation in a site's template, each its own; among every 99 of them the
"mixed" crawl has one page of `tests/harness/hard_pages.py`, of each of KINDS in turn, and the crawl "largest" one of
LARGEST, the dearest that no bound refuses. All are built with the web recipe by one supervised worker, in turns; CPU
seconds with children, the start (a crawl of a tenth as many clean pages, by the slope) taken off. Goal: with hard pages
80 % of the documents a second. Writes benchmarks/results/hard_pages.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from etymon.corpus import CorpusSettings, Working, build
from etymon.storage import Store
from harness.crawl import Crawled, write_warc
from harness.hard_pages import KINDS, LARGEST, hard_page
from harness.planted_crawl import paragraphs, prose, site

RESULTS = Path(__file__).parent / "results" / "hard_pages.json"
PARAGRAPHS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clean", type=int, default=99 * len(KINDS))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--extractor", default="resiliparse")
    given = parser.parse_args()
    clean = list(clean_pages(given.clean))
    crawls = {
        "start": clean[: len(clean) // 10],
        "clean": clean,
        "mixed": with_hard(clean, list(KINDS)),
        "largest": with_hard(clean, list(LARGEST)),
    }
    seconds: dict[str, list[float]] = {name: [] for name in crawls}
    with tempfile.TemporaryDirectory(prefix="hard-") as folder:
        for name, pages in crawls.items():
            write_warc(Path(folder) / f"{name}.warc.gz", pages)
        alone = costs(Path(folder), given.extractor)
        for _ in range(given.runs):
            for name in crawls:
                seconds[name].append(cpu(Path(folder) / f"{name}.warc.gz", given.extractor))
    result = {
        "date": date.today().isoformat(),
        "commit": commit(),
        "machine": {"python": platform.python_version(), "processors": os.cpu_count()},
        "extractor": given.extractor,
        "pages": {name: len(pages) for name, pages in crawls.items()},
        "markup MB": {name: round(sum(len(page.body) for page in pages) / 1e6, 1) for name, pages in crawls.items()},
        "CPU s": {name: spread(values) for name, values in seconds.items()},
        **{name: shares(name, seconds, crawls) for name in ("mixed", "largest")},
        "CPU s that one page adds to ten clean ones, n 1": alone,
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def clean_pages(count: int) -> Iterator[Crawled]:
    draw = random.Random(5)
    every = [each for text in prose() for each in text.split("\n\n")]
    for number in range(count):
        body = paragraphs("\n\n".join(draw.sample(every, PARAGRAPHS)))
        yield Crawled(f"https://clean.example.org/{number}", site(body))


def with_hard(clean: list[Crawled], kinds: list[str], every: int = 99) -> list[Crawled]:
    """The clean pages with a hard one among every 99, of each kind in turn."""
    mixed = list(clean)
    for number in range(len(clean) // every):
        mixed.insert(number * (every + 1) + every // 2, hard_page(kinds[number % len(kinds)], number))
    return mixed


def costs(folder: Path, extractor: str) -> dict[str, float]:
    """CPU seconds that one page of each kind adds to ten clean ones."""
    ten, path = list(clean_pages(10)), folder / "few.warc.gz"

    def of(pages: list[Crawled]) -> float:
        write_warc(path, pages)
        return cpu(path, extractor)

    of(ten)  # the first pays for what is loaded late
    without = min(of(ten) for _ in range(3))
    return {kind: round(of([*ten, hard_page(kind)]) - without, 2) for kind in KINDS | LARGEST}


def cpu(crawl: Path, extractor: str) -> float:
    """CPU seconds of a build, its worker's included."""
    settings = CorpusSettings(recipe="web", extractor=extractor)
    begun = used()
    with tempfile.TemporaryDirectory(prefix="hard-") as store:
        build(Store.at(Path(store) / "s"), [str(crawl)], settings, working=Working(workers=1))
    return used() - begun


def used() -> float:
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in both)


def shares(name: str, seconds: dict[str, list[float]], crawls: dict[str, list[Crawled]]) -> dict[str, Any]:
    """Documents and megabytes a second of a crawl over those of the clean one, without their start, of each turn."""
    turns = zip(seconds["start"], seconds["clean"], seconds[name], strict=True)
    faster = [_faster(*turn, len(crawls["start"]) / len(crawls["clean"])) for turn in turns]
    sizes = {each: sum(len(page.body) for page in pages) for each, pages in crawls.items()}
    documents, megabytes = len(crawls[name]) / len(crawls["clean"]), sizes[name] / sizes["clean"]
    return {
        "documents a second, share of clean": spread([each * documents for each in faster]) | {"goal": 0.8},
        "markup MB a second, share of clean": spread([each * megabytes for each in faster]),
    }


def _faster(few: float, clean: float, other: float, part: float) -> float:
    """Seconds of the clean crawl over those of another, less those of a start; `part` of the clean pages took `few`."""
    start = clean - (clean - few) / (1 - part)
    return (clean - start) / (other - start)


def spread(values: list[float]) -> dict[str, Any]:
    low, middle, high = (round(each, 3) for each in (min(values), statistics.median(values), max(values)))
    return {"median": middle, "range": [low, high], "n": len(values)}


def commit() -> str:
    """The revision that was measured."""
    words = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    main()
