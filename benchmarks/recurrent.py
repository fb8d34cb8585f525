"""Why gates: how far back a gradient reaches in an RNN, an LSTM and a GRU; and what dynamic evaluation brings.

    python benchmarks/recurrent.py [--steps N]

Characters of tiny Shakespeare, the first nine tenths learned and the start of the last scored. Writes
benchmarks/results/recurrent.json and prints the tables of docs/recurrent.md.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from characters import TEXT, fresh, learn, letters, random_rows

from etymon.evaluation import bits_per_byte, dynamic_bits_per_byte, gradient_by_distance

RESULTS = Path(__file__).parent / "results" / "recurrent.json"
DISTANCES = (0, 1, 2, 5, 10, 20, 50, 100)
SEEDS = (0, 1, 2)
WIDTH = 128
SCORED = 8_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=150)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    text = letters()
    scored = text.stream(text.held_out[:SCORED], "held-out")
    windows = np.random.default_rng(0).integers(0, len(text.held_out) - 101, 64)[:, None] + np.arange(102)
    flow, bits = {}, {}
    for name in ("rnn", "lstm", "gru"):
        at = {"fresh": [], "trained": []}
        for seed in SEEDS:
            network = fresh(name, text.vocabulary, seed, width=WIDTH, layers=1)
            at["fresh"].append(medians(network, text.held_out[windows]))
            learn(network, random_rows(text.learned, seed=seed), steps=arguments.steps)
            at["trained"].append(medians(network, text.held_out[windows]))
            if seed == SEEDS[0]:
                bits[name] = {"static": bits_per_byte(network, scored).mean} | {
                    f"rate {rate}": dynamic_bits_per_byte(network, scored, rate=rate).mean for rate in (0.02, 0.1)
                }
        flow[name] = {when: np.array(found).T.tolist() for when, found in at.items()}
    result = {"text": TEXT.name, "steps": arguments.steps, "flow": flow, "dynamic": bits}
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(tables(flow, bits))


def medians(network, ids) -> list[float]:
    """The median over rows of the gradient at each distance, as a share of that at distance 0."""
    found = gradient_by_distance(network, ids)
    return np.median(found[:, DISTANCES] / found[:, :1], axis=0).tolist()


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
