"""Effective context: the same tokens with ever more before them, by the laws that a model's context obeys."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_streams import END, VOCABULARY, Bigram, stream_of

from etymon.errors import EtymonError
from etymon.evaluation import bits_by_context, bits_per_byte, glances
from etymon.models import NgramSettings, estimate_ngram

texts = st.lists(st.lists(st.integers(0, VOCABULARY - 2), min_size=1, max_size=24), min_size=1, max_size=5)


@given(training=texts, held_out=texts, order=st.integers(1, 5), longest=st.integers(5, 9))
@settings(max_examples=60, deadline=None)
def test_an_ngram_is_flat_from_its_order_less_one_on(training, held_out, order, longest) -> None:
    stream = stream_of(held_out)
    seen = glances(stream, range(len(held_out)), longest, 20)
    model = estimate_ngram(NgramSettings(order=order), VOCABULARY, stream_of(training).ids, END)
    if seen is None:
        assert all(len(document) < longest for document in held_out)
        return
    first, *others = bits_by_context(model, seen, range(max(order - 1, 1), longest + 1))
    for other in others:
        assert (other.mean, other.low, other.high, other.values) == (first.mean, first.low, first.high, first.values)


@given(held_out=texts, longest=st.integers(1, 8), wanted=st.integers(1, 50))
@settings(max_examples=60, deadline=None)
def test_glances_stay_within_a_document_and_never_score_an_end_of_text(held_out, longest, wanted) -> None:
    stream = stream_of(held_out)
    seen = glances(stream, range(len(held_out)), longest, wanted)
    there = sum(max(len(document) + 1 - longest, 0) for document in held_out)
    if seen is None:
        assert there == 0
        return
    assert len(seen.ids) == min(wanted, there) and seen.longest == longest
    assert (seen.ids[:, 1:] != END).all()
    for row, name in zip(seen.ids, seen.documents, strict=True):
        document = [END, *held_out[stream.documents.index(name)]]
        assert any(list(row) == document[at : at + longest + 1] for at in range(len(document)))


def test_a_context_as_long_as_all_documents_scores_as_the_chain_rule_does() -> None:
    documents = [[0], [1], [3], [2]]
    stream = stream_of(documents, bytes_per_token=2)
    model = Bigram()
    seen = glances(stream, range(4), 1, 99, sizes=[2] * VOCABULARY)
    assert seen is not None
    (result,) = bits_by_context(model, seen, [1])
    whole = bits_per_byte(model, stream)
    assert result.mean == pytest.approx(whole.mean, abs=1e-12) and result.n == 4
    assert sorted(result.values) == pytest.approx(sorted(whole.values))
    assert result.details["context"] == 1 and "4 tokens of 4 documents" in result.protocol


def test_the_rows_given_to_the_model_are_exactly_as_long_as_the_context() -> None:
    stream, model = stream_of([[0, 1, 2, 3, 0, 1, 2, 3, 0, 1]] * 3), Bigram()
    seen = glances(stream, range(3), 8, 7)
    assert seen is not None
    bits_by_context(model, seen, [1, 2, 8])
    assert [rows.shape for rows in model.read] == [(7, 1), (7, 2), (7, 8)]
    np.testing.assert_array_equal(model.read[-1][:, -2:], model.read[1])


def test_a_recurrent_network_begins_each_row_anew() -> None:
    torch = pytest.importorskip("torch", reason="a network needs it")
    from etymon.models import family

    torch.manual_seed(1)
    kind = family("lstm")
    network = kind.build(kind.preset(5e3, VOCABULARY), VOCABULARY)
    stream = stream_of([[0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 3]])
    seen = glances(stream, [0], 6, 3)
    assert seen is not None
    (result,) = bits_by_context(network, seen, [2], unit="bits")
    nats = -sum(float(network.next_log_probs(row[None, -3:-1])[0][0, row[-1]]) for row in seen.ids)
    assert result.details["numerator"] == pytest.approx(nats / np.log(2), rel=1e-5)


@pytest.mark.parametrize("length", [0, 5, 7])
def test_a_context_that_cannot_be_given_is_refused(length: int) -> None:
    seen = glances(stream_of([[0, 1, 2, 3, 0, 1]]), [0], 6, 1)
    assert seen is not None
    with pytest.raises(EtymonError, match=f"{length} tokens of context"):
        bits_by_context(Bigram(context=4), seen, [length])
