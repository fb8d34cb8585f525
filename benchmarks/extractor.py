"""Main content: F1 and pages a second of our extractors beside trafilatura, on trafilatura's evaluation pages.

    python benchmarks/extractor.py --pages FOLDER --peer PYTHON [--runs N]

FOLDER is `tests` of a checkout of adbar/trafilatura (evaldata.json, cache/, eval/): pages with pieces of text that
their content has and pieces that it has not. They measure only: no weight was trained on them. PYTHON is one that has
trafilatura, lxml_html_clean and resiliparse. Scores as in trafilatura's own evaluation: a piece is found where the text
holds it, spaces aside. Each extractor runs in a process of its own on one thread, in turns; CPU time without reading
and decoding. Goal: the learned one has F1 .90 at 100 pages a second. Writes benchmarks/results/extractor.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "extractor.json"
OURS = ("learned", "resiliparse")
PEERS = ("trafilatura fast", "trafilatura", "trafilatura as FineWeb calls it")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument("--peer", default="", help="a Python with trafilatura")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--judge", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.judge:
        print(json.dumps(judged(given.judge, given.pages)))
        return
    names = (*OURS, *(PEERS if given.peer else ()))
    turns = [{name: run(given.peer if name in PEERS else sys.executable, name, given.pages) for name in names}
             for _ in range(given.runs)]  # fmt: skip
    result = {
        "machine": {"python": platform.python_version(), "processors": os.cpu_count()},
        "runs": given.runs,
        "extractors": {name: summary([turn[name] for turn in turns]) for name in names},
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    rates = [each["pages"] / each["cpu"] for each in runs]
    return {key: runs[0][key] for key in ("version", "pages", "precision", "recall", "F1")} | {
        "pages a second": {
            "median": round(statistics.median(rates), 1),
            "range": [round(min(rates)), round(max(rates))],
        }
    }


def run(python: str, name: str, pages: Path) -> dict[str, Any]:
    command = [python, __file__, "--judge", name, "--pages", str(pages)]
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, env=os.environ | one_thread).stdout)


def judged(name: str, folder: Path) -> dict[str, Any]:
    """One extractor over all pages: how many wanted pieces it kept, how many unwanted ones, and its CPU seconds."""
    version, text_of = extractor(name)
    text_of("<html><body><p>The first page pays for what is loaded late.</p></body></html>")
    kept = wrong = wanted = pages = 0
    cpu = 0.0
    for html, has, has_not in evaluation(folder):
        begun = time.process_time()
        text = text_of(html)
        cpu += time.process_time() - begun
        text = spaced(text or "")
        pages += 1
        wanted += len(has)
        kept += sum(spaced(piece) in text for piece in has)
        wrong += sum(spaced(piece) in text for piece in has_not)
    scores = {"precision": kept / (kept + wrong), "recall": kept / wanted, "F1": 2 * kept / (wanted + kept + wrong)}
    return {"version": version, "pages": pages, "cpu": cpu} | {key: round(value, 4) for key, value in scores.items()}


def extractor(name: str) -> tuple[str, Callable[[str], str | None]]:
    if name in OURS:
        from etymon.corpus.extract import describe, extract

        return describe(name), lambda html: extract(html, "", name).text
    from trafilatura import extract as peer

    options: dict[str, Any] = {"include_comments": False}
    if name == "trafilatura as FineWeb calls it":
        options |= {"favor_precision": True, "deduplicate": True}
    else:
        options |= {"include_tables": True, "include_formatting": False, "fast": name.endswith("fast")}
    return f"trafilatura {metadata.version('trafilatura')}", partial(peer, **options)


def evaluation(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Pages with the pieces that their content has and has not."""
    for item in json.loads((folder / "evaldata.json").read_text("utf-8")).values():
        file = next(path for kind in ("cache", "eval") if (path := folder / kind / item["file"]).is_file())
        yield decoded(file.read_bytes()), item["with"], item["without"]


def decoded(page: bytes) -> str:
    try:
        return page.decode("utf-8")
    except UnicodeDecodeError:
        from resiliparse.parse.encoding import bytes_to_str, detect_encoding

        return bytes_to_str(page, detect_encoding(page, from_html_meta=True) or "utf-8")


def spaced(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


if __name__ == "__main__":
    main()
