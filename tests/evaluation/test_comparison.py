"""Two models are compared document by document, and one model domain by domain."""

from __future__ import annotations

import pytest
from tiny_streams import Bigram, stream_of

from etymon.errors import EtymonError
from etymon.evaluation import bits_per_byte, by_domain, paired_difference

EXAMPLE = [[0, 1, 2, 3, 0, 1], [2], [3, 3, 3, 0, 1, 2, 1, 0, 2]]


def test_a_model_differs_from_itself_by_nothing_and_from_another_as_their_means_do():
    one, other = (bits_per_byte(Bigram(seed=seed), stream_of(EXAMPLE)) for seed in (1, 2))
    assert paired_difference(one, one).mean == 0
    difference = paired_difference(one, other)
    assert difference.mean == pytest.approx(one.mean - other.mean)
    assert difference.low <= difference.mean <= difference.high and difference.n == 3
    assert (difference.unit, difference.protocol) == ("bits per byte", one.protocol)


def test_models_that_read_in_different_ways_are_compared_and_both_ways_are_told():
    one, other = (bits_per_byte(Bigram(context), stream_of(EXAMPLE)) for context in (None, 4))
    difference = paired_difference(one, other)
    assert difference.mean == pytest.approx(0, abs=1e-12)
    assert "whole documents minus" in difference.protocol and "windows of 4 tokens" in difference.protocol


def test_models_measured_on_different_documents_are_not_compared():
    one, other = (bits_per_byte(Bigram(), stream_of(held_out)) for held_out in (EXAMPLE, EXAMPLE[:2]))
    with pytest.raises(EtymonError, match="different documents"):
        paired_difference(one, other)


def test_domains_share_out_the_bits():
    result = bits_per_byte(Bigram(), stream_of(EXAMPLE))
    parts = by_domain(result, {"document-0": "prose", "document-1": "code", "document-2": "prose"})
    assert list(parts) == ["code", "prose"]
    assert sum(sum(part.values) for part in parts.values()) == pytest.approx(sum(result.values))
    assert (parts["code"].n, parts["prose"].n) == (1, 2)
    assert "only domain code: 1 documents, 3 bytes" in parts["code"].protocol


def test_a_document_without_a_domain_is_told():
    with pytest.raises(EtymonError, match="no domain"):
        by_domain(bits_per_byte(Bigram(), stream_of(EXAMPLE)), {"document-0": "prose"})
