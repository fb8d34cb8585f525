"""One training step on a GPU: tokens per second and the share of the card's peak, for a few sizes of GPT.

    python benchmarks/gpu_step.py

MFU counts model FLOPs (etymon.models counts, attention over the full square) against the dense bf16 peak of the card.
"""

from __future__ import annotations

import numpy as np
import torch

from etymon.models import family
from etymon.objectives import NextToken
from etymon.tokens import Loader, TokenStream
from etymon.training import TrainingSettings, flops_per_second

PEAKS = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L4": 121e12}
SHAPES = {
    "12M": ({"width": 384, "layers": 6, "context": 256}, 4096, 64),
    "124M": ({"width": 768, "layers": 12, "context": 1024}, 50304, 16),
    "350M": ({"width": 1024, "layers": 24, "context": 1024}, 50304, 8),
}


def random_stream(vocabulary: int, tokens: int) -> TokenStream:
    """One document of random tokens: speed does not depend on what they are."""
    ids = np.random.default_rng(0).integers(1, vocabulary, tokens).astype(np.uint32)
    ids[0] = ids[-1] = 0
    starts = np.array([0, tokens - 1], np.int64)
    sizes = np.array([tokens], np.int64)
    return TokenStream(ids=ids, starts=starts, bytes=sizes, documents=["random"], vocabulary=vocabulary, end_of_text=0)


def main() -> int:
    """Print the table; 1 where there is no GPU."""
    if not torch.cuda.is_available():
        print("no GPU here")
        return 1
    card = torch.cuda.get_device_name()
    peak = next((value for name, value in PEAKS.items() if name in card), None)
    kind = family("gpt")
    assert kind.build is not None
    print(f"{'GPT':>6} {'tokens/s':>10} {'TFLOP/s':>8} {'MFU':>6} {'peak GiB':>9}")
    for name, (shape, vocabulary, rows) in SHAPES.items():
        torch.cuda.reset_peak_memory_stats()
        settings = kind.settings(**shape)
        training = TrainingSettings(batch_tokens=rows * settings.context, length=settings.context, precision="bf16")
        loader = Loader(
            random_stream(vocabulary, 2_000_000), length=settings.context, slots=rows, seed=0, order="shuffle"
        )
        network = kind.build(settings, vocabulary)
        rate = flops_per_second(network, NextToken(), loader, training, device="cuda", seconds=8)
        per_token = network.counts(settings.context).training_flops_per_token
        share = f"{rate / peak:.1%}" if peak else "?"
        memory = torch.cuda.max_memory_allocated() / 2**30
        print(f"{name:>6} {rate / per_token:>10,.0f} {rate / 1e12:>8.1f} {share:>6} {memory:>9.2f}")
        del network
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
