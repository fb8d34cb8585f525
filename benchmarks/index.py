"""The index room and what stands on it, in CPU time: suffix arrays, counting, exact repeats, contamination.

    python benchmarks/index.py [--text FILE...] [--megabytes N] [--runs N]

Without files the text is the source of Python's standard library. Goals: building at least 10 MB/s, a count in at most
50 microseconds (median, warm), 10,000 test items looked for at 5 MB/s and more. Writes benchmarks/results/index.json.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import statistics
import sysconfig
import tempfile
import time
from collections.abc import Callable
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from etymon.corpus.contamination import Items, contaminated
from etymon.corpus.substrings import repeated_spans
from etymon.index import Index, build
from etymon.storage import Store

RESULTS = Path(__file__).parent / "results" / "index.json"
QUERIES = 2000
ITEMS, ITEM_WORDS = 10_000, 40
PIECE = 8_000  # bytes of a document
SEARCHED = 16_000_000  # bytes that are looked through for repeats and items


def pieces(files: list[Path], most: int) -> list[bytes]:
    """The files cut into documents of valid UTF-8, up to `most` bytes."""
    found: list[bytes] = []
    size = 0
    for file in files:
        data = file.read_bytes().decode(errors="ignore").encode()
        for start in range(0, len(data), PIECE):
            piece = data[start : start + PIECE].decode(errors="ignore").encode()
            found.append(piece)
            size += len(piece)
            if size >= most:
                return found
    return found


def cpu_seconds(work: Callable[[], Any]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def count_microseconds(index: Index, documents: list[bytes], rng: random.Random) -> dict[str, float]:
    """Wall microseconds of one count, over queries of 4 to 64 bytes cut from the documents, each asked twice before."""
    taken: list[float] = []
    for _ in range(QUERIES):
        text = rng.choice(documents)
        at = rng.randrange(max(len(text) - 64, 1))
        query = text[at : at + rng.choice((4, 8, 16, 32, 64))]
        for _ in range(2):
            index.count(query)
        begin = time.perf_counter()
        index.count(query)
        taken.append((time.perf_counter() - begin) * 1e6)
    return {"median": statistics.median(taken), "p95": statistics.quantiles(taken, n=20)[-1], "n": QUERIES}


def made_up_items(documents: list[bytes], rng: random.Random) -> Items:
    """Items of words that occur in the documents, in an order that does not."""
    words = " ".join(each.decode() for each in rng.sample(documents, min(len(documents), 200))).split()
    return Items((str(n), " ".join(rng.choices(words, k=ITEM_WORDS))) for n in range(ITEMS))


def measured(documents: list[bytes], folder: Path, run: int) -> dict[str, Any]:
    size = sum(map(len, documents)) / 1e6
    store, rng = Store.at(folder / str(run)), random.Random(run)
    named = [(str(n), text) for n, text in enumerate(documents)]
    building = cpu_seconds(lambda: build(store, "", named, inputs={}))
    index = Index.open(store.artifacts("index")[0])
    few = documents[: SEARCHED // PIECE]
    few_size = sum(map(len, few)) / 1e6
    items = made_up_items(documents, rng)
    texts = [each.decode() for each in few]
    batches = [texts[start : start + 200] for start in range(0, len(texts), 200)]
    return {
        "build_mb_per_s": size / building,
        "count_us": count_microseconds(index, documents, rng),
        "shards": len(index.artifact.statistics["shards"]),
        "repeats_mb_per_s": few_size / cpu_seconds(lambda: repeated_spans(few, 200)),
        "contamination_mb_per_s": few_size / cpu_seconds(lambda: [contaminated(each, items) for each in batches]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, nargs="*")
    parser.add_argument("--megabytes", type=float, default=64)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    library = Path(sysconfig.get_path("stdlib"))
    documents = pieces(asked.text or sorted(library.rglob("*.py")), int(asked.megabytes * 1e6))
    with tempfile.TemporaryDirectory() as folder:
        runs = [measured(documents, Path(folder), run) for run in range(asked.runs)]
    result = {
        "date": date.today().isoformat(),
        "machine": platform.machine(),
        "megabytes": sum(map(len, documents)) / 1e6,
        "library": "libdivsufsort" if find_spec("pydivsufsort") else "numpy",
        "runs": runs,
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
