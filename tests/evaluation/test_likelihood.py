"""Bits per byte are the chain rule over each document, and say what they were measured on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_streams import END, VOCABULARY, Bigram, nats_by_the_chain_rule, stream_of

from etymon.errors import EtymonError
from etymon.evaluation import bits_per_byte
from etymon.models import NgramSettings, estimate_ngram

texts = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=20), min_size=1, max_size=5)
EXAMPLE = [[0, 1, 2, 3, 0, 1], [2], [3, 3, 3, 0, 1, 2, 1, 0, 2]]


@given(texts, texts, st.integers(1, 5), st.integers(1, 50))
@settings(max_examples=40, deadline=None)
def test_an_n_gram_model_scores_what_it_predicts_token_by_token(training, held_out, order, batch_tokens):
    model = estimate_ngram(NgramSettings(order=order), VOCABULARY, stream_of(training).ids, END)
    stream = stream_of(held_out)
    scores = bits_per_byte(model, stream, batch_tokens=batch_tokens)
    expected = [nats_by_the_chain_rule(model, stream, i) for i in range(len(held_out))]
    np.testing.assert_allclose(np.array(scores.values) * math.log(2), expected, rtol=1e-12)


@given(texts, st.integers(1, 9) | st.none(), st.integers(1, 50))
@settings(max_examples=40, deadline=None)
def test_a_bigram_does_not_mind_how_its_text_is_cut(held_out, context, batch_tokens):
    model, stream = Bigram(context), stream_of(held_out)
    scores = bits_per_byte(model, stream, batch_tokens=batch_tokens)
    expected = [nats_by_the_chain_rule(model, stream, i) for i in range(len(held_out))]
    np.testing.assert_allclose(np.array(scores.values) * math.log(2), expected, rtol=1e-12)


def test_a_model_that_knows_nothing_needs_the_logarithm_of_its_vocabulary():
    model = Bigram()
    model.table[:] = -math.log(VOCABULARY)
    result = bits_per_byte(model, stream_of(EXAMPLE, bytes_per_token=3))
    assert result.mean == pytest.approx(math.log2(VOCABULARY) / 3)
    assert result.n == 3 and result.unit == "bits per byte"
    assert list(result.items) == ["document-0", "document-1", "document-2"]
    assert list(result.values) == pytest.approx([len(text) * math.log2(VOCABULARY) for text in EXAMPLE])


def test_the_end_of_a_document_is_not_counted():
    model = Bigram()
    before = bits_per_byte(model, stream_of(EXAMPLE)).mean
    model.table[:, END] = -1e6
    assert bits_per_byte(model, stream_of(EXAMPLE)).mean == before


def test_windows_of_a_limited_model_are_as_long_as_its_context_and_start_with_the_document():
    model = Bigram(context=4)
    result = bits_per_byte(model, stream_of(EXAMPLE))
    rows = [row.tolist() for ids in model.read for row in ids]
    assert [END, 0, 1, 2] in rows and [1, 2, 3, 0] in rows
    assert "windows of 4 tokens, stride 2" in result.protocol


def test_the_protocol_says_what_was_measured():
    protocol = bits_per_byte(Bigram(), stream_of(EXAMPLE), split="validation").protocol
    for said in ("validation", "3 documents", "48 bytes", "sha256", "end-of-text not counted", "whole documents"):
        assert said in protocol


def test_the_same_text_in_other_tokens_is_measured_by_the_same_protocol():
    fine, coarse = stream_of([[0, 1, 2, 3]], bytes_per_token=1), stream_of([[0, 1]], bytes_per_token=2)
    assert bits_per_byte(Bigram(), fine).protocol == bits_per_byte(Bigram(), coarse).protocol
    assert bits_per_byte(Bigram(), fine).protocol != bits_per_byte(Bigram(), stream_of([[0, 1]])).protocol


def test_empty_documents_are_left_out():
    result = bits_per_byte(Bigram(), stream_of([[], [0, 1], []]))
    assert list(result.items) == ["document-1"] and result.details["tokens"] == 2


@given(texts, st.integers(1, 100), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_a_limit_in_bytes_takes_whole_documents_that_depend_on_nothing_but_the_documents(held_out, limit, random):
    names = [f"name-{i}" for i in range(len(held_out))]
    pairs = list(zip(held_out, names, strict=True))
    random.shuffle(pairs)
    shuffled = stream_of([text for text, _ in pairs], names=[name for _, name in pairs])
    one = bits_per_byte(Bigram(), stream_of(held_out, names=names), max_bytes=limit)
    other = bits_per_byte(Bigram(), shuffled, max_bytes=limit)
    assert set(one.items) == set(other.items)
    assert len(one.items) == 1 or sum(one.weights) <= limit
    assert list(one.weights) == [3 * len(held_out[int(name[5:])]) for name in one.items]


def test_progress_ends_at_the_total():
    told = []
    bits_per_byte(
        Bigram(), stream_of(EXAMPLE), batch_tokens=6, progress=lambda done, total, note: told.append((done, total))
    )
    assert len(told) > 1 and told[-1] == (16, 16)


def test_no_text_is_an_error():
    with pytest.raises(EtymonError, match="no held-out text"):
        bits_per_byte(Bigram(), stream_of([[], []]))


def test_a_model_of_another_tokenizer_is_refused():
    model = Bigram()
    model.vocabulary = 100
    with pytest.raises(EtymonError, match="different tokenizers"):
        bits_per_byte(model, stream_of(EXAMPLE))


@pytest.mark.parametrize("length", [0, 9])
def test_windows_that_the_model_cannot_read_are_refused(length):
    with pytest.raises(EtymonError, match="do not suit this model"):
        bits_per_byte(Bigram(context=8), stream_of(EXAMPLE), length=length)


def test_a_broken_model_is_told_with_the_document():
    model = Bigram()
    model.table[2] = np.nan
    with pytest.raises(EtymonError) as told:
        bits_per_byte(model, stream_of([[0, 1], [2, 1]], names=["fine", "spoilt"]))
    assert "document spoilt" in str(told.value)
