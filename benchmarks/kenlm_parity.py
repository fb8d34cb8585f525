"""Our n-grams against KenLM's: every n-gram of three corpora, orders 1 to 6, pruned or not, with fallback or not.

    ETYMON_KENLM=…/kenlm/build/bin python benchmarks/kenlm_parity.py [--words N]

Asked: at most 1e-5 in log10 everywhere (lmplz works in float32); scores of `query` on our ARPA files within 1e-6 of
ours, as far as float32 goes; sums of 1 within 1e-7 in 10,000 contexts. Discounts are fallen back on where each line of
a corpus stands twice: no count is odd then. Where lmplz refuses a text that is too small, so must we. Writes
benchmarks/results/kenlm.json.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from kenlm_peer import BadDiscount, Difference, closed, kenlm, parity, scored, sentences, stream

from etymon.errors import EtymonError
from etymon.models import NgramModel, NgramSettings, estimate_ngram

SHARED = Path(os.environ.get("ETYMON_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / "text"
RESULTS = Path(__file__).parent / "results" / "kenlm.json"
ORDERS = range(1, 7)
CONTEXTS = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--words", type=int, default=30_000, help="of each corpus, in all combinations")
    words = parser.parse_args().words
    if kenlm("lmplz") is None or kenlm("query") is None:
        raise SystemExit("KenLM's lmplz and query are not on the path; name their folder in ETYMON_KENLM")
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, text in corpora().items():
            lines = sentences(text, words=words)
            for order in ORDERS:
                for prune in ((), (0, 0, 1)[:order]):
                    for twice in (False, True):
                        cut = tuple(most * (1 + twice) for most in prune)
                        read = closed([*lines, *lines] if twice else lines)
                        row = {"corpus": name, "order": order, "prune": cut, "fallback": twice}
                        try:
                            found, _, _ = parity(read, order, Path(scratch), cut, fallback=twice)
                            rows.append(row | asdict(found))
                        except BadDiscount:
                            check_refused(read, order, cut)
                            rows.append(row | {"refused by both": True})
            found, model, names = parity(closed(sentences(text)), 5, Path(scratch))
            tokens, difference = scored(model, names, sentences(text, words=20_000), Path(scratch))
            sums = {"contexts": CONTEXTS, "largest |sum - 1|": largest_error(model)}
            whole = {"corpus": name, "whole": True, "order": 5, **asdict(found)}
            rows.append({**whole, "query": {"tokens": tokens, "log10": difference}, **sums})
            print(name, json.dumps(rows[-1]), flush=True)
    result = {"asked": 1e-5, "largest": asdict(largest(rows)), "rows": rows}
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result["largest"]))


def check_refused(lines: Sequence[Sequence[str]], order: int, prune: Sequence[int]) -> None:
    names = ["</s>", *sorted({word for line in lines for word in line})]
    ids, end = stream(lines, names)
    try:
        estimate_ngram(NgramSettings(order=order, prune=tuple(prune), fallback=()), len(names), ids, end)
    except EtymonError:
        return
    raise ValueError(f"lmplz refuses this text at order {order}, we do not")


def corpora() -> dict[str, str]:
    """Plays, an encyclopedia, and speeches."""
    with tarfile.open(SHARED / "sotu.tar.xz") as archive:
        texts = [archive.extractfile(file) for file in archive.getmembers() if file.name.endswith(".txt")]
        speeches = "\n".join(io.TextIOWrapper(text, "utf-8", "replace").read() for text in texts[-60:] if text)
    return {
        "tiny Shakespeare": (SHARED / "tinyshakespeare.txt").read_text(),
        "WikiText-2 valid": (SHARED / "wikitext2.valid.tokens").read_text(),
        "State of the Union": speeches,
    }


def largest_error(model: NgramModel) -> float:
    """How far the probabilities after some context are from a sum of 1, over contexts of the text and made-up ones."""
    random = np.random.default_rng(0)
    error = 0.0
    for at in range(CONTEXTS):
        length = int(random.integers(1, model.settings.order))
        context = random.integers(0, model.vocabulary, length)
        if at % 2:  # one that occurs: an n-gram of the table
            table = model.counted.tables[length - 1]
            row = int(random.integers(0, len(table.keys)))
            context = gram(model, length, row)
        log_probs, _ = model.next_log_probs(context[None])
        error = max(error, abs(float(np.exp(log_probs).sum()) - 1))
    return error


def gram(model: NgramModel, length: int, row: int) -> np.ndarray:
    words: list[int] = []
    for n in range(length, 0, -1):
        row, word = divmod(int(model.counted.tables[n - 1].keys[row]), model.vocabulary)
        words.append(word)
    return np.array(words[::-1])


def largest(rows: list[dict[str, Any]]) -> Difference:
    rows = [row for row in rows if "p" in row]
    return Difference(
        grams=sum(row["grams"] for row in rows),
        p=max(row["p"] for row in rows),
        backoff=max(row["backoff"] for row in rows),
    )


if __name__ == "__main__":
    main()
