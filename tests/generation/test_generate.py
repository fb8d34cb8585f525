"""`generate`: rows of any length, each as if it were alone, within the model's context, until they end."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from bigram import TableModel, random_model
from hypothesis import given
from hypothesis import strategies as st

from etymon.errors import EtymonError
from etymon.generation import ENDED, Sampling, generate
from etymon.models import LanguageModel

PROMPTS = st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=5), min_size=1, max_size=5)


def continued(model: LanguageModel, prompts: list[list[int]], sampling: Sampling, **more) -> list[list[int]]:
    steps = list(generate(model, prompts, sampling, **more))
    return [[int(step.tokens[row]) for step in steps] for row in range(len(prompts))]


@given(prompts=PROMPTS, seed=st.integers(0, 1000))
def test_a_row_is_what_it_would_be_alone(prompts: list[list[int]], seed: int):
    model = random_model(5)
    sampling = Sampling(seed=seed, max_tokens=6)
    together = continued(model, prompts, sampling)
    for row, prompt in enumerate(prompts):
        assert continued(model, [prompt], sampling, requests=[row]) == [together[row]]


@given(prompts=PROMPTS)
def test_greedy_text_takes_the_likeliest_token_each_time(prompts: list[list[int]]):
    model = random_model(5)
    for prompt, row in zip(prompts, continued(model, prompts, Sampling(temperature=0, max_tokens=6)), strict=True):
        for before, token in pairwise([prompt[-1], *row]):
            assert token == int(np.argmax(model.table[before]))


@given(prompt=st.lists(st.integers(0, 3), min_size=1, max_size=12), seed=st.integers(0, 100))
def test_a_text_that_outgrows_the_context_is_drawn_given_its_last_tokens(prompt: list[int], seed: int):
    bounded, unbounded = random_model(4, order=3, context=5), random_model(4, order=3)
    sampling = Sampling(seed=seed, max_tokens=10)
    assert continued(bounded, [prompt], sampling) == continued(unbounded, [prompt], sampling)
    assert max(length for _, length in bounded.reads) <= 5


def test_text_is_read_once_as_long_as_it_fits():
    model = random_model(4, context=8)
    continued(model, [[1, 2, 3]], Sampling(max_tokens=6))
    assert model.reads == [(1, 3), (1, 1), (1, 1), (1, 1), (1, 1), (1, 1)]


def test_prompts_of_one_length_are_read_together_and_none_is_padded():
    model = random_model(4)
    continued(model, [[1, 2], [3], [2, 2]], Sampling(max_tokens=2))
    assert sorted(model.reads) == [(1, 1), (1, 1), (2, 1), (2, 2)]


def test_log_probs_are_the_models_own_whatever_the_settings():
    model = random_model(5)
    prompt = [2]
    steps = list(generate(model, [prompt], Sampling(temperature=0.3, top_k=2, max_tokens=5)))
    tokens = [int(step.tokens[0]) for step in steps]
    expected = [model.table[before, after] for before, after in pairwise([*prompt, *tokens])]
    assert [float(step.log_probs[0]) for step in steps] == expected


def counting_up(vocabulary: int) -> TableModel:
    """A model that says after n almost surely n + 1."""
    return TableModel(np.roll(np.eye(vocabulary), 1, axis=1) + 1e-300)


def test_a_row_gives_its_stop_token_and_then_ends():
    steps = list(generate(counting_up(6), [[1], [3]], Sampling(temperature=0, max_tokens=10), stop={5}))
    assert [step.tokens.tolist() for step in steps] == [[2, 4], [3, 5], [4, ENDED], [5, ENDED]]
    assert steps[2].log_probs[1] == 0


def test_without_a_stop_token_max_tokens_ends_the_text():
    assert continued(counting_up(6), [[0]], Sampling(temperature=0, max_tokens=4)) == [[1, 2, 3, 4]]


def test_seeds_and_requests_give_different_texts_and_the_same_again():
    model = random_model(5)

    def text(seed: int, request: int) -> list[int]:
        return continued(model, [[0]], Sampling(seed=seed, max_tokens=12), requests=[request])[0]

    assert len({tuple(text(seed, request)) for seed in range(4) for request in range(4)}) > 12
    assert text(2, 3) == text(2, 3)


def test_sampled_text_has_the_models_statistics():
    model = random_model(3, seed=5)
    rows = continued(model, [[0]] * 4000, Sampling(seed=11, max_tokens=6))
    pairs = np.zeros((3, 3))
    for row in rows:
        for before, after in pairwise([0, *row]):
            pairs[before, after] += 1
    wanted = np.exp(model.table) * pairs.sum(axis=1, keepdims=True)
    chi_square = float(((pairs - wanted) ** 2 / wanted).sum())
    assert chi_square < 22.5  # 99.9 % of chi-square with 6 degrees of freedom


@pytest.mark.parametrize(("prompt", "why"), [([], "it is empty"), ([0, 7], "not in 0 … 4"), ([-1], "not in 0 … 4")])
def test_a_prompt_that_cannot_be_read_is_told_in_words(prompt: list[int], why: str):
    with pytest.raises(EtymonError, match="cannot be continued") as caught:
        list(generate(random_model(5), [[1], prompt], Sampling()))
    assert caught.value.where == "prompt 1"
    assert why in caught.value.why
