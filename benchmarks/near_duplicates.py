"""Near duplicates: recall and precision on planted pairs, speed beside datatrove, memory for many documents.

    python benchmarks/near_duplicates.py [--documents N] [--copies N] [--peer PYTHON] [--runs N]

`--peer` is a Python that has datatrove (its 14 x 8 signatures are timed on the same texts, in turns with ours). Goals:
recall 0.99 at a true similarity of 0.7, precision 0.999, 20 MB/s of signatures, 10 million documents in 512 MB of
anonymous memory (mapped scratch files are told beside it). Writes benchmarks/results/near_duplicates.json."""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from etymon.corpus.near import PRESETS, Copies, NearSettings, find_copies, shingles, signatures

RESULTS = Path(__file__).parent / "results" / "near_duplicates.json"
EDGES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.01)
WORDS = 400
PEER = """
import json, sys, time
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
step = MinhashDedupSignature("/tmp/unused", MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8))
texts = json.load(sys.stdin)
step.get_signature(step.get_shingles(texts[0]))
start = time.process_time()
for text in texts:
    step.get_signature(step.get_shingles(text))
print(time.process_time() - start)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=4000)
    parser.add_argument("--documents", type=int, default=10_000_000)
    parser.add_argument("--copies", type=int, default=1_000_000, help="of one page")
    parser.add_argument("--peer", default="", help="a Python with datatrove")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    # First, while this process is still small: a child begins with its parent's memory.
    memory = {
        "many documents": measured(lambda: many(arguments.documents)) | {"documents": arguments.documents},
        "copies of one page": measured(lambda: giant(arguments.copies)) | {"documents": arguments.copies},
    }
    words = prose()
    result = memory | {
        "machine": {"python": platform.python_version(), "numpy": np.__version__, "processors": os.cpu_count()},
        "planted pairs": {name: planted(words, arguments.pairs, name) for name in PRESETS},
        "planted families of 8": families(words, arguments.pairs // 8),
        "signatures": speed(words, arguments.runs, arguments.peer),
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def prose() -> list[str]:
    """The words of the documentation topics that come with Python."""
    from pydoc_data.topics import topics

    return re.findall(r"[A-Za-z0-9]+", " ".join(topics.values()))


def varied(base: list[str], share: float, draw: random.Random) -> str:
    """The base with one stretch and some scattered words replaced, about `share` of its 5-grams in all."""
    changed = list(base)
    for place in draw.sample(range(len(base)), round(len(base) * share / 10)):
        changed[place] = f"z{draw.getrandbits(40)}"
    length = round(len(base) * share / 2)
    start = draw.randrange(len(base) - length)
    changed[start : start + length] = [f"z{draw.getrandbits(40)}" for _ in range(length)]
    return " ".join(changed)


def truth(a: str, b: str) -> float:
    """Jaccard similarity of word 5-grams, by Python's own sets."""
    one, two = ({tuple(words[n : n + 5]) for n in range(len(words) - 4)} for words in (a.split(), b.split()))
    return len(one & two) / len(one | two)


def base_of(words: list[str], draw: random.Random) -> list[str]:
    """A stretch of prose with a word of its own at every fifth place, so that bases are unlike each other."""
    start = draw.randrange(len(words) - WORDS)
    return [f"z{draw.getrandbits(40)}" if n % 5 == 0 else words[start + n].lower() for n in range(WORDS)]


def copies_of(texts: list[str], settings: NearSettings) -> Copies:
    def of(wanted: Any) -> Iterator[Any]:
        numbers = np.flatnonzero(wanted).tolist()
        yield from zip(numbers, shingles([texts[number] for number in numbers]), strict=True)

    return find_copies(len(texts), iter([signatures(texts, settings)]), settings, of)


def planted(words: list[str], pairs: int, name: str) -> dict[str, Any]:
    draw, settings = random.Random(1), PRESETS[name]
    bases = [base_of(words, draw) for _ in range(pairs)]
    texts = [text for base in bases for text in (" ".join(base), varied(base, draw.uniform(0.02, 0.5), draw))]
    similarity = np.array([truth(texts[n], texts[n + 1]) for n in range(0, len(texts), 2)])
    copies = copies_of(texts, settings)
    found = copies.partners[1::2] == np.arange(0, len(texts), 2)
    dropped = np.flatnonzero(copies.partners != np.arange(len(texts)))
    like = [truth(texts[n], texts[copies.partners[n]]) >= 0.7 for n in dropped.tolist()]
    rows = []
    for low, high in pairwise(EDGES):
        here = (similarity >= low) & (similarity < high)
        theory = float(settings.chance(similarity[here]).mean()) * (low >= settings.threshold)
        rows.append({"from": low, "pairs": int(here.sum()), "dropped": float(found[here].mean()), "theory": theory})
    above = similarity >= 0.7
    return {
        "by similarity": rows,
        "recall at 0.7": float(found[above].mean()),
        "precision at 0.7": float(np.mean(like)),
        "dropped": len(like),
    }


def families(words: list[str], count: int) -> dict[str, Any]:
    """Eight variants of one base side by side: crowded buckets, where not every pair is looked at."""
    draw = random.Random(2)
    texts = []
    for _ in range(count):
        base = base_of(words, draw)
        texts += [varied(base, draw.uniform(0.02, 0.15), draw) for _ in range(8)]
    copies = copies_of(texts, PRESETS["default"])
    kept = copies.partners == np.arange(len(texts))
    missed = 0
    for n in np.flatnonzero(kept).tolist():
        missed += any(truth(texts[n], texts[m]) >= 0.7 for m in range(n - n % 8, n) if kept[m])
    return {"documents": len(texts), "dropped": int((~kept).sum()), "kept beside a like, kept earlier one": missed}


def speed(words: list[str], runs: int, peer: str) -> dict[str, Any]:
    size = 1000
    texts = [" ".join(words[place : place + size]) for place in range(0, len(words), size)]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    times: dict[str, list[float]] = {name: [] for name in PRESETS} | ({"datatrove 14 x 8": []} if peer else {})
    for _ in range(runs):
        for name in PRESETS:
            times[name].append(cpu(lambda n=name: signatures(texts, PRESETS[n])))
        if peer:
            told = subprocess.run(
                [peer, "-c", PEER], input=json.dumps(texts), capture_output=True, text=True, check=True
            )
            times["datatrove 14 x 8"].append(float(told.stdout.split()[-1]))
    rates = {name: [megabytes / each for each in seconds] for name, seconds in times.items()}
    summary = {n: {"median": statistics.median(r), "low": min(r), "high": max(r)} for n, r in rates.items()}
    return {"megabytes": megabytes, "runs": runs, "MB per CPU s": summary}


def many(count: int, batch: int = 4096) -> dict[str, Any]:
    """Signatures drawn at random; each twentieth document is a copy of the one before."""
    settings = PRESETS["default"]

    def signed() -> Iterator[Any]:
        draw = np.random.default_rng(3)
        for start in range(0, count, batch):
            rows = draw.integers(1, 2**32, (min(batch, count - start), settings.hashes), np.uint32)
            copied = np.flatnonzero(np.arange(start, start + len(rows)) % 20 == 19)
            rows[copied[copied > 0]] = rows[copied[copied > 0] - 1]
            yield rows

    def of(wanted: Any) -> Iterator[Any]:
        for number in np.flatnonzero(wanted):
            origin = number - (number % 20 == 19)
            yield number, np.arange(64, dtype=np.uint64) + np.uint64(origin * 64)

    copies = find_copies(count, signed(), settings, of)
    return {"dropped": int((copies.partners != np.arange(count)).sum())}


def giant(count: int, batch: int = 4096) -> dict[str, Any]:
    """Every document is a copy of the first."""
    settings = PRESETS["default"]
    row = np.random.default_rng(4).integers(1, 2**32, (1, settings.hashes), np.uint32)
    grams = np.arange(64, dtype=np.uint64)
    batches = (np.repeat(row, min(batch, count - start), axis=0) for start in range(0, count, batch))
    copies = find_copies(count, batches, settings, lambda wanted: ((n, grams) for n in range(len(wanted))))
    return {"dropped": int((copies.partners == 0).sum()) - 1}


def measured(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What it returns in a process of its own, its CPU seconds, and its peak of memory in MB (Linux)."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    if not (child := os.fork()):
        peaks = {"RssAnon": 0, "RssFile": 0}
        threading.Thread(target=watch, args=(peaks,), daemon=True).start()
        start = time.process_time()
        told = work() | {"CPU s": time.process_time() - start}
        told |= {"anonymous memory, MB": peaks["RssAnon"] / 1e3, "mapped files, MB": peaks["RssFile"] / 1e3}
        os.write(writing, json.dumps(told).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    if os.waitpid(child, 0)[1]:
        raise SystemExit("the measured process failed")
    return json.loads(told)


def watch(peaks: dict[str, int]) -> None:
    while True:
        status = Path("/proc/self/status").read_text()
        for name in peaks:
            peaks[name] = max(peaks[name], int(re.search(rf"{name}:\s+(\d+)", status)[1]))
        time.sleep(0.02)


def cpu(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
