"""Networks are scored by the chain rule too, whether they carry a state or read windows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tiny_streams import VOCABULARY, nats_by_the_chain_rule, stream_of

from etymon.evaluation import bits_per_byte
from etymon.models import family

torch = pytest.importorskip("torch", reason="networks need torch")

SETTINGS = {"lstm": {"layers": 1, "width": 16}, "gpt": {"layers": 1, "width": 16, "heads": 2, "context": 32}}


def network(name):
    torch.manual_seed(0)
    kind = family(name)
    return kind.build(kind.settings(**SETTINGS[name]), VOCABULARY)


@pytest.mark.parametrize("name", SETTINGS)
def test_documents_cost_what_reading_them_token_by_token_says(name):
    documents = np.random.default_rng(0).integers(0, 4, (3, 30)).tolist()
    model, stream = network(name), stream_of([documents[0], documents[1][:5], documents[2][:17]])
    result = bits_per_byte(model, stream)
    expected = [nats_by_the_chain_rule(model, stream, i) / math.log(2) for i in range(3)]
    np.testing.assert_allclose(result.values, expected, rtol=1e-5)


def test_a_document_longer_than_the_context_is_read_in_windows_half_new_each():
    document = np.random.default_rng(1).integers(0, 4, 60).tolist()
    model, stream = network("gpt"), stream_of([document])
    nats = 0.0
    for start, first_scored in ((0, 0), (16, 16), (28, 20)):  # of 60 predictions: 32, then 16, then the last 12
        ids = stream.ids[start : start + 32].astype(np.int64)
        for t in range(first_scored, 32):
            nats -= float(model.next_log_probs(ids[None, : t + 1])[0][0, stream.ids[start + t + 1]])
    result = bits_per_byte(model, stream)
    assert result.values[0] == pytest.approx(nats / math.log(2), rel=1e-5)
    assert "windows of 32 tokens, stride 16" in result.protocol
