"""`etymon why` in a corpus of ten million documents: CPU and wall seconds of the whole command, by address and by id.

    python benchmarks/why.py [--documents N] [--runs N] [--folder DIR]

The decisions are made up, with the rules and the columns of the web recipe; they are written and looked up by the code
that every corpus uses. Each run asks for another document, in a process of its own; the file cache is as the system has
it, and the first run is told apart. Goal: 1 s. Writes benchmarks/results/why.json. Needs about 4 GB of disk.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from etymon.corpus.arrow import RecordBatch, pa
from etymon.corpus.build import STAGE_VERSION
from etymon.corpus.lookup import Lookup
from etymon.corpus.recipes import recipe
from etymon.corpus.schema import DECISIONS, DOCUMENTS
from etymon.corpus.write import DECISIONS_FILE, DOCUMENTS_FILE, GROUP_ROWS, _Table
from etymon.storage import Artifact, Store

RESULTS = Path(__file__).parent / "results" / "why.json"
HOSTS, FILE_ROWS = 100_003, 40_000
"""Hosts that take turns, and documents of one archive, as in a common crawl."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--folder", type=Path, help="where the corpus is made, and removed again")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="why-", dir=given.folder) as folder:
        begun = time.process_time()
        corpus = make(Store.at(Path(folder) / "store"), given.documents)
        result = {
            "date": date.today().isoformat(),
            "commit": commit(),
            "machine": {"python": platform.python_version(), "processors": os.cpu_count()},
            "documents": given.documents,
            "making it, CPU s": round(time.process_time() - begun, 1),
            "files, MB": {name: round(size / 1e6, 1) for name, size in corpus.files.items()},
            "goal, s": 1.0,
            "asked": asked(Path(folder) / "store", given.documents, given.runs),
        }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def url_of(number: int) -> str:
    return f"https://host-{number * 7919 % HOSTS}.example.org/articles/{number}"


def id_of(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()[:20]


def make(store: Store, documents: int) -> Artifact:
    """A corpus artifact of made-up decisions."""
    rules = [rule.to_json() for rule in recipe("web").rules]
    with store.create("corpus", {"rules": rules, "documents": documents}, {}, stage_version=STAGE_VERSION) as draft:
        lookup = Lookup()
        with (
            draft.writer(DOCUMENTS_FILE) as empty,
            _Table(empty, DOCUMENTS, 1),
            draft.writer(DECISIONS_FILE) as file,
            _Table(file, DECISIONS, GROUP_ROWS) as table,
        ):
            for batch in batches(documents):
                table.add(batch)
                lookup.add(batch)
        lookup.write(draft)
        return draft.seal({"documents": {"in": documents}, "passed_over": []})


def batches(documents: int) -> Iterator[RecordBatch]:
    """Rows of one group at a time; within a group no two rows have the same measures."""
    values = list(measures(GROUP_ROWS))
    rule = recipe("web").rules[0].name
    for start in range(0, documents, GROUP_ROWS):
        numbers = range(start, min(start + GROUP_ROWS, documents))
        count = len(numbers)
        columns = {
            "id": [id_of(n) for n in numbers],
            "url": [url_of(n) for n in numbers],
            "outcome": ["kept" if n % 3 else "dropped" for n in numbers],
            "rule": ["" if n % 3 else rule for n in numbers],
            "values": values[:count],
            "language": ["en"] * count,
            "domain": [f"host-{n * 7919 % HOSTS}.example.org" for n in numbers],
            "genre": ["unknown"] * count,
            "source_file": [f"crawl/segment-{n // FILE_ROWS:05}.warc.gz" for n in numbers],
            "source_offset": [n % FILE_ROWS * 31_457 for n in numbers],
            "bytes": [1000 + n * 7919 % 20_011 for n in numbers],
            "duplicate_of": [""] * count,
        }
        yield pa.RecordBatch.from_pydict(columns, schema=DECISIONS)


def measures(count: int) -> Iterator[str]:
    draw = random.Random(11)
    names = sorted({rule.column for rule in recipe("web").rules})
    for _ in range(count):
        yield json.dumps({name: draw.random() for name in names} | {"language_score": draw.random()})


def asked(store: Path, documents: int, runs: int) -> dict[str, Any]:
    """The command for documents anywhere in the corpus, by address and by id in turns."""
    draw = random.Random(12)
    times: dict[str, list[tuple[float, float]]] = {"by address": [], "by id": []}
    for _ in range(runs + 1):
        number = draw.randrange(documents)
        for how, reference in zip(times, (url_of(number), id_of(number)), strict=True):
            times[how].append(one(store, reference, id_of(number)))
    return {
        how: {
            "CPU s": spread([cpu for cpu, _ in each[1:]]),
            "wall s": spread([wall for _, wall in each[1:]]),
            "first run, CPU and wall s": [round(value, 3) for value in each[0]],
        }
        for how, each in times.items()
    }


def one(store: Path, reference: str, expected: str) -> tuple[float, float]:
    """CPU and wall seconds of one command, which has to answer with the document that was asked for."""
    command = [sys.executable, "-m", "etymon", "why", reference, "--store", str(store), "--json"]
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    answer = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    wall, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if json.loads(answer)["id"] != expected:
        sys.exit(f"{reference} gave another document: {answer.decode()[:200]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def spread(values: list[float]) -> dict[str, Any]:
    low, middle, high = (round(each, 3) for each in (min(values), statistics.median(values), max(values)))
    return {"median": middle, "range": [low, high], "n": len(values)}


def commit() -> str:
    """The revision that was measured."""
    words = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    main()
