"""`ablate` on planted text: ten harmful recipes, ten that do nothing, and what the default models cost.

    python benchmarks/ablation.py [--networks]

The pages are pieces of the Python documentation, half as many again being junk of four kinds made here. A harmful
recipe keeps junk or drops what is best; it counts as named where the verdict, with documentation that is in neither
corpus as trusted text, is that A, the default, is better. A recipe that does nothing drops the pages that bear one of
two marks, which were drawn by lot; it counts as a false alarm where a winner is named. With --networks one harmful
recipe is judged by the n-gram and the GPT, as is the default (minutes). Writes benchmarks/results/ablation.json.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from etymon.corpus import Corpus, CorpusSettings, build
from etymon.run.ablation import MODELS, Ablation, SmallModel, ablate
from etymon.storage import Store

RESULTS = Path(__file__).parent / "results" / "ablation.json"
NGRAM = (SmallModel(family="ngram"),)
HARMFUL = {
    "keeps only pages of short lines": ("short_lines", "<", 0.5),
    "drops pages with stop words": ("stop_words", ">=", 2),
    "drops pages whose lines end as sentences do": ("terminal_lines", ">", 0.2),
    "keeps only repetitive pages": ("duplicate_5grams", "<", 0.2),
    "keeps only pages with damaged characters": ("replaced", "<", 0.001),
    "drops pages with several sentences": ("sentences", ">", 4),
    "keeps only pages with a dominant pair of words": ("top_2gram", "<", 0.05),
    "drops pages of many words": ("words", ">", 130),
    "keeps only long words": ("mean_word_length", "<", 6.0),
    "keeps only lines that repeat": ("duplicate_lines", "<", 0.1),
}
MENU = "Home About Contact Login Register Search Cart Help Terms Privacy Sitemap News Archive Top Next Previous"
SPAM = "cheap watches buy now discount online casino bonus pills free shipping best price offer"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measured(Path(folder), arguments.networks)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def measured(folder: Path, networks: bool) -> dict[str, Any]:
    store = Store.at(folder / "store")
    texts = documentation(store)
    cut = len(texts) * 9 // 10
    wanted = written(folder / "wanted.jsonl", texts[cut:])
    pages = written(folder / "pages.jsonl", with_junk(texts[:cut], random.Random(0)))
    named = {}
    for name, rule in HARMFUL.items():
        named[name] = timed(store, CorpusSettings(), recipe(folder, name, rule), pages, wanted, NGRAM)
    quiet = {}
    for draw in range(10):
        marked = written(folder / f"marked-{draw}.jsonl", with_marks(texts[:cut], random.Random(draw)))
        by_mark = recipe(folder, "drops one of two marks", ("lorem_ipsum", ">", 0))
        quiet[f"draw {draw}"] = timed(store, CorpusSettings(), by_mark, marked, wanted, NGRAM)
    result = {
        "machine": {"processors": os.cpu_count()},
        "harmful recipes named": f"{sum(each['better'] == 'A' for each in named.values())} of {len(named)}",
        "false alarms": f"{sum(each['better'] != '' for each in quiet.values())} of {len(quiet)}",
        "harmful": named,
        "harmless": quiet,
    }
    if networks:
        name = "drops pages of many words"
        result["with networks"] = timed(
            store, CorpusSettings(), recipe(folder, name, HARMFUL[name]), pages, wanted, MODELS
        )
    return result


def documentation(store: Store) -> list[str]:
    """Runs of whole paragraphs of about 1,000 bytes, in an order drawn by lot."""
    corpus = build(store, ["builtin:docs"], CorpusSettings())
    pages: list[str] = []
    for text in Corpus.open(corpus).texts():
        page: list[str] = []
        for paragraph in text.split("\n\n"):
            page.append(paragraph)
            if sum(map(len, page)) >= 1000:
                pages.append("\n\n".join(page))
                page = []
    random.Random(1).shuffle(pages)
    return pages


def with_junk(good: list[str], draw: random.Random) -> list[str]:
    """The pages, and half as many again of shuffled words, menus, spam, and text with damaged characters."""
    words = " ".join(good).split()

    def junk(number: int) -> str:
        kind = number % 4
        if kind == 0:
            return " ".join(draw.choices(words, k=150))
        if kind == 1:
            return "\n".join(draw.choices(MENU.split(), k=100))
        if kind == 2:
            return " ".join(" ".join(draw.choices(SPAM.split(), k=3)) for _ in range(60)) + f" {number}"
        return "".join("\ufffd" if draw.random() < 0.008 else letter for letter in draw.choice(good)[:900])

    return [*good, *(junk(number) for number in range(len(good) // 2))]


def with_marks(good: list[str], draw: random.Random) -> list[str]:
    """Every page with one of two marks at its end."""
    return [f"{text}\n{draw.choice(['lorem ipsum', 'dolor amet'])}" for text in good]


def written(path: Path, texts: list[str]) -> str:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return str(path)


def recipe(folder: Path, name: str, rule: tuple[str, str, float]) -> CorpusSettings:
    column, op, threshold = rule
    row = {"name": name, "column": column, "op": op, "source": "made to be judged"}
    lines = [f"{key} = {json.dumps(value)}" for key, value in row.items()]
    path = folder / f"{name.replace(' ', '-')}.toml"
    path.write_text("\n".join(["[[rule]]", *lines, f"threshold = {threshold}"]) + "\n")
    return CorpusSettings(recipe=str(path))


def timed(
    store: Store, a: CorpusSettings, b: CorpusSettings, pages: str, wanted: str, models: tuple[SmallModel, ...]
) -> dict[str, Any]:
    seconds, cpu = time.monotonic(), cpu_seconds()
    found: Ablation = ablate(store, a, b, [pages], trusted=[wanted], models=models)
    rows = {
        f"{each.family}, {each.view}": {
            "A - B": round(each.mean, 4),
            "interval": [round(each.low, 4), round(each.high, 4)],
            "documents": each.n,
        }
        for each in found.comparisons
    }
    spent = {"cpu_seconds": round(cpu_seconds() - cpu, 1), "seconds": round(time.monotonic() - seconds, 1)}
    return {"better": found.better, "verdict": found.verdict, "comparisons": rows, "told": list(found.told)} | spent


def cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    main()
