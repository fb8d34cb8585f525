"""A small translation: what the source is worth to an encoder-decoder, and to a decoder of the same size.

    python benchmarks/translation.py [--archive genesis.zip] [--steps N] [--seeds N] [--workers N]

The 1,533 verses of Genesis in French and Portuguese, which lie one a line in both files; every tenth is held out. Each
way to the target is trained on one thread: a Transformer, a decoder that reads the source as its prefix, and the same
decoder without a source. Writes benchmarks/results/translation.json and prints the tables of docs/transformer.md.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import zipfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from etymon.generation import beam_search
from etymon.models import Network, as_tensors, evaluating, family
from etymon.models.transformer import pair_flops
from etymon.objectives import Translation
from etymon.statistics import chrf_counts, chrf_of, paired_ratio_difference, ratio_result
from etymon.tokens import END_OF_TEXT, Batch, Loader, Mask, Tokenizer, TokenStream
from etymon.tokens.merges import learn, training_text
from etymon.tokens.vocabulary import BYTES, assemble

SHARED = Path(os.environ.get("ETYMON_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
RESULTS = Path(__file__).parent / "results" / "translation.json"
LANGUAGES = {"french": "latin-1", "portuguese": "utf-8"}
VOCABULARY, ROWS, LENGTH = 2000, 16, 256
WIDTH, LAYERS, HEADS, DROPOUT = 64, 3, 4, 0.1
PEAK, WARMUP = 3e-3, 200
RESAMPLES = 2000
WRITTEN = 50
SHOWN = (3, 20, 40)


@dataclass
class Way:
    """One way to a target: the family, its settings, whether it is given the source, and its share of the steps."""

    family: str
    given: bool
    settings: dict[str, float] = field(default_factory=dict)
    share: float = 1.0

    def shape(self):
        return family(self.family).settings(width=WIDTH, heads=HEADS, dropout=DROPOUT, **self.settings)


DECODER = {
    "layers": LAYERS * 28 // 12,
    "context": LENGTH,
}  # 28 matrices D x D in a pair of blocks, 12 in one of a decoder
WAYS = {
    "transformer": Way("transformer", True, {"layers": LAYERS, "hidden": 4 * WIDTH}),
    # A token goes through all blocks of a decoder, and through one of the two halves of a Transformer: half the steps.
    "prefix decoder": Way("gpt1", True, DECODER, share=0.5),
    "decoder without source": Way("gpt1", False, DECODER),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archive", type=Path, default=SHARED / "text" / "genesis.zip")
    parser.add_argument("--steps", type=int, default=1600)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    learned, held_out = split(arguments.archive)
    jobs = [(arguments.archive, name, arguments.steps, seed) for seed in range(arguments.seeds) for name in WAYS]
    with ProcessPoolExecutor(arguments.workers, mp_context=get_context("spawn")) as pool:
        done = list(pool.map(one, *zip(*jobs, strict=True)))
    result = {"learned": len(learned), "held out": len(held_out), "steps": arguments.steps} | repeated(
        learned, held_out
    )
    result["not learned"] = without_a_model(learned, held_out)
    for seed in range(arguments.seeds):
        result[f"seed {seed}"] = measured(done[seed * len(WAYS) : (seed + 1) * len(WAYS)], held_out)
    RESULTS.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    print(tables(result, held_out))


def one(archive: Path, name: str, steps: int, seed: int) -> dict:
    """One way trained: what it costs on each held-out verse, also with the sources shuffled, and what it writes."""
    torch.set_num_threads(1)
    learned, held_out = split(archive)
    tokenizer, way = tokenizer_of([text for pair in learned for text in pair]), WAYS[name]
    begin = time.process_time()
    network = train(way, stream(learned, tokenizer), round(way.share * steps), seed)
    found = {"name": name, "parameters": sum(p.numel() for p in network.parameters())}
    found["CPU seconds"] = round(time.process_time() - begin)
    found |= work(way, stream(learned, tokenizer), round(way.share * steps))
    found["nats"] = {name: nats(network, way, stream(held_out, tokenizer))}
    if way.given:
        found["nats"][f"{name}, sources shuffled"] = nats(network, way, stream(shuffled(held_out), tokenizer))
    found["texts"] = {
        f"beam {beams}": [written(network, way, tokenizer, source, beams) for source, _ in held_out[:WRITTEN]]
        for beams in ((1, 4) if name == "transformer" else (1,) if way.given else ())
    }
    return found


def measured(done: list[dict], held_out) -> dict:
    """The ways of one seed on the same verses: nats per byte of the target, what one costs more than another, chrF."""
    wanted = [target for _, target in held_out]
    sizes, items = [len(target.encode()) for target in wanted], [f"verse {number}" for number in range(len(wanted))]
    costs = {name: cost for found in done for name, cost in found["nats"].items()}
    return {
        **{
            found["name"]: {
                "parameters": found["parameters"],
                "steps": found["steps"],
                "flops": found["flops"],
                "CPU seconds": found["CPU seconds"],
                "chrF": {how: chrf_interval(texts, wanted) for how, texts in found["texts"].items()},
                "texts": found["texts"],
            }
            for found in done
        },
        "nats per byte": {
            name: numbers(ratio_result(name, "nats per byte", cost, sizes, items, "held-out verses"))
            for name, cost in costs.items()
        },
        "differences": {
            f"transformer - {name}": numbers(paired_ratio_difference(costs["transformer"], cost, sizes, items=items))
            for name, cost in costs.items()
            if name != "transformer"
        },
    }


def split(archive: Path):
    """The verses to learn from, and every tenth, held out."""
    pairs = verses(archive)
    parts = ([pair for number, pair in enumerate(pairs) if (number % 10 == 9) == held] for held in (False, True))
    return tuple(parts)


def verses(archive: Path) -> list[tuple[str, str]]:
    """The verses of both languages; their files have a verse a line, all 1,533 of them."""
    with zipfile.ZipFile(archive) as opened:
        files = [opened.read(f"genesis/{name}.txt").decode(kind) for name, kind in LANGUAGES.items()]
    sources, targets = ([" ".join(line.split()) for line in file.split("\n") if line.strip()] for file in files)
    assert len(sources) == len(targets) == 1533
    return list(zip(sources, targets, strict=True))


def tokenizer_of(texts: list[str]) -> Tokenizer:
    """One vocabulary for both languages, as in the paper, from the verses that are learned from."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "text"
        file.write_bytes(b"".join(training_text(texts)))
        merges = learn(file, VOCABULARY - BYTES - 1, threads=1)
    return Tokenizer(assemble(merges, limit=VOCABULARY, special=[END_OF_TEXT]))


def stream(pairs, tokenizer: Tokenizer) -> TokenStream:
    """Source, target, source, target, …"""
    texts = [text for pair in pairs for text in pair]
    encoded = [np.asarray(tokenizer.encode(text), np.int64) for text in texts]
    end = np.array([tokenizer.end_of_text])
    return TokenStream(
        ids=np.concatenate([end, *(piece for ids in encoded for piece in (ids, end))]).astype(np.uint16),
        starts=np.cumsum([0, *(len(ids) + 1 for ids in encoded)]),
        bytes=np.array([len(text.encode()) for text in texts]),
        documents=[str(number) for number in range(len(texts))],
        vocabulary=tokenizer.vocabulary,
        end_of_text=tokenizer.end_of_text,
    )


def train(way: Way, text: TokenStream, steps: int, seed: int) -> Network:
    """Adam and the schedule of the paper, section 5.3, with its peak where so small a network learns."""
    kind = family(way.family)
    torch.manual_seed(seed)
    network = kind.build(way.shape(), text.vocabulary).train()
    objective = Translation(seed=seed, given=way.given)
    loader = Loader(text, length=LENGTH, slots=ROWS, seed=seed, order="shuffle")
    optimizer = torch.optim.Adam(network.parameters(), betas=(0.9, 0.98), eps=1e-9)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = PEAK * min((step + 1) / WARMUP, (WARMUP / (step + 1)) ** 0.5)
        total, count, _ = objective.loss(network, as_tensors(objective.batch(loader, step), network.device))
        optimizer.zero_grad()
        (total / count).backward()
        optimizer.step()
        if step % 50 == 49:
            print(f"{way.family} {way.given} step {step + 1}: {float(total.detach() / count):.3f}", flush=True)
    return network.eval()


def work(way: Way, text: TokenStream, steps: int) -> dict:
    """Steps, and the arithmetic of the model in them for pairs of the mean length, without padding."""
    lengths = np.diff(text.starts)
    source, target = int(lengths[0::2].mean()) - 1, int(lengths[1::2].mean())
    if way.family == "transformer":
        pair = 3 * pair_flops(way.shape(), text.vocabulary, source, target)
    else:
        length = source + target if way.given else target
        pair = family(way.family).counts(way.shape(), text.vocabulary, length).training_flops_per_token * length
    return {"steps": steps, "flops": float(steps * ROWS * pair)}


def nats(network: Network, way: Way, text: TokenStream) -> list[float]:
    """The cost of each target with the end behind it."""
    objective = Translation(seed=0, given=way.given)
    costs = []
    for pair in range((len(text.starts) - 1) // 2):
        batch = objective.rows(text, [pair])
        costs.append(-float((network.log_probs(batch) * batch.weights).sum()))
    return costs


class Prefixed:
    """A decoder that reads what it is first given as a prefix, which sees itself to both sides."""

    def __init__(self, network: Network, length: int) -> None:
        self.network, self.length = network, length
        self.family, self.vocabulary, self.context = network.family, network.vocabulary, network.context

    def next_log_probs(self, ids, state=None):
        if state is not None:
            return self.network.next_log_probs(ids, state)
        with evaluating(self.network):
            batch = Batch(
                ids=ids, targets=ids, weights=ids, prefixes=np.array([self.length]), visibility=Mask(prefix=True)
            )
            hidden, after = self.network(as_tensors(batch, self.network.device), state=self.network.start(len(ids)))
            return self.network.head(hidden[:, -1]).log_softmax(-1).numpy(), after


def written(network: Network, way: Way, tokenizer: Tokenizer, source: str, beams: int) -> str:
    """The best continuation of a source that the search finds; at most 1.5 times as long, and 10 tokens more."""
    end, given = tokenizer.end_of_text, tokenizer.encode(source).tolist() if way.given else []
    model = network if way.family == "transformer" else Prefixed(network, len(given))
    most = min(len(given) * 3 // 2 + 10 if way.given else 100, LENGTH - len(given))
    best = beam_search(model, [*given, end], stop={end}, max_tokens=most, beams=beams)[0]
    tokens = [token for token in best.tokens if token != end]
    return tokenizer.decode(tokens)


def shuffled(pairs):
    """Each target with the source of another verse."""
    sources = [source for source, _ in pairs]
    return [(source, target) for source, (_, target) in zip(sources[1:] + sources[:1], pairs, strict=True)]


def without_a_model(learned, held_out) -> dict:
    """The source itself, the target of another verse, and that of the learned verse whose source is the most alike."""
    held_out = held_out[:WRITTEN]
    wanted = [target for _, target in held_out]
    return {
        "the source itself": chrf_interval([source for source, _ in held_out], wanted),
        "another held-out target": chrf_interval(wanted[1:] + wanted[:1], wanted),
        "target of the nearest learned source": chrf_interval(nearest(learned, held_out), wanted),
    }


def nearest(learned, held_out) -> list[str]:
    """By the cosine of their words, rare ones counting more (tf-idf)."""
    bags = [Counter(source.lower().split()) for source, _ in [*learned, *held_out]]
    occurs = Counter(word for bag in bags[: len(learned)] for word in bag)
    words = {word: number for number, word in enumerate(occurs)}
    table = np.zeros((len(bags), len(words)))
    for row, bag in enumerate(bags):
        for word in bag.keys() & words.keys():
            table[row, words[word]] = bag[word] * np.log(len(learned) / occurs[word])
    table /= np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12)
    best = (table[len(learned) :] @ table[: len(learned)].T).argmax(1)
    return [learned[number][1] for number in best]


def repeated(learned, held_out) -> dict:
    """Held-out verses that stand word for word among the learned ones."""
    targets = {target for _, target in learned}
    return {"held-out targets that were learned": sum(target in targets for _, target in held_out)}


def chrf_interval(texts, wanted) -> dict:
    """chrF with the 95 % interval of a bootstrap over verses."""
    counts = np.array([chrf_counts(text, target) for text, target in zip(texts, wanted[: len(texts)], strict=True)])
    draw = np.random.default_rng(0)
    drawn = [chrf_of(counts[draw.integers(0, len(counts), len(counts))].sum(0)) for _ in range(RESAMPLES)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return {"mean": round(chrf_of(counts.sum(0)), 2), "low": round(low, 2), "high": round(high, 2), "n": len(counts)}


def numbers(result) -> dict:
    return {key: round(value, 4) for key, value in result.as_json().items()}


def shown(interval, digits: int) -> str:
    return f"{interval['mean']:.{digits}f} ({interval['low']:.{digits}f} to {interval['high']:.{digits}f})"


def tables(result, held_out) -> str:
    first = result["seed 0"]
    lines = ["| | nats per byte | chrF |", "|---|---|---|"]
    for name, interval in first["nats per byte"].items():
        scores = first.get(name, {}).get("chrF", {})
        chrf = "; ".join(f"{how}: {shown(score, 1)}" for how, score in scores.items())
        lines.append(f"| {name} | {shown(interval, 3)} | {chrf} |")
    lines += [f"| {name} | | {shown(interval, 1)} |" for name, interval in result["not learned"].items()]
    lines += [f"{name}: {shown(interval, 3)}" for name, interval in first["differences"].items()]
    best = first["transformer"]["texts"]["beam 4"]
    lines += [f"{number}\n  {held_out[number][0]}\n  {best[number]}\n  {held_out[number][1]}" for number in SHOWN]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
