"""Our n-grams are KenLM's, n-gram for n-gram, and KenLM scores our ARPA files as we do. Needs its programs."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from kenlm_peer import closed, kenlm, parity, scored

needs_kenlm = pytest.mark.skipif(
    kenlm("lmplz") is None or kenlm("query") is None,
    reason="KenLM's lmplz and query are not on the path and ETYMON_KENLM names no folder that has them",
)


def lines_of(seed, twice=False):
    """Words as rare as words are; some lines stand several times, so that long n-grams have all counts too."""
    random = np.random.default_rng(seed)
    lines = [[f"w{min(word, 500)}" for word in random.zipf(2.0, random.integers(0, 12))] for _ in range(1500)]
    often = random.choice([1, 1, 1, 2, 2, 3, 4], size=len(lines))
    several = [line for line, times in zip(lines, often, strict=True) for _ in range(times)]
    return closed(several * (1 + twice))


@needs_kenlm
@pytest.mark.parametrize("order", [1, 2, 4, 6])
@pytest.mark.parametrize("pruned", [False, True])
@pytest.mark.parametrize("twice", [False, True])
def test_every_n_gram_is_kenlms(tmp_path, order, pruned, twice):
    found, _, _ = parity(lines_of(order, twice), order, tmp_path, (0, 0, 1 + twice)[:order] * pruned, fallback=twice)
    assert found.grams > 100 and found.p <= 1e-5 and found.backoff <= 1e-5


@needs_kenlm
def test_kenlm_scores_our_arpa_file_as_we_do(tmp_path):
    _, model, names = parity(lines_of(7), 5, tmp_path)
    tokens, difference = scored(model, names, [*lines_of(8), ["never", "seen"]], tmp_path)
    assert tokens > 1000 and difference < 2e-6  # float32 near 4 is told apart to 5e-7, and query adds up two or more
