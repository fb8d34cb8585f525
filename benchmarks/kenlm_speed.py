"""Our n-grams beside KenLM's: CPU seconds and peak memory to estimate order 5 from the same words; and scoring them.

    ETYMON_KENLM=…/kenlm/build/bin python benchmarks/kenlm_speed.py [--runs N]

lmplz reads text, `-S 1G --intermediate` (no ARPA file); ours counts token ids, as it finds them in shards: reading text
and making ids of it is not in its figure. Each is a process of its own, and they take turns. `query` reads text too
(probing tables, made before); scored is the text that was counted. Goal: no more CPU than lmplz, 1.2 million tokens
scored in a second. Writes benchmarks/results/kenlm_speed.json.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from kenlm_parity import SHARED
from kenlm_peer import kenlm, sentences

from etymon.models import NgramSettings, estimate_ngram
from etymon.tokens import Batch

RESULTS = Path(__file__).parent / "results" / "kenlm_speed.json"
ORDER = 5
PIECE = 1 << 16  # tokens of a batch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--estimate", type=Path, help="token ids to count: what the process of ours is started with")
    arguments = parser.parse_args()
    if arguments.estimate:
        ids = np.load(arguments.estimate)
        estimate_ngram(NgramSettings(order=ORDER), int(ids.max()) + 2, ids, 0)
        return
    with tempfile.TemporaryDirectory() as folder:
        result = measured(Path(folder), arguments.runs)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def measured(folder: Path, runs: int) -> dict[str, Any]:
    lines = sentences(text())
    plain, ids_file, arpa = folder / "text", folder / "ids.npy", folder / "model.arpa"
    plain.write_text("\n".join(map(" ".join, lines)) + "\n")
    numbers: dict[str, int] = {}
    ids = np.array([0, *(i for line in lines for i in (*(numbers.setdefault(w, len(numbers) + 1) for w in line), 0))])
    np.save(ids_file, ids.astype(np.uint32))
    lmplz = [str(kenlm("lmplz")), "-o", str(ORDER), "-S", "1G", "-T", str(folder / "sort"), "--text", str(plain)]
    ours = [sys.executable, __file__, "--estimate", str(ids_file)]
    nothing = cost([sys.executable, "-c", "import etymon.models, numpy"])
    estimation: dict[str, list[dict[str, float]]] = {"lmplz": [], "etymon": []}
    for _ in range(runs):
        estimation["lmplz"].append(cost([*lmplz, "--intermediate", str(folder / "intermediate")]))
        estimation["etymon"].append(cost(ours))
    subprocess.run([*lmplz, "--arpa", str(arpa)], check=True, capture_output=True)
    binary = folder / "model.bin"
    subprocess.run([str(kenlm("build_binary")), str(arpa), str(binary)], check=True, capture_output=True)
    model = estimate_ngram(NgramSettings(order=ORDER), int(ids.max()) + 2, ids.astype(np.uint32), 0)
    scoring: dict[str, list[float]] = {"query": [], "etymon": []}
    for _ in range(runs):
        spent = cost([str(kenlm("query")), "-v", "summary", str(binary)], plain)
        scoring["query"].append((len(ids) - 1) / spent["CPU s"])
        begin = time.process_time()
        for at in range(0, len(ids) - 1, PIECE):
            row = ids[None, at : at + PIECE + 1]
            model.log_probs(Batch(ids=row[:, :-1], targets=row[:, 1:], weights=np.ones((1, row.size - 1))))
        scoring["etymon"].append((len(ids) - 1) / (time.process_time() - begin))
    middle = {name: statistics.median(run["CPU s"] for run in spent) for name, spent in estimation.items()}
    return {
        "tokens": len(ids) - 1,
        "vocabulary": len(numbers),
        "order": ORDER,
        "n-grams": sum(len(table.keys) for table in model.counted.tables),
        "estimation": estimation,
        "starting Python and importing, in the figures of ours": nothing,
        "CPU of ours to that of lmplz, medians": middle["etymon"] / middle["lmplz"],
        "scoring, tokens per CPU s": scoring,
    }


def text() -> str:
    """All speeches, all plays, and WikiText."""
    with tarfile.open(SHARED / "sotu.tar.xz") as archive:
        files = [archive.extractfile(file) for file in archive.getmembers() if file.name.endswith(".txt")]
        speeches = [io.TextIOWrapper(file, "utf-8", "replace").read() for file in files if file]
    others = [(SHARED / name).read_text() for name in ("tinyshakespeare.txt", "wikitext2.valid.tokens")]
    return "\n".join([*speeches, *others])


# A small process in between: what a process inherits from a large parent before its exec counts as its own peak.
WATCH = """
import json, resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"CPU s": used.ru_utime + used.ru_stime, "peak MB": used.ru_maxrss / 1024}))
sys.exit(done.returncode)
"""


def cost(command: list[str], stdin: Path | None = None) -> dict[str, float]:
    """CPU seconds and peak memory of one process."""
    with (stdin or Path(os.devnull)).open("rb") as read:
        watched = [sys.executable, "-S", "-c", WATCH, *command]
        done = subprocess.run(watched, stdin=read, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
