"""Our published recipes beside datatrove's own filters: the same decisions, and CPU time on one thread, taking turns.

    python benchmarks/rules.py TEXTS.jsonl... --peer PYTHON [--megabytes N] [--runs N]

Each line of a file is {"text": ...}, with "id" if there is one. PYTHON is the interpreter of an environment of its own
with datatrove 0.10 and spaCy (no model: the tokenizer is all that is used). All texts are judged once for agreement;
the first N megabytes are judged again, in fresh processes, for time. Ours keeps every value of every rule, datatrove
stops at the first rule that holds. Goals: 99.9 % agreement for each filter, 5 MB/s. Writes results/rules.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "rules.json"
FILTERS = {
    "gopher repetition": ("gopher", "repeated paragraphs", "repeated 10-grams", False),
    "gopher quality": ("gopher", "too few words", "few stop words", False),
    "c4": ("c4", "lorem ipsum", "too few sentences", True),
    "c4 without terminal marks": ("fineweb", "lorem ipsum", "too few sentences", True),
    "fineweb": ("fineweb", "no lines", "a list", False),
}
"""Each filter of datatrove as a part of a recipe: from which rule to which, and whether its edits come first. FineWeb's
own rules are asked here on texts as they come, as the filter is by itself."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", type=Path, nargs="+")
    parser.add_argument("--peer", help="the interpreter that has datatrove")
    parser.add_argument("--megabytes", type=float, default=2.0, help="how much text to take the time on")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--judge", choices=("ours", "peer"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.judge:
        json.dump((judge_ours if arguments.judge == "ours" else judge_peer)(arguments.texts), sys.stdout)
        return
    if not arguments.peer:
        parser.error("--peer is needed")
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(folder) / "sample.jsonl"
        size = write_sample(arguments.texts, sample, int(arguments.megabytes * 1e6))
        turns: list[tuple[dict[str, Any], dict[str, Any]]] = []
        for _ in range(arguments.runs):
            turns.append((run(sys.executable, "ours", [sample]), run(arguments.peer, "peer", [sample])))
        ours, peer = (run(sys.executable, "ours", arguments.texts), run(arguments.peer, "peer", arguments.texts))
    result = {
        "date": date.today().isoformat(),
        "versions": {"datatrove": peer["version"], "spacy": peer["spacy"]},
        "texts": len(ours["ids"]),
        "bytes": ours["bytes"],
        "timed bytes": size,
        "runs": arguments.runs,
        "filters": {name: compare(name, ours, peer, turns, size) for name in FILTERS},
        "whole fineweb recipe": megabytes_a_second([mine["whole"] for mine, _ in turns], size),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    print(json.dumps(result, indent=2, ensure_ascii=False))


def compare(name: str, ours: dict[str, Any], peer: dict[str, Any], turns: Any, size: int) -> dict[str, Any]:
    """Agreement on all texts with every disagreement, and the speeds of both on the sample."""
    pairs = list(zip(ours["ids"], ours[name]["reasons"], peer[name]["reasons"], strict=True))
    differ = [{"id": id, "ours": mine, "datatrove": other} for id, mine, other in pairs if bool(mine) != bool(other)]
    mine, other = ([turn[side][name]["cpu"] for turn in turns] for side in (0, 1))
    ratios = [theirs / own for own, theirs in zip(mine, other, strict=True)]
    return {
        "dropped": sum(bool(other) for _, _, other in pairs),
        "agreement": 1 - len(differ) / len(pairs),
        "disagreements": differ,
        "ours": megabytes_a_second(mine, size),
        "datatrove": megabytes_a_second(other, size),
        "times as fast": {
            "median": round(statistics.median(ratios), 1),
            "range": [round(min(ratios), 1), round(max(ratios), 1)],
        },
    }


def megabytes_a_second(cpu: Sequence[float], size: int) -> dict[str, Any]:
    rates = [size / 1e6 / seconds for seconds in cpu]
    return {"MB/s median": round(statistics.median(rates), 3), "range": [round(min(rates), 3), round(max(rates), 3)]}


def run(python: str, side: str, texts: Sequence[Path]) -> dict[str, Any]:
    """Judges some files in a process of its own, on one thread."""
    command = [python, __file__, "--judge", side, *map(str, texts)]
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=os.environ | one_thread)
    return json.loads(done.stdout)


def write_sample(files: Sequence[Path], to: Path, most: int) -> int:
    """Every k-th text, so many that they have about `most` bytes; returns their bytes."""
    texts = [row["text"] for row in rows(files)]
    step = max(1, sum(len(text.encode()) for text in texts) // most)
    chosen = texts[::step]
    to.write_text("".join(json.dumps({"text": text}) + "\n" for text in chosen))
    return sum(len(text.encode()) for text in chosen)


def rows(files: Sequence[Path]) -> list[dict[str, Any]]:
    return [json.loads(line) for file in files for line in file.open(encoding="utf-8")]


def timed(work: Callable[[], Sequence[str | None]]) -> dict[str, Any]:
    begin = time.process_time()
    reasons = work()
    return {"cpu": time.process_time() - begin, "reasons": list(reasons)}


def judge_ours(files: Sequence[Path]) -> dict[str, Any]:
    from dataclasses import replace

    from etymon.corpus.edits import edit_and_measure
    from etymon.corpus.measures import measure
    from etymon.corpus.recipes import recipe
    from etymon.corpus.rules import decide

    given = rows(files)
    texts = [row["text"] for row in given]
    measure(["A text. It warms up."], recipe("gopher").columns)  # tables of characters are made once

    def judged(name: str) -> list[str | None]:
        source, first, last, edited = FILTERS[name]
        chosen = recipe(source)
        names = [rule.name for rule in chosen.rules]
        rules = chosen.rules[names.index(first) : names.index(last) + 1]
        if not edited:
            rules = tuple(replace(rule, column=rule.column.partition("@")[0]) for rule in rules)
        found = edit_and_measure(texts, [rule.column for rule in rules], chosen.edits if edited else ())
        return decide(found.columns, rules, len(texts))

    result: dict[str, Any] = {
        "ids": [str(row.get("id", number)) for number, row in enumerate(given)],
        "bytes": sum(len(text.encode()) for text in texts),
    }
    begin = time.process_time()
    whole = recipe("fineweb")
    decide(edit_and_measure(texts, whole.columns, whole.edits).columns, whole.rules, len(texts))
    result["whole"] = time.process_time() - begin
    return result | {name: timed(lambda name=name: judged(name)) for name in FILTERS}


def judge_peer(files: Sequence[Path]) -> dict[str, Any]:
    from importlib.metadata import version

    from datatrove.data import Document
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
    )
    from datatrove.utils.text import split_into_parts, split_into_words

    texts = [row["text"] for row in rows(files)]
    split_into_words("A text. It warms up.")
    filters = (
        GopherRepetitionFilter(),
        GopherQualityFilter(),
        C4QualityFilter(),
        C4QualityFilter(filter_no_terminal_punct=False),
        FineWebQualityFilter(),
    )

    def judged(filter: Any) -> list[str | None]:
        reasons: list[str | None] = []
        for text in texts:
            split_into_parts.cache_clear()  # each filter pays for its own words, as ours does here
            found = filter.filter(Document(text=text, id=""))
            reasons.append(None if found is True else found[1])
        return reasons

    result: dict[str, Any] = {"version": version("datatrove"), "spacy": version("spacy")}
    return result | {name: timed(lambda each=each: judged(each)) for name, each in zip(FILTERS, filters, strict=True)}


if __name__ == "__main__":
    main()
