"""`beam_search`: greedy with one beam, exhaustive with enough, and always the model's own numbers."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from bigram import random_model
from hypothesis import given
from hypothesis import strategies as st

from etymon.errors import EtymonError
from etymon.generation import Sampling, beam_search, generate
from etymon.models import LanguageModel

STOP = 0


def nats(model: LanguageModel, prompt: list[int], tokens: tuple[int, ...]) -> float:
    """What the model gives the continuation, read anew for each token."""
    total = 0.0
    for place, token in enumerate(tokens):
        log_probs, _ = model.next_log_probs(np.array([[*prompt, *tokens[:place]]]))
        total += float(log_probs[0, token])
    return total


@given(prompt=st.lists(st.integers(0, 4), min_size=1, max_size=4))
def test_one_beam_takes_the_likeliest_token_each_time(prompt: list[int]) -> None:
    model = random_model(5, order=2)
    (found,) = beam_search(model, prompt, stop={STOP}, max_tokens=6, beams=1)
    steps = generate(model, [prompt], Sampling(temperature=0, max_tokens=6), stop={STOP})
    assert list(found.tokens) == [int(step.tokens[0]) for step in steps]


@given(
    prompt=st.lists(st.integers(0, 3), min_size=1, max_size=3), penalty=st.sampled_from([0.0, 0.6, 1.0]),
    longest=st.integers(1, 4),
)  # fmt: skip
def test_enough_beams_find_the_best_of_all_texts(prompt: list[int], penalty: float, longest: int) -> None:
    model = random_model(4, order=2)
    ended = {
        tokens[: tokens.index(STOP) + 1] if STOP in tokens else tokens
        for tokens in product(range(4), repeat=longest)
    }  # fmt: skip
    scores = {tokens: nats(model, prompt, tokens) / ((5 + len(tokens)) / 6) ** penalty for tokens in ended}
    found = beam_search(model, prompt, stop={STOP}, max_tokens=longest, beams=4**longest, length_penalty=penalty)
    assert {h.tokens for h in found} == ended
    assert found[0].score == pytest.approx(max(scores.values()), abs=1e-9)
    assert [h.score for h in found] == pytest.approx(sorted(scores.values(), reverse=True), abs=1e-9)


@given(prompt=st.lists(st.integers(0, 5), min_size=1, max_size=4), beams=st.integers(1, 5))
def test_each_hypothesis_has_the_models_own_nats_and_ends_once(prompt: list[int], beams: int) -> None:
    model = random_model(6, order=3)
    found = beam_search(model, prompt, stop={STOP}, max_tokens=5, beams=beams)
    assert 1 <= len(found) <= beams
    for hypothesis in found:
        assert hypothesis.log_prob == pytest.approx(nats(model, prompt, hypothesis.tokens), abs=1e-9)
        assert STOP not in hypothesis.tokens[:-1]
        assert hypothesis.tokens[-1] == STOP or len(hypothesis.tokens) == 5


@pytest.mark.parametrize(("prompt", "beams", "longest"), [([], 1, 1), ([1], 0, 1), ([1], 1, 0)])
def test_a_search_for_nothing_is_refused(prompt: list[int], beams: int, longest: int) -> None:
    with pytest.raises(EtymonError, match="finds nothing"):
        beam_search(random_model(5), prompt, stop={STOP}, max_tokens=longest, beams=beams)


def test_a_search_beyond_the_context_is_refused_with_how_far_it_may_go() -> None:
    model = random_model(5, context=4)
    with pytest.raises(EtymonError, match="do not fit"):
        beam_search(model, [1, 2], stop={STOP}, max_tokens=4)
    assert beam_search(model, [1, 2], stop={STOP}, max_tokens=3)
