"""What each training signal learns: next token, masked, permutation, on the same text, at equal size and compute.

    python benchmarks/signals.py [--signal NAME] [--seeds 0 1 2] [--flops N] [--folder DIR]
    python benchmarks/signals.py --collect

A GPT, a BERT and an XLNet of the same width, depth and tokens (sizes within 5 %) train on the novels of Jane Austen and
the speeches of American presidents for the same number of FLOPs, counted exactly from what each asks for. "next token
of 15 %" is the GPT, asked for as few of the tokens that it reads as the BERT: the control for how many predictions a
signal makes. Then all judge the minimal pairs of BLiMP and pairs of agreement over distance; the XLNet twice, as it
reads on from left to right and as it fills in. A 5-gram and chance (0.5) are the lines to beat.

Every training leaves its own file in the folder and is not done again; --collect draws them together into
benchmarks/results/signals.json and docs/pictures/signals.svg and prints the tables of docs/models.md.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import tarfile
import tempfile
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from etymon.evaluation import agreement_pairs, minimal_pairs, read_blimp
from etymon.models import NgramSettings, as_tensors, estimate_ngram, family
from etymon.models.network import evaluating
from etymon.objectives import Masked, NextToken, Permutation, summed_cross_entropy
from etymon.objectives.borders import sentence_ends, sentence_opens
from etymon.objectives.cost import step_flops
from etymon.statistics import mean_interval
from etymon.tokens import Batch, Loader, Mask, Tokenizer, TokenStream
from etymon.tokens.merges import learn, training_text
from etymon.tokens.vocabulary import END_OF_TEXT, assemble

SHARED = Path(os.environ.get("ETYMON_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
RESULTS = Path(__file__).parent / "results" / "signals.json"
PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "signals.svg"
VOCABULARY, WIDTH, LAYERS, HEADS, LENGTH, ROWS = 2048, 96, 2, 3, 64, 32
RATE, WARMUP = 3e-3, 0.1
FLOPS = 2e12
PAIRS_EACH, DISTANCE_EACH = 30, 60
HIDDEN = 0.15
LEAST_SEEN = 20
SIGNALS = {"next token": "gpt", "masked": "bert", "permutation": "xlnet", "next token of 15 %": "gpt"}
NOUNS = (
    "brother sister friend mother daughter son cousin uncle aunt servant letter carriage house door room "
    "garden book horse officer soldier ship nation citizen bank court treaty law bill member minister "
    "president farmer worker road school river vessel town village tree table chair window picture"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--signal", choices=SIGNALS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--flops", type=float, default=FLOPS)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "etymon-signals")
    parser.add_argument("--collect", action="store_true")
    given = parser.parse_args()
    given.folder.mkdir(exist_ok=True, parents=True)
    torch.set_num_threads(1)
    if not given.collect:
        texts = documents()
        tokenizer = tokenizer_of(texts, given.folder)
        stream = stream_of(texts, tokenizer)
        nouns = met(texts)
        for seed in given.seeds:
            for name in [given.signal] if given.signal else SIGNALS:
                file = given.folder / f"{name}-{seed}.json"
                once(file, lambda n=name, s=seed: trained(n, s, given.flops, stream, tokenizer, nouns))
        once(given.folder / "5-gram-0.json", lambda: counted(stream, tokenizer, nouns))
    if given.collect or not given.signal:
        collect(given.folder)


def once(file: Path, make) -> None:
    if not file.exists():
        draft = file.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(make()) + "\n")
        draft.rename(file)


def documents() -> list[str]:
    """Chapters of novels and whole speeches, each paragraph one line."""
    texts: list[str] = []
    for file in sorted((SHARED / "text" / "austen").glob("[a-z]*.txt")):
        texts += re.split(r"\n(?=CHAPTER|Chapter)", file.read_text())
    with tarfile.open(SHARED / "text" / "sotu.tar.xz") as archive:
        for member in archive:
            if member.name.endswith(".txt") and (opened := archive.extractfile(member)):
                texts.append(opened.read().decode(errors="replace"))
    with zipfile.ZipFile(SHARED / "text" / "inaugural.zip") as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".txt") and "README" not in name:
                texts.append(archive.read(name).decode(errors="replace"))
    flowing = (re.sub(r"\s*\n\s*\n\s*", "\n", re.sub(r"(?<!\n)\n(?!\n)", " ", text)).strip() for text in texts)
    return list(dict.fromkeys(text for text in flowing if len(text) > 500))


def tokenizer_of(texts: list[str], folder: Path) -> Tokenizer:
    file = folder / "tokenizer.json"
    if not file.exists():
        with tempfile.TemporaryDirectory() as scratch:
            text = Path(scratch) / "text"
            text.write_bytes(b"".join(training_text(texts)))
            draft = file.with_suffix(f".{os.getpid()}")
            draft.write_bytes(assemble(learn(text, VOCABULARY - 257), limit=VOCABULARY, special=[END_OF_TEXT]))
            draft.rename(file)
    return Tokenizer(file.read_bytes())


def stream_of(texts: list[str], tokenizer: Tokenizer) -> TokenStream:
    rows = tokenizer.encode_batch(texts)
    end = np.array([tokenizer.end_of_text], np.uint16)
    return TokenStream(
        ids=np.concatenate([part for row in rows for part in (end, row.astype(np.uint16))] + [end]),
        starts=np.cumsum([0, *(len(row) + 1 for row in rows)]),
        bytes=np.array([len(text.encode()) for text in texts]),
        documents=[str(number) for number in range(len(texts))],
        vocabulary=tokenizer.vocabulary,
        end_of_text=tokenizer.end_of_text,
    )


def met(texts: list[str]) -> list[tuple[str, str]]:
    """Nouns whose singular and plural both occur in the text, `LEAST_SEEN` times at least."""
    words = re.findall(r"[a-z]+", "\n".join(texts))
    kinds, sizes = np.unique(words, return_counts=True)
    seen = dict(zip(kinds.tolist(), sizes.tolist(), strict=True))
    pairs = [(noun, noun[:-1] + "ies" if noun.endswith("ty") else noun + "s") for noun in NOUNS.split()]
    return [pair for pair in pairs if min(seen.get(word, 0) for word in pair) >= LEAST_SEEN]


class SomeTokens(NextToken):
    """Next token, asked for at `HIDDEN` of the positions only; the head reads those alone."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.name = f"next token of {HIDDEN} of positions, seed {seed}"

    def asked(self, length: int) -> tuple[int, float]:
        return length, HIDDEN

    def batch(self, loader, step, slots=None):
        batch = loader.batch(step, slots)
        drawn = np.random.default_rng((self.seed, step)).random(batch.weights.shape).argsort(1)
        return replace(batch, weights=batch.weights * (drawn < round(HIDDEN * LENGTH)))

    def loss(self, network, batch, state=None):
        hidden, _ = network(batch)
        weights = batch.weights.flatten()
        at = weights.nonzero()[:, 0]
        nats = summed_cross_entropy(hidden.flatten(0, 1)[at], *network.output, batch.targets.flatten()[at], weights[at])
        return nats, weights.sum(), None


class BothSides:
    """An XLNet that fills in: all other tokens of the row are given, the one asked for has an order of its own."""

    def __init__(self, network) -> None:
        self.network, self.family = network, "xlnet to both sides"
        self.vocabulary, self.context = network.vocabulary, network.context

    def hidden_log_probs(self, ids, places):
        with evaluating(self.network):
            rows, at = torch.as_tensor(ids), torch.as_tensor(places)[:, None]
            ranks = torch.full_like(rows, -1).scatter(1, at, 0)
            weights = torch.ones_like(rows, dtype=torch.float32)
            batch = Batch(ids=rows, targets=rows, weights=weights, ranks=ranks, visibility=Mask(permuted=True))
            hidden, _ = self.network(batch, asked=at)
            return self.network.head(hidden[:, 0]).log_softmax(-1).numpy()


def setup(name: str, seed: int, stream: TokenStream, tokenizer: Tokenizer) -> tuple[Any, Any, Loader]:
    """Fresh network, objective, loader; rows of a BERT have three special tokens among their `LENGTH`."""
    kind = family(SIGNALS[name])
    torch.manual_seed(seed)
    shape = kind.settings(layers=LAYERS, width=WIDTH, heads=HEADS, context=LENGTH)
    network = kind.build(shape, stream.vocabulary)
    if name == "masked":
        objective: Any = Masked(
            special=network.special, vocabulary=stream.vocabulary, seed=seed, hidden=HIDDEN,
            sentence_ends=sentence_ends(tokenizer), sentence_opens=sentence_opens(tokenizer),
        )  # fmt: skip
    elif name == "permutation":
        objective = Permutation(seed=seed)
    else:
        objective = NextToken() if name == "next token" else SomeTokens(seed)
    length = LENGTH - (3 if name == "masked" else 0)
    return network, objective, Loader(stream, length=length, slots=ROWS, seed=seed, order="shuffle")


def trained(name: str, seed: int, flops: float, stream: TokenStream, tokenizer: Tokenizer, nouns) -> dict[str, Any]:
    network, objective, loader = setup(name, seed, stream, tokenizer)
    each = step_flops(objective, network.counts, ROWS, loader.length)
    if isinstance(objective, SomeTokens):  # whose head reads those positions alone
        each -= (1 - HIDDEN) * ROWS * LENGTH * 6 * stream.vocabulary * WIDTH
    steps = round(flops / each)
    optimizer = torch.optim.AdamW(network.parameters(), RATE, betas=(0.9, 0.95), weight_decay=0.01)
    network.train()
    predictions, begin, told = 0.0, time.process_time(), []
    for step in range(steps):
        rate = RATE * min((step + 1) / (WARMUP * steps), (steps - step) / ((1 - WARMUP) * steps))
        for group in optimizer.param_groups:
            group["lr"] = rate
        batch = as_tensors(objective.batch(loader, step), network.device)
        nats, count, _ = objective.loss(network, batch)
        optimizer.zero_grad()
        (nats / count).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        predictions += float((batch.weights[:, 1:] > 0).sum() if name == "masked" else (batch.weights > 0).sum())
        told.append(float(nats.detach() / count))
        if step % 100 == 99 or step == steps - 1:
            spent = time.process_time() - begin
            print(
                f"{name}, seed {seed}: step {step + 1} of {steps}, loss {told[-1]:.3f}, CPU {spent:.0f} s", flush=True
            )
    seconds = time.process_time() - begin
    network.eval()
    readings = {name: network}
    if name == "permutation":
        readings = {"permutation, left to right": network, "permutation, both sides": BothSides(network)}
    return {
        "signal": name, "seed": seed, "parameters": network.counts(LENGTH).parameters, "flops": each * steps,
        "steps": steps, "tokens": steps * ROWS * LENGTH, "predictions": predictions, "loss": np.mean(told[-50:]),
        "training, CPU s": seconds, "judged": {n: judged(m, tokenizer, nouns) for n, m in readings.items()},
        "CPU s": time.process_time() - begin,
    }  # fmt: skip


def counted(stream: TokenStream, tokenizer: Tokenizer, nouns) -> dict[str, Any]:
    model = estimate_ngram(NgramSettings(order=5), stream.vocabulary, stream.ids, stream.end_of_text)
    tokens = stream.targets
    return {
        "signal": "5-gram", "seed": 0, "parameters": model.counts().parameters, "tokens": tokens, "predictions": tokens,
        "flops": 0, "steps": 1, "judged": {"5-gram": judged(model, tokenizer, nouns)},
    }  # fmt: skip


def judged(model, tokenizer: Tokenizer, nouns) -> dict[str, Any]:
    """The outcome of every pair by group: 1 right, 0 wrong, 5 a tie (no decimal places in a string of digits)."""
    found: dict[str, Any] = {}
    pairs = {"BLiMP": read_blimp(SHARED / "evals" / "grammar" / "BLiMP.zip", each=PAIRS_EACH)}
    pairs["agreement"] = agreement_pairs(nouns, each=DISTANCE_EACH)
    for kind, some in pairs.items():
        results = minimal_pairs(model, tokenizer, some)
        found[kind] = {
            group: "".join({1.0: "1", 0.0: "0"}.get(value, "5") for value in result.values)
            for group, result in results.items()
        }
    return found


READINGS = (
    "5-gram",
    "next token",
    "next token of 15 %",
    "masked",
    "permutation, left to right",
    "permutation, both sides",
)
EXPECTED = {
    ("next token", "masked"): "next token is above masked: it learns from every token, masked from 15 %",
    ("next token", "next token of 15 %"): "next token is above its control, which makes as few predictions as masked",
    ("masked", "next token of 15 %"): "masked is above the control: with as few predictions it sees both sides",
    ("permutation, both sides", "masked"): "permutation, both sides, is near masked",
    ("permutation, both sides", "permutation, left to right"): "XLNet judges better by both sides, as it was trained",
    ("next token", "5-gram"): "next token is above the 5-gram where a rule reaches over more than four tokens",
}


def collect(folder: Path) -> None:
    """results/signals.json, the picture and the tables, from the trainings that there are."""
    runs = [json.loads(file.read_text()) for file in sorted(folder.glob("*-[0-9]*.json"))]
    budgets = [run["flops"] for run in runs if run["signal"] in SIGNALS]
    if budgets and max(budgets) > 1.01 * min(budgets):
        raise SystemExit(f"{folder} holds trainings of different compute: give each --flops a --folder of its own")
    judged_by = {
        reading: [run["judged"][reading] for run in runs if reading in run["judged"]]
        for reading in READINGS
        if any(reading in run["judged"] for run in runs)
    }
    result: dict[str, Any] = {
        "text": "Jane Austen's novels; State of the Union and inaugural addresses",
        "shape": {"vocabulary": VOCABULARY, "width": WIDTH, "layers": LAYERS, "row": LENGTH, "rows": ROWS},
        "trainings": [{key: value for key, value in run.items() if key != "judged"} for run in runs],
    }
    for kind in ("BLiMP", "agreement"):
        result[kind] = {
            reading: {
                group: interval([seed[kind][group] for seed in found])
                for group in sorted(found[0][kind], key=lambda g: (int(g.split()[0]) if kind == "agreement" else 0, g))
            }
            | {"all": interval(["".join(seed[kind].values()) for seed in found])}
            for reading, found in judged_by.items()
        }
    result["differences"] = {f"{a} - {b}": differences(judged_by, a, b) for a, b in EXPECTED if {a, b} <= {*judged_by}}
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    PICTURE.write_text(drawn(result))
    print(tables(result))


def numbers(outcomes: str) -> np.ndarray:
    return np.array([{"1": 1.0, "0": 0.0, "5": 0.5}[letter] for letter in outcomes])


def interval(seeds: list[str]) -> dict[str, Any]:
    """The mean over seeds of each pair, resampled by pairs; and the accuracy of each seed."""
    each = np.stack([numbers(outcomes) for outcomes in seeds])
    found = mean_interval(each.mean(0))
    return {"mean": found.mean, "low": found.low, "high": found.high, "pairs": each.shape[1],
            "seeds": [round(float(x), 4) for x in each.mean(1)]}  # fmt: skip


def differences(judged_by: dict[str, Any], a: str, b: str) -> dict[str, Any]:
    """By phenomenon: accuracy of a less that of b on the same pairs, and p of a paired test of its sign, two-sided, by
    the normal approximation; those that stand after Holm's correction over all phenomena are marked."""
    found: dict[str, Any] = {}
    for group in judged_by[a][0]["BLiMP"]:
        apart = np.stack([numbers(seed["BLiMP"][group]) for seed in judged_by[a]]).mean(0)
        apart = apart - np.stack([numbers(seed["BLiMP"][group]) for seed in judged_by[b]]).mean(0)
        error = float(apart.std(ddof=1)) / math.sqrt(len(apart))
        p = math.erfc(abs(float(apart.mean())) / error / math.sqrt(2)) if error else 1.0
        found[group] = {"difference": float(apart.mean()), "error": error, "p": p}
    for rank, (_, row) in enumerate(sorted(found.items(), key=lambda item: item[1]["p"])):
        before = all(other["stands"] for other in found.values() if "stands" in other)
        row["stands"] = bool(before and row["p"] <= 0.05 / (len(found) - rank))
    return found


def tables(result: dict[str, Any]) -> str:
    lines = [
        "| training | parameters | FLOPs | tokens read | predictions | loss, by seed |",
        "|---|---|---|---|---|---|",
    ]
    for name in ("5-gram", *SIGNALS):
        of = [run for run in result["trainings"] if run["signal"] == name]
        if of:
            losses = ", ".join(f"{run['loss']:.2f}" for run in of if "loss" in run)
            lines.append(
                f"| {name} | {of[0]['parameters']:,} | {of[0]['flops']:.3g} | {of[0]['tokens']:,.0f} |"
                f" {of[0]['predictions']:,.0f} | {losses} |"
            )
    for kind in ("BLiMP", "agreement"):
        readings = list(result[kind])
        lines += ["", f"| {kind} | pairs | " + " | ".join(readings) + " |", "|---|---|" + "---|" * len(readings)]
        for group, first in result[kind][readings[0]].items():
            cells = [result[kind][reading][group] for reading in readings]
            told = " | ".join(f"{c['mean']:.2f} ({c['low']:.2f}-{c['high']:.2f})" for c in cells)
            lines.append(f"| {group.replace('_', ' ')} | {first['pairs']} | {told} |")
        seeds = " | ".join(", ".join(f"{x:.3f}" for x in result[kind][reading]["all"]["seeds"]) for reading in readings)
        lines.append(f"| all, by seed | | {seeds} |")
    lines += ["", "| BLiMP, difference | all | phenomena above, below after Holm |", "|---|---|---|"]
    for name, found in result["differences"].items():
        a, b = name.split(" - ")
        over_all = result["BLiMP"][a]["all"]["mean"] - result["BLiMP"][b]["all"]["mean"]
        kept = [(g, row) for g, row in found.items() if row["stands"]]
        told = "; ".join(f"{g.replace('_', ' ')} {row['difference']:+.2f}" for g, row in kept) or "none"
        lines.append(f"| {EXPECTED[a, b]} | {over_all:+.3f} | {told} |")
    return "\n".join(lines)


COLOURS = {"next token": "#1f77b4", "masked": "#d62728", "permutation, both sides": "#2ca02c",
           "permutation, left to right": "#98c98a", "next token of 15 %": "#9ec5e8", "5-gram": "#888888"}  # fmt: skip
ROW, LEFT, ACROSS, TOP = 34, 190, 300, 70
AXIS = (0.0, 1.0)


def drawn(result: dict[str, Any]) -> str:
    """Both tables as a picture: a dot for each reading with its interval, a line at chance."""
    height = TOP + ROW * max(len(found[next(iter(found))]) for found in (result["BLiMP"], result["agreement"])) + 50
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="1100" height="{height}" font-family="sans-serif"'
        ' font-size="11" role="img"><title>What each training signal learns</title>'
        '<rect width="100%" height="100%" fill="white"/>'
    ]
    for number, reading in enumerate(result["BLiMP"]):
        x = 20 + 180 * number
        parts.append(
            f'<circle cx="{x}" cy="18" r="4" fill="{COLOURS[reading]}"/><text x="{x + 9}" y="22">{reading}</text>'
        )
    for kind, left, title in (
        ("BLiMP", LEFT, "BLiMP: share of pairs judged rightly"),
        ("agreement", LEFT + ACROSS + 260, "Agreement of subject and verb"),
    ):
        parts += panel(result[kind], left, title)
    return "\n".join([*parts, "</svg>"]) + "\n"


def panel(found: dict[str, Any], left: int, title: str) -> list[str]:
    def at(value: float) -> float:
        return left + ACROSS * (min(max(value, AXIS[0]), AXIS[1]) - AXIS[0]) / (AXIS[1] - AXIS[0])

    groups = list(found[next(iter(found))])
    bottom = TOP + ROW * len(groups)
    parts = [f'<text x="{left}" y="{TOP - 22}" font-size="13" font-weight="bold">{title}</text>']
    for tick in (0, 0.25, 0.5, 0.75, 1):
        dash = "" if tick == 0.5 else ' stroke-dasharray="1 4"'
        parts.append(
            f'<line x1="{at(tick):.1f}" x2="{at(tick):.1f}" y1="{TOP - 8}" y2="{bottom}" stroke="#999"{dash}/>'
        )
        parts.append(f'<text x="{at(tick):.1f}" y="{bottom + 16}" text-anchor="middle">{tick}</text>')
    for row, group in enumerate(groups):
        y = TOP + ROW * row
        words = group.replace("_", " ").replace(" between, nouns of", ", all of")
        parts.append(f'<text x="{left - 8}" y="{y + 19}" text-anchor="end">{words}</text>')
        for number, (reading, by_group) in enumerate(found.items()):
            cell, line = by_group[group], y + 3 + 5 * number
            parts.append(
                f'<line x1="{at(cell["low"]):.1f}" x2="{at(cell["high"]):.1f}" y1="{line}" y2="{line}"'
                f' stroke="{COLOURS[reading]}" stroke-width="1.5"/>'
                f'<circle cx="{at(cell["mean"]):.1f}" cy="{line}" r="2.4" fill="{COLOURS[reading]}"/>'
            )
    return parts


if __name__ == "__main__":
    main()
