"""Why gates: how far back a gradient reaches in an RNN, an LSTM and a GRU; and what dynamic evaluation brings.

    python benchmarks/recurrent.py [--text FILE] [--steps N]

Characters of tiny Shakespeare, the first nine tenths learned and the start of the last scored. Writes
benchmarks/results/recurrent.json and prints the tables of docs/models.md.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import numpy as np
import torch

from etymon.evaluation import bits_per_byte, dynamic_bits_per_byte, gradient_by_distance
from etymon.models import as_tensors, family
from etymon.objectives import NextToken
from etymon.tokens import Batch, TokenStream

SHARED = Path(os.environ.get("ETYMON_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
RESULTS = Path(__file__).parent / "results" / "recurrent.json"
DISTANCES = (0, 1, 2, 5, 10, 20, 50, 100)
SEEDS = (0, 1, 2)
ROWS, LENGTH, WIDTH, RATE = 16, 64, 128, 3e-3
SCORED = 8_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, default=SHARED / "text" / "tinyshakespeare.txt")
    parser.add_argument("--steps", type=int, default=150)
    arguments = parser.parse_args()
    text = arguments.text.read_text()
    letters = {letter: number for number, letter in enumerate(sorted(set(text)))}
    ids = np.array([letters[letter] for letter in text])
    learned, held_out = np.split(ids, [len(ids) * 9 // 10])
    scored = stream(held_out[:SCORED], len(letters))
    windows = np.random.default_rng(0).integers(0, len(held_out) - 101, 64)[:, None] + np.arange(102)
    flow, bits = {}, {}
    for name in ("rnn", "lstm", "gru"):
        at = {"fresh": [], "trained": []}
        for seed in SEEDS:
            network = fresh(name, len(letters) + 1, seed)
            at["fresh"].append(medians(network, held_out[windows]))
            learn(network, learned, arguments.steps, seed)
            at["trained"].append(medians(network, held_out[windows]))
            if seed == SEEDS[0]:
                bits[name] = {"static": bits_per_byte(network, scored).mean} | {
                    f"rate {rate}": dynamic_bits_per_byte(network, scored, rate=rate).mean for rate in (0.02, 0.1)
                }
        flow[name] = {when: np.array(found).T.tolist() for when, found in at.items()}
    result = {"text": arguments.text.name, "steps": arguments.steps, "flow": flow, "dynamic": bits}
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(tables(flow, bits))


def fresh(name: str, vocabulary: int, seed: int):
    torch.manual_seed(seed)
    kind = family(name)
    return kind.build(kind.settings(width=WIDTH, layers=1), vocabulary)


def learn(network, ids, steps: int, seed: int) -> None:
    optimizer, draw = torch.optim.Adam(network.parameters(), RATE), np.random.default_rng(seed)
    network.train()
    for _ in range(steps):
        rows = ids[draw.integers(0, len(ids) - LENGTH - 1, ROWS)[:, None] + np.arange(LENGTH + 1)]
        batch = as_tensors(
            Batch(ids=rows[:, :-1], targets=rows[:, 1:], weights=np.ones((ROWS, LENGTH))), network.device
        )
        nats, count, _ = NextToken().loss(network, batch)
        optimizer.zero_grad()
        (nats / count).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()


def medians(network, ids) -> list[float]:
    """The median over rows of the gradient at each distance, as a share of that at distance 0."""
    found = gradient_by_distance(network, ids)
    return np.median(found[:, DISTANCES] / found[:, :1], axis=0).tolist()


def stream(ids, vocabulary: int) -> TokenStream:
    """The text as one document, each letter a byte."""
    return TokenStream(
        ids=np.concatenate([[vocabulary], ids, [vocabulary]]).astype(np.uint16),
        starts=np.array([0, len(ids) + 1]),
        bytes=np.array([len(ids)]),
        documents=["held-out"],
        vocabulary=vocabulary + 1,
        end_of_text=vocabulary,
    )


def tables(flow, bits) -> str:
    lines = ["| | " + " | ".join(map(str, DISTANCES)) + " |", "|---|" + "---|" * len(DISTANCES)]
    for when in ("fresh", "trained"):
        for name, found in flow.items():
            cells = [f"{np.median(x):.1g} ({min(x):.1g}-{max(x):.1g})" for x in found[when]]
            lines.append(f"| {name}, {when} | " + " | ".join(cells) + " |")
    for name, found in bits.items():
        lines.append(f"| {name} | " + " | ".join(f"{key}: {value:.3f}" for key, value in found.items()) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
