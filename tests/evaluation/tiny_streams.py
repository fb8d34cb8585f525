"""Token streams and models small enough to work out by hand."""

from __future__ import annotations

import numpy as np

from etymon.tokens import TokenStream

END = 4
VOCABULARY = 5


def stream_of(documents, bytes_per_token=3, names=None):
    ends = np.cumsum([0, *(len(document) + 1 for document in documents)])
    return TokenStream(
        ids=np.array([END, *(token for document in documents for token in (*document, END))], np.uint16),
        starts=ends.astype(np.int64),
        bytes=np.array([bytes_per_token * len(document) for document in documents], np.int64),
        documents=names or [f"document-{i}" for i in range(len(documents))],
        vocabulary=VOCABULARY,
        end_of_text=END,
    )


class Bigram:
    """p(next | last token) from a table; it notes the shapes and rows that it was given."""

    family, vocabulary = "bigram", VOCABULARY

    def __init__(self, context=None, seed=0):
        self.context = context
        self.table = np.log(np.random.default_rng(seed).dirichlet(np.ones(VOCABULARY), size=VOCABULARY))
        self.read = []

    def log_probs(self, batch):
        assert self.context is None or batch.ids.shape[1] <= self.context
        self.read.append(batch.ids)
        return self.table[batch.ids, batch.targets]

    def next_log_probs(self, ids, state=None):
        return self.table[ids[:, -1]], None

    def sites(self):
        return []


def nats_by_the_chain_rule(model, stream, document):
    """Read a document token by token after its end-of-text, summing the surprise at each."""
    first, end = stream.starts[document], stream.starts[document + 1]
    total, state = 0.0, None
    for position in range(first, end - 1):
        log_probs, state = model.next_log_probs(stream.ids[None, position : position + 1], state)
        total -= float(log_probs[0, stream.ids[position + 1]])
    return total
