"""n-grams counted within a memory setting beside all at once: CPU, memory, and the same tables; and how they are kept.

    python benchmarks/ngram_memory.py [--runs N]

The text is the source of Python's library, words and marks, the rarer ones all one word, order 5. Each counting is a
process of its own, and they take turns. What is held is the most that the process's own memory grew by, looked at
every two milliseconds; "all at once, times the setting" says how much more counting took without one. Then the bytes of
the kept model, and tokens a second scored by tables as they are counted and as they are kept, in turns. Goals: within
the setting; at most 12 bytes an n-gram; 1.2 million tokens a second. Writes benchmarks/results/ngram_memory.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from etymon.models import NgramModel, NgramSettings, estimate_ngram, load, save
from etymon.storage import Store
from etymon.tokens import Batch

RESULTS = Path(__file__).parent / "results" / "ngram_memory.json"
ORDER, VOCABULARY, PIECE = 5, 4_096, 1 << 16
CHARACTERS = 6_500_000
SETTINGS = (10**10, 64 * 10**6, 24 * 10**6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--count", nargs=2, help="token ids and a setting: what each process is started with")
    arguments = parser.parse_args()
    if arguments.count:
        print(json.dumps(counting(Path(arguments.count[0]), int(arguments.count[1]))))
        return
    with tempfile.TemporaryDirectory() as folder:
        ids_file = Path(folder) / "ids.npy"
        ids = text()
        np.save(ids_file, ids)
        rows = [child(ids_file, memory) for _ in range(arguments.runs) for memory in SETTINGS]
        result = {
            "tokens": len(ids) - 1,
            "vocabulary": VOCABULARY,
            "order": ORDER,
            "runs": arguments.runs,
            "counting": [summary(rows, memory) for memory in SETTINGS],
            "kept": {smoothing: kept(ids, smoothing) for smoothing in ("modified-kneser-ney", "katz", "add-k")},
            "scoring": scoring(ids, Path(folder), arguments.runs),
        }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def text() -> np.ndarray:
    """Token ids; 0 is end-of-text, 1 every word that is not among the most frequent."""
    library = Path(sysconfig.get_paths()["stdlib"])
    files, read = [], 0
    for path in sorted(library.rglob("*.py")):
        if "site-packages" not in path.parts and read < CHARACTERS:
            files.append(re.findall(r"\w+|[^\w\s]", path.read_text(encoding="utf-8", errors="replace")))
            read += path.stat().st_size
    common = Counter(word for words in files for word in words).most_common(VOCABULARY - 2)
    numbers = {word: number for number, (word, _) in enumerate(common, start=2)}
    return np.array([0, *(i for words in files for i in (*(numbers.get(word, 1) for word in words), 0))], np.uint16)


def child(ids: Path, memory: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--count", str(ids), str(memory)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def counting(file: Path, memory: int) -> dict[str, Any]:
    """What counting took, and a digest of what it gave."""
    ids = np.load(file, mmap_mode="r")
    estimate_ngram(NgramSettings(order=2), VOCABULARY, np.zeros(2, np.uint16), 0)  # what is imported late is there now
    before, most, ended = own(), [0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.002):
            most[0] = max(most[0], own() - before)

    watching = threading.Thread(target=watch)
    watching.start()
    begin = time.process_time()
    model = estimate_ngram(NgramSettings(order=ORDER, memory=memory), VOCABULARY, ids, 0)
    spent = time.process_time() - begin
    ended.set()
    watching.join()
    digest = hashlib.sha256()
    for table in model.counted.tables:
        for column in (table.keys, table.counts, table.totals, table.backoffs):
            digest.update(column.tobytes())
    return {"memory": memory, "CPU s": spent, "held": most[0], "digest": digest.hexdigest()}


def own() -> int:
    """Bytes of memory that are this process's own, not pages of files."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(r"RssAnon:\s+(\d+)", status)[1]) * 1024


def summary(rows: list[dict[str, Any]], memory: int) -> dict[str, Any]:
    mine = [row for row in rows if row["memory"] == memory]
    alone = [row for row in rows if row["memory"] == SETTINGS[0]]
    spent = [row["CPU s"] for row in mine]
    return {
        "memory": memory,
        "CPU s": {"median": statistics.median(spent), "low": min(spent), "high": max(spent)},
        "CPU to that of all at once": statistics.median(spent) / statistics.median(row["CPU s"] for row in alone),
        "held, most": max(row["held"] for row in mine),
        "all at once, times the setting": max(row["held"] for row in alone) / memory,
        "same tables": {row["digest"] for row in mine} == {alone[0]["digest"]},
    }


def kept(ids: np.ndarray, smoothing: str) -> dict[str, Any]:
    """Bytes of a model in its artifact, by order."""
    model = estimate_ngram(NgramSettings(order=ORDER, smoothing=smoothing), VOCABULARY, ids, 0)
    with tempfile.TemporaryDirectory() as folder:
        _, files = stored(model, Path(folder))
        grams = [len(table) for table in model.counted.tables]
        by_order = [
            sum(size for name, size in files.items() if name.startswith(f"order.{n + 1}.")) for n in range(ORDER)
        ]
        return {
            "n-grams": sum(grams),
            "bytes an n-gram": sum(files.values()) / sum(grams),
            "by order": [size / count for size, count in zip(by_order, grams, strict=True)],
        }


def stored(model: NgramModel, folder: Path) -> tuple[NgramModel, dict[str, int]]:
    with Store.at(folder).create("model", {}, {}, stage_version=1) as draft:
        save(draft, model)
        artifact = draft.seal()
    return load(artifact), artifact.files


def scoring(ids: np.ndarray, folder: Path, runs: int) -> dict[str, list[float]]:
    """Tokens a CPU second; both say the same to the bit."""
    counted = estimate_ngram(NgramSettings(order=ORDER), VOCABULARY, ids, 0)
    models = {"as counted": counted, "as kept": stored(counted, folder)[0]}
    found: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(runs):
        said = set()
        for name, model in models.items():
            begin, digest = time.process_time(), hashlib.sha256()
            for at in range(0, len(ids) - 1, PIECE):
                row = ids[None, at : at + PIECE + 1]
                batch = Batch(ids=row[:, :-1], targets=row[:, 1:], weights=np.ones((1, row.size - 1)))
                digest.update(model.log_probs(batch).tobytes())
            found[name].append((len(ids) - 1) / (time.process_time() - begin))
            said.add(digest.hexdigest())
        if len(said) != 1:
            raise ValueError("the tables that are kept say something else")
    return found


if __name__ == "__main__":
    main()
