"""The sparsity problem on real text: unseen n-grams by order, and perplexity by smoothing and amount of text.

    python benchmarks/sparsity.py [--text FILE] [--order N]

Words of tiny Shakespeare, a speech's line a document; the vocabulary is the words that occur twice in the first nine
tenths, and one for all others. Scored is the last tenth. Writes benchmarks/results/sparsity.json and
prints the tables of docs/ngram.md.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import tempfile
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np

from etymon.index import Index, build
from etymon.models import NgramSettings, estimate_ngram
from etymon.models.infinity_gram import InfinityGram
from etymon.models.ngram_cache import UnigramCache
from etymon.models.ngram_settings import SMOOTHINGS
from etymon.models.ngram_sparsity import Perplexity, Unseen, perplexities, unseen
from etymon.storage import Store
from etymon.tokens import Batch

SHARED = Path(os.environ.get("ETYMON_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
RESULTS = Path(__file__).parent / "results" / "sparsity.json"
AMOUNTS = (10_000, 30_000, 100_000, 300_000)
K = 0.01
WEIGHTS = (0.05, 0.1, 0.2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, default=SHARED / "text" / "tinyshakespeare.txt")
    parser.add_argument("--order", type=int, default=3)
    arguments = parser.parse_args()
    train, held_out, vocabulary = streams(arguments.text.read_text())
    amounts = [amount for amount in AMOUNTS if amount < len(train)] + [len(train)]
    choices = [
        NgramSettings(order=arguments.order, smoothing=name, **({"k": K} if name == "add-k" else {}))
        for name in SMOOTHINGS
    ]
    found = perplexities(choices, vocabulary, train, held_out, 0, amounts)
    grams = {}
    for amount in amounts:
        part = train[: amount - int(np.argmax(train[:amount][::-1] == 0))]
        grams[len(part) - 1] = unseen(estimate_ngram(NgramSettings(order=6), vocabulary, part, 0), held_out)
    result = {
        "text": arguments.text.name,
        "vocabulary": vocabulary,
        "held out": len(held_out) - 1,
        "order": arguments.order,
        "k": K,
        "unseen": {str(tokens): [asdict(row) | {"share": row.share} for row in rows] for tokens, rows in grams.items()},
        "perplexity": [asdict(row) | {"perplexity": finite(row.perplexity)} for row in found],
    }
    result["mixtures"] = mixtures(train, held_out, vocabulary, arguments.order)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(tables(grams, found))
    print("\n".join(f"{name}: perplexity {found:.1f}" for name, found in result["mixtures"].items()))


def mixtures(train: np.ndarray, held_out: np.ndarray, vocabulary: int, order: int) -> dict[str, float]:
    """Perplexity of the best model alone, and with the cache or the infinity-gram mixed in. Both parts are one document
    here, for a cache has nothing to remember within a line."""
    train, held_out = (np.append(part[part > 0], 0) for part in (train, held_out))
    kneser_ney = estimate_ngram(NgramSettings(order=order), vocabulary, np.insert(train, 0, 0), 0)
    with tempfile.TemporaryDirectory() as folder:
        documents = [("text", train[:-1].astype(np.uint16))]
        index = Index.open(build(Store.at(Path(folder)), "", documents, inputs={}, unit="uint16"))
        others = {"cache": UnigramCache(vocabulary, 0), "infinity-gram": InfinityGram(index, vocabulary, 0)}
        ids = np.insert(held_out, 0, 0).astype(np.int64)[None]
        batch = Batch(ids=ids[:, :-1], targets=ids[:, 1:], weights=np.ones((1, ids.size - 1)))
        said = kneser_ney.log_probs(batch)
        found = {f"modified Kneser-Ney, order {order}": float(np.exp(-said.mean()))}
        for name, other in others.items():
            nats = other.log_probs(batch)
            for weight in WEIGHTS:
                mixed = np.logaddexp(np.log(1 - weight) + said, np.log(weight) + nats)
                found[f"{1 - weight:g} of it and {weight:g} {name}"] = float(np.exp(-mixed.mean()))
    return found


def streams(text: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Training and held-out token streams: 0 is end-of-text, 1 a word outside the vocabulary."""
    lines = [re.findall(r"\w+|[^\w\s]", line.lower()) for line in text.splitlines() if line.strip()]
    split = len(lines) * 9 // 10
    counts = Counter(word for line in lines[:split] for word in line)
    numbers = {word: i for i, word in enumerate((w for w, c in counts.items() if c > 1), start=2)}

    def stream(part: list[list[str]]) -> np.ndarray:
        return np.array(
            [0, *(number for line in part for number in (*(numbers.get(w, 1) for w in line), 0))], np.uint32
        )

    return stream(lines[:split]), stream(lines[split:]), len(numbers) + 2


def finite(number: float) -> float | None:
    return number if np.isfinite(number) else None


def tables(grams: dict[int, list[Unseen]], found: list[Perplexity]) -> str:
    """Both tables in Markdown."""
    amounts = list(grams)
    lines = ["| n-grams never seen, of words counted | " + " | ".join(f"{tokens:,}" for tokens in amounts) + " |"]
    lines.append("|---" * (len(amounts) + 1) + "|")
    for n in range(len(grams[amounts[0]])):
        row = [f"{grams[tokens][n].share:.1%}" for tokens in amounts]
        lines.append(f"| {n + 1}-grams ({grams[amounts[0]][n].grams:,} held out) | " + " | ".join(row) + " |")
    lines += ["", "| perplexity, of words counted | " + " | ".join(f"{tokens:,}" for tokens in amounts) + " |"]
    lines.append("|---" * (len(amounts) + 1) + "|")
    for name in SMOOTHINGS:
        row = [
            f"{each.perplexity:,.0f}" if np.isfinite(each.perplexity) else "∞"
            for each in found
            if each.smoothing == name
        ]
        lines.append(f"| `{name}` | " + " | ".join(row) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
