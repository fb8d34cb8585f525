"""Tiny Shakespeare in ten minutes of two cores: an n-gram, a GPT, an LSTM with dynamic evaluation, and mixtures.

    python benchmarks/shakespeare.py [--cpu-minutes 20] [--only gpt lstm]

Each network trains for twenty CPU minutes on one thread (ten minutes of two cores) on the first nine tenths, letter by
letter; scored are all letters of the last tenth, in nats per letter. What is chosen (weights of mixtures, the rate of
dynamic evaluation) is chosen on letters from the middle of the first nine tenths, which nothing learns from. (Not from
their end: it is of the play that is held out, and a 7-gram that has not read it is worse by .16.) Expected: GPT 1.60,
LSTM with dynamic evaluation 1.55, n-gram and network 1.50 at most. A network that is trained is kept under --work, so
that a run that was stopped goes on with the next. Writes benchmarks/results/shakespeare.json.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from characters import Letters, fresh, learn, letters, random_rows

from etymon.evaluation import bits_per_byte, dynamic_bits_per_byte
from etymon.models import NgramSettings, family
from etymon.models.mixture import Mixture
from etymon.tokens import TokenStream

RESULTS = Path(__file__).parent / "results" / "shakespeare.json"
SHAPES: dict[str, dict[str, Any]] = {
    "gpt": {"layers": 4, "width": 192, "heads": 6, "context": 128, "dropout": 0.1},
    "lstm": {"layers": 1, "width": 512, "dropout": 0.2},
}
TRAINING: dict[str, dict[str, Any]] = {
    "gpt": {"rate": 2e-3, "warmup": 0.03, "final": 0.05, "weight_decay": 0.1},
    "lstm": {"rate": 3e-3, "warmup": 0.03, "final": 0.05},
}
WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)
RATES = (0.01, 0.03, 0.1)
ROWS, LENGTH = 16, 128
CHOOSING = 10_000
"""Letters on which a weight or a rate is chosen."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cpu-minutes", type=float, default=20.0)
    parser.add_argument("--only", nargs="+", choices=tuple(SHAPES), default=list(SHAPES))
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "etymon-shakespeare")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.work.mkdir(exist_ok=True)
    text = letters()
    before, chosen, after = np.split(text.learned, [len(text.learned) // 2, len(text.learned) // 2 + CHOOSING])
    text = Letters(np.concatenate([before, after]), text.held_out, text.kinds)
    choosing, held_out = text.stream(chosen, "choosing"), text.stream(text.held_out, "held-out")
    ngram = seven_gram(text)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results["machine"] = {"torch": torch.__version__, "python": platform.python_version(), "threads": 1}
    results["ngram"] = {"order": 7, "nats": nats(ngram, held_out), "letters": len(text.held_out)}
    for name in arguments.only:
        network, told = trained(name, text, arguments.cpu_minutes, arguments.work)
        results[name] = told | measured(network, ngram, choosing, held_out)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results, indent=1))


def seven_gram(text: Letters) -> Any:
    """Modified Kneser-Ney over seven letters."""
    ids = text.stream(text.learned, "learned").ids.astype(np.int64)
    estimate = family("ngram").estimate
    assert estimate is not None
    return estimate(NgramSettings(order=7), text.vocabulary, ids, text.kinds, lambda *_: None)


def trained(name: str, text: Letters, minutes: float, work: Path) -> tuple[Any, dict[str, Any]]:
    """The network, from `work` if it is there, and what its training took."""
    network = fresh(name, text.vocabulary, seed=0, **SHAPES[name])
    kept, told = work / f"{name}-{minutes:g}.pt", work / f"{name}-{minutes:g}.json"
    if kept.exists() and told.exists():
        network.load_state_dict(torch.load(kept, weights_only=True))
        return network.eval(), json.loads(told.read_text())
    begin = time.perf_counter()
    steps = learn(
        network, random_rows(text.learned, rows=ROWS, length=LENGTH), cpu_seconds=60 * minutes, **TRAINING[name]
    )
    words = {
        "parameters": network.counts(128).parameters,
        "steps": steps,
        "letters read": steps * ROWS * LENGTH,
        "cpu minutes": minutes,
        "wall seconds": round(time.perf_counter() - begin),
    }
    torch.save(network.state_dict(), kept)
    told.write_text(json.dumps(words))
    return network, words


def nats(model: Any, stream: TokenStream) -> float:
    """Per letter."""
    return round(bits_per_byte(model, stream).mean * math.log(2), 4)


def measured(network: Any, ngram: Any, choosing: TokenStream, held_out: TokenStream) -> dict[str, Any]:
    """The network alone, with the n-gram, and learning as it reads."""
    weight = min(WEIGHTS, key=lambda each: nats(Mixture([ngram, network], [each, 1 - each]), choosing))
    found = {
        "nats": nats(network, held_out),
        "weight of the n-gram": weight,
        "nats of the mixture": nats(Mixture([ngram, network], [weight, 1 - weight]), held_out),
    }
    if network.context is None:
        rate = min(RATES, key=lambda each: dynamic_bits_per_byte(network, choosing, rate=each).mean)
        found["rate of dynamic evaluation"] = rate
        dynamic = dynamic_bits_per_byte(network, held_out, rate=rate)
        found["nats with dynamic evaluation"] = round(dynamic.mean * math.log(2), 4)
    return found


if __name__ == "__main__":
    main()
