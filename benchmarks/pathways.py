"""One model, several tasks and senses: a PaLM trained on a mixture, beside a twin for each task alone.

    python benchmarks/pathways.py [--steps 300] [--seeds 2] [--work FOLDER] [--workers 1]

One vocabulary holds letters, patches of images and units of speech (benchmarks/senses.py). The mixture gives each of
seven tasks the same share of its rows for 7 x --steps steps; a twin has the same shape, reads its task alone for
--steps, and so sees as much of it. Held-out exercises are then measured alike:

  name, hear          the name with the highest probability is right; chance is .1
  draw, say           what is drawn (read by the nearest learned images) or said (by the nearest learned sounds) after a
                      name is what was asked for; chance is .1, and what the reader makes of true ones is the ceiling
  all                 nats per byte of the answer, behind its own prompt and behind that of another exercise: what the
                      prompt is worth

Transfer is the mixture's measure less the twin's on the same exercises, with a 95 % interval over exercises, each being
the mean of its seeds. A network that is trained is kept under --work, so that a run that was stopped goes on. Needs
scikit-learn, espeak-ng and the shared data. Writes benchmarks/results/pathways.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from difflib import SequenceMatcher
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from characters import fresh, learn
from numpy.typing import NDArray
from senses import WORDS, Item, Senses, pixels, senses
from translation import tokenizer_of

from etymon.generation import Sampling, continue_text
from etymon.statistics import mean_interval, paired_ratio_difference, ratio_result
from etymon.tokens import Batch, Tokenizer

RESULTS = Path(__file__).parent / "results" / "pathways.json"
TASKS = ("continue", "name", "draw", "translate", "hear", "say", "write-down")
MIXTURE = "mixture"
SHAPE = {"layers": 4, "width": 128, "heads": 4, "head_size": 32, "context": 256}
ROWS = 16
MEASURED = 120
"""Held-out exercises of each task that are measured."""
Numbers = NDArray[np.int64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "etymon-pathways")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    exercises(arguments.work)  # made once, before the workers read them
    jobs = [(seed, name) for seed in range(arguments.seeds) for name in (MIXTURE, *TASKS)]
    with ProcessPoolExecutor(arguments.workers, mp_context=get_context("spawn")) as pool:
        waiting = {job: pool.submit(measured, *job, arguments.steps, arguments.work) for job in jobs}
        found = {job: each.result() for job, each in waiting.items()}
    results = {
        "steps of a twin": arguments.steps,
        "seeds": arguments.seeds,
        "parameters": found[0, MIXTURE]["parameters"],
        "tasks": {task: compared(task, found, arguments.seeds) for task in TASKS},
    }
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    print(table(results))


def exercises(work: Path) -> Senses:
    """Those of `senses`, kept in a file, for a second voice takes as long as the first."""
    kept = work / "senses.json"
    if not kept.exists():
        made = senses()
        parts = {name: [vars(item) for item in getattr(made, name)] for name in ("learned", "held_out")}
        kept.write_text(json.dumps(parts | {"patches": made.patches.tolist()}))
    told = json.loads(kept.read_text())
    learned, held_out = ([Item(**item) for item in told[name]] for name in ("learned", "held_out"))
    return Senses(learned, held_out, np.array(told["patches"]))


def measured(seed: int, name: str, steps: int, work: Path) -> dict[str, Any]:
    """A network trained on the mixture or on one task, and its measures on the tasks that it learned."""
    kept = work / f"{name}-{steps}-{seed}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    torch.set_num_threads(1)
    made = exercises(work)
    tokenizer = tokenizer_of([item.text for item in made.learned])
    tasks = TASKS if name == MIXTURE else (name,)
    network = fresh("palm", tokenizer.vocabulary, seed, **SHAPE)
    rows = rows_of({task: encoded(made.learned, task, tokenizer) for task in tasks}, seed)
    learn(network, rows, steps=steps * len(tasks), rate=2e-3, warmup=0.05, final=0.05)
    told = {"parameters": network.counts(256).parameters}
    told |= {task: measures(network, tokenizer, made, task) for task in tasks}
    kept.write_text(json.dumps(told))
    return told


def encoded(items: Sequence[Item], task: str, tokenizer: Tokenizer) -> list[Numbers]:
    """End-of-text, exercise, end-of-text of each exercise of a task; a row holds at most the context."""
    end, most = [tokenizer.end_of_text], SHAPE["context"] + 1
    own = [tokenizer.encode(item.text).tolist() for item in items if item.task == task]
    apart = [[*tokenizer.encode(each.prompt), *tokenizer.encode(each.answer)] for each in items if each.task == task]
    assert own == apart, "an answer is asked for in the tokens that were learned"
    return [np.array([*end, *ids, *end])[:most] for ids in own]


def rows_of(tasks: dict[str, list[Numbers]], seed: int) -> Callable[[int], Batch[Any]]:
    """The batch of each step: exercises of one task, the tasks taking turns, each in an order of its own."""
    names = list(tasks)

    def batch_of(step: int) -> Batch[Any]:
        turn, which = divmod(step, len(names))
        own = tasks[names[which]]
        epochs, places = np.divmod(turn * ROWS + np.arange(ROWS), len(own))
        orders = {
            each: np.random.default_rng((seed, which, each)).permutation(len(own)) for each in set(epochs.tolist())
        }
        return padded([own[orders[e][i]] for e, i in zip(epochs.tolist(), places.tolist(), strict=True)])

    return batch_of


def padded(rows: Sequence[Numbers], asked: Sequence[int] | None = None) -> Batch[Any]:
    """Rows as wide as the longest; asked for is what stands behind the first `asked` tokens of each, or all."""
    width = max(map(len, rows)) - 1
    ids, targets, weights = (np.zeros((len(rows), width), kind) for kind in (np.int64, np.int64, np.float32))
    for number, row in enumerate(rows):
        ids[number, : len(row) - 1], targets[number, : len(row) - 1] = row[:-1], row[1:]
        weights[number, (asked[number] - 1 if asked else 0) : len(row) - 1] = 1
    return Batch(ids=ids, targets=targets, weights=weights)


def measures(network: Any, tokenizer: Tokenizer, made: Senses, task: str) -> dict[str, Any]:
    """Per held-out exercise: nats of the answer behind its prompt and behind another, its bytes, and whether it is
    right, where that can be said."""
    items = [item for item in made.held_out if item.task == task]
    picked = np.random.default_rng(0).permutation(len(items))[:MEASURED]
    items = [items[number] for number in picked]
    others = [item.prompt for item in items[1:] + items[:1]]
    told: dict[str, Any] = {
        "nats": costs(network, tokenizer, [(item.prompt, item.answer) for item in items]),
        "nats behind another prompt": costs(
            network, tokenizer, [(prompt, item.answer) for prompt, item in zip(others, items, strict=True)]
        ),
        "bytes": [len(item.answer.encode()) for item in items],
    }
    if task in ("name", "hear"):
        told["right"] = [float(named(network, tokenizer, item.prompt) == item.answer.strip()) for item in items]
    if task in ("draw", "say"):
        asked = [item.prompt.split()[0] for item in items]
        written = [
            continue_text(
                network, tokenizer, item.prompt, Sampling(max_tokens=100, temperature=0.5, seed=number)
            ).strip()
            for number, item in enumerate(items)
        ]
        told["right"] = [float(made_out(made, task, text) == word) for text, word in zip(written, asked, strict=True)]
        told["right of true ones"] = [
            float(made_out(made, task, item.answer.strip()) == word) for item, word in zip(items, asked, strict=True)
        ]
        told["written"] = written[:20]
    return told


def costs(network: Any, tokenizer: Tokenizer, pairs: Sequence[tuple[str, str]]) -> list[float]:
    """Nats of each answer and the end of text behind it, given its prompt."""
    found: list[float] = []
    for begin in range(0, len(pairs), 20):
        rows, asked = [], []
        for prompt, answer in pairs[begin : begin + 20]:
            first = [tokenizer.end_of_text, *tokenizer.encode(prompt).tolist()] if prompt else [tokenizer.end_of_text]
            row = [*first, *tokenizer.encode(answer).tolist(), tokenizer.end_of_text]
            most = SHAPE["context"] + 1
            rows.append(np.array(row[:most]))
            asked.append(min(len(first), most - 1))
        batch = padded(rows, asked)
        found += (-(network.log_probs(batch) * batch.weights).sum(1)).tolist()
    return found


def named(network: Any, tokenizer: Tokenizer, prompt: str) -> str:
    """The name with the highest probability."""
    return WORDS[int(np.argmin(costs(network, tokenizer, [(prompt, f" {word}") for word in WORDS])))]


def made_out(made: Senses, task: str, text: str) -> str | None:
    """What a picture shows or a sound says, by the five learned ones that are most like it; None: it is neither."""
    if task == "draw":
        seen = pixels(text, made.patches)
        if seen is None:
            return None
        known, labels = _learned_pictures(made)
        nearest = np.argsort(((known - seen.ravel()) ** 2).sum(1), kind="stable")[:5]
        return _most([labels[number] for number in nearest])
    sounds = [(item.answer.strip(), item.prompt.split()[0]) for item in made.learned if item.task == "say"]
    likeness = [SequenceMatcher(None, sound, text, autojunk=False).ratio() for sound, _ in sounds]
    return _most([sounds[number][1] for number in np.argsort(likeness, kind="stable")[::-1][:5]])


def _learned_pictures(made: Senses) -> tuple[NDArray[np.float64], list[str]]:
    """Their pixels [N, 64], and what they show."""
    own = [item for item in made.learned if item.task == "draw"]
    seen = np.array([pixels(item.answer.strip(), made.patches) for item in own])
    return seen.reshape(len(own), -1), [item.prompt.split()[0] for item in own]


def _most(words: Sequence[str]) -> str:
    """The word that is there most often, the nearest one where several are."""
    return max(words, key=words.count)


def compared(task: str, found: dict[tuple[int, str], dict[str, Any]], seeds: int) -> dict[str, Any]:
    """The mixture, the twin, and one less the other, each exercise being the mean of its seeds."""
    pairs = [(found[seed, MIXTURE][task], found[seed, task][task]) for seed in range(seeds)]
    both = {
        name: {key: np.mean([pair[side][key] for pair in pairs], 0) for key in pairs[0][side] if key != "written"}
        for side, name in enumerate(("mixture", "twin"))
    }
    sizes = both["mixture"]["bytes"]
    names = [str(number) for number in range(len(sizes))]
    told: dict[str, Any] = {}
    for name, own in both.items():
        told[name] = {
            key: numbers(ratio_result(key, "nats per byte", own[key], sizes, names, "held-out exercises"))
            for key in ("nats", "nats behind another prompt")
        }
        told[name] |= {key: accuracy(own[key]) for key in ("right", "right of true ones") if key in own}
    told["transfer, nats per byte"] = numbers(
        paired_ratio_difference(both["mixture"]["nats"], both["twin"]["nats"], sizes, items=names)
    )
    if "right" in both["twin"]:
        told["transfer, right"] = accuracy(both["mixture"]["right"] - both["twin"]["right"])
    if "written" in pairs[0][0]:
        told["written"] = pairs[0][0]["written"]
    return told


def accuracy(values: NDArray[np.float64]) -> dict[str, Any]:
    interval = mean_interval(values)
    return {"mean": float(np.mean(values)), "low": interval.low, "high": interval.high, "n": len(values)}


def numbers(result: Any) -> dict[str, Any]:
    return {"mean": result.mean, "low": result.low, "high": result.high, "n": len(result.values)}


def table(results: dict[str, Any]) -> str:
    """The rows of docs/models.md."""

    def shown(value: dict[str, Any] | None) -> str:
        return "" if value is None else f"{value['mean']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"

    lines = [
        "| task | mixture | twin | transfer | behind another prompt | right: mixture | twin | transfer |",
        "|" + "---|" * 8,
    ]
    for task, own in results["tasks"].items():
        cells = [own["mixture"]["nats"], own["twin"]["nats"], own["transfer, nats per byte"]]
        cells += [own["mixture"]["nats behind another prompt"]]
        cells += [own["mixture"].get("right"), own["twin"].get("right"), own.get("transfer, right")]
        lines.append(f"| {task} | " + " | ".join(shown(each) for each in cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
