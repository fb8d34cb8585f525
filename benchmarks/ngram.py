"""n-gram models beside nltk: CPU time to estimate and to score the same tokens, in turns; and bits on tiny Shakespeare.

    python benchmarks/ngram.py [--text FILE] [--tokens N] [--runs N]

nltk's KneserNeyInterpolated (constant discount) stands for "what people type first"; it counts in Python dictionaries.
Goal: estimation at least 100 times as fast. Needs `pip install etymon[bench]`. Writes benchmarks/results/ngram.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from etymon.models import NgramModel, NgramSettings, estimate_ngram
from etymon.tokens import Batch

SHARED = Path(os.environ.get("ETYMON_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
SHAKESPEARE = SHARED / "text" / "tinyshakespeare.txt"
RESULTS = Path(__file__).parent / "results" / "ngram.json"
ORDER = 5
SCORED_BY_NLTK = 50  # tokens; it scores some tens a second
GENERATED = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, default=SHAKESPEARE if SHAKESPEARE.exists() else None)
    parser.add_argument("--tokens", type=int, default=40_000, help="words and marks to estimate from")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    result = {
        "machine": {"python": platform.python_version(), "numpy": np.__version__, "processors": os.cpu_count()},
        "against nltk": against_nltk(text_of(arguments.text), arguments.tokens, arguments.runs),
        "generation": generation(),
    }
    if SHAKESPEARE.exists():
        result["tiny Shakespeare"] = shakespeare(arguments.runs)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(table(result))


def text_of(file: Path | None) -> str:
    """The file, or without one the documentation topics that come with Python."""
    if file is not None:
        return file.read_text()
    from pydoc_data.topics import topics

    return "\n".join(topics.values())


def against_nltk(text: str, tokens: int, runs: int) -> dict[str, Any]:
    """The two take turns, so that a busy machine disturbs both alike."""
    lines = [re.findall(r"\w+|[^\w\s]", line) for line in text.splitlines() if line.strip()]
    words, kept = 0, 0
    while kept < len(lines) and words < tokens:
        words, kept = words + len(lines[kept]), kept + 1
    train, held_out = lines[:kept], lines[kept : kept + 200] or lines[:200]
    numbers: dict[str, int] = {}
    ids, scored = stream_of(train, numbers), stream_of(held_out, numbers)
    vocabulary, end = len(numbers) + 1, 0
    times: dict[str, list[float]] = {"etymon": [], "nltk": []}
    for _ in range(runs):
        seconds, model = cpu(lambda: estimate_ngram(NgramSettings(order=ORDER), vocabulary, ids, end))
        times["etymon"].append(seconds)
        seconds, peer = cpu(lambda: nltk_model(train))
        times["nltk"].append(seconds)
    ours = cpu(lambda: model.log_probs(row(scored)))[0] / (len(scored) - 1)
    theirs = cpu(lambda: nltk_scores(peer, held_out, SCORED_BY_NLTK))[0] / SCORED_BY_NLTK
    ratios = [b / a for a, b in zip(times["etymon"], times["nltk"], strict=True)]
    return {
        "tokens": len(ids) - 1,
        "vocabulary": vocabulary,
        "order": ORDER,
        "runs": runs,
        "estimation, CPU s": times,
        "estimation, times as fast": {"median": statistics.median(ratios), "low": min(ratios), "high": max(ratios)},
        "scoring, tokens per CPU s": {"etymon": 1 / ours, "nltk": 1 / theirs},
    }


def stream_of(lines: Sequence[Sequence[str]], numbers: dict[str, int]) -> np.ndarray:
    """Lines as documents; 0 is end-of-text, every new word gets the next number."""
    ids = [0]
    for line in lines:
        ids += [numbers.setdefault(word, len(numbers) + 1) for word in line]
        ids.append(0)
    return np.array(ids, np.uint32)


def nltk_model(lines: Sequence[Sequence[str]]) -> Any:
    from nltk.lm import KneserNeyInterpolated
    from nltk.lm.preprocessing import padded_everygram_pipeline

    grams, words = padded_everygram_pipeline(ORDER, lines)
    model = KneserNeyInterpolated(ORDER)
    model.fit(grams, words)
    return model


def nltk_scores(model: Any, lines: Sequence[Sequence[str]], tokens: int) -> list[float]:
    words = ["<s>"] * (ORDER - 1) + [word for line in lines for word in line]
    return [model.score(words[i], words[i - ORDER + 1 : i]) for i in range(ORDER - 1, ORDER - 1 + tokens)]


def generation() -> dict[str, Any]:
    """Tokens a second, one text at a time, vocabulary 4096, all probabilities of every step computed."""
    random = np.random.default_rng(0)
    text = np.minimum(random.zipf(1.3, 1_000_000), 4095)
    model = estimate_ngram(NgramSettings(order=ORDER), 4096, np.concatenate([[0], text, [0]]), 0)
    seconds, _ = cpu(lambda: generate(model, GENERATED, random))
    return {"vocabulary": 4096, "order": ORDER, "tokens per CPU s": GENERATED / seconds}


def generate(model: NgramModel, tokens: int, random: np.random.Generator) -> None:
    token, state = 0, None
    for _ in range(tokens):
        log_probs, state = model.next_log_probs(np.array([[token]]), state)
        token = int(random.choice(model.vocabulary, p=np.exp(log_probs[0])))


def shakespeare(runs: int) -> list[dict[str, Any]]:
    """Characters: estimated on the first nine tenths, scored on the last."""
    text = np.frombuffer(SHAKESPEARE.read_bytes(), np.uint8)
    split = len(text) * 9 // 10
    train = np.concatenate([[256], text[:split], [256]]).astype(np.uint16)
    held_out = np.concatenate([[256], text[split:]])
    rows = []
    for order in (5, 6, 7, 8):
        fits = [cpu(lambda o=order: estimate_ngram(NgramSettings(order=o), 257, train, 256)) for _ in range(runs)]
        model = fits[-1][1]
        seconds, log_probs = cpu(lambda m=model: m.log_probs(row(held_out)))
        rows.append(
            {
                "order": order,
                "nats per character": -float(log_probs.mean()),
                "characters scored": int(log_probs.size),
                "parameters": model.counts().parameters,
                "estimation, CPU s": statistics.median(fit[0] for fit in fits),
                "scoring, tokens per CPU s": log_probs.size / seconds,
            }
        )
    return rows


def row(ids: np.ndarray) -> Batch[Any]:
    whole = ids.astype(np.int64)[None]
    return Batch(ids=whole[:, :-1], targets=whole[:, 1:], weights=np.ones_like(whole[:, 1:]))


def cpu(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    done = work()
    return time.process_time() - start, done


def table(result: dict[str, Any]) -> str:
    peer = result["against nltk"]
    faster, scoring = peer["estimation, times as fast"], peer["scoring, tokens per CPU s"]
    lines = [
        f"estimation of a {peer['order']}-gram on {peer['tokens']} tokens, {peer['runs']} runs in turns, median CPU s",
        *(f"  {name:8} {statistics.median(times):8.4f}" for name, times in peer["estimation, CPU s"].items()),
        f"  {faster['median']:.0f} times as fast ({faster['low']:.0f} to {faster['high']:.0f}); goal 100",
        f"scoring, tokens per CPU s: etymon {scoring['etymon']:,.0f}, nltk {scoring['nltk']:,.0f}",
        f"generation at vocabulary 4096: {result['generation']['tokens per CPU s']:,.0f} tokens per CPU s; goal 200",
    ]
    for found in result.get("tiny Shakespeare", []):
        lines.append(
            f"tiny Shakespeare, order {found['order']}: {found['nats per character']:.4f} nats per character,"
            f" {found['parameters']:,} parameters, {found['estimation, CPU s']:.2f} CPU s"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
