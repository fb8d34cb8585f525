"""Effective context: what the same tokens cost a model that may see only so many tokens before each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from etymon.errors import EtymonError
from etymon.models import LanguageModel
from etymon.statistics import Result, ratio_result
from etymon.tokens import Batch, TokenStream

BATCH_TOKENS = 16_384


@dataclass(frozen=True)
class Glances:
    """Tokens to score with a context cut short: the last of each row of `ids` [R, longest + 1].

    `documents` [R] names the document of each row, `sizes` [R] is how many bytes (or tokens, where all are 1) the
    scored token counts for.
    """

    ids: NDArray[np.int64]
    documents: Sequence[str]
    sizes: NDArray[np.int64]

    @property
    def longest(self) -> int:
        """The longest context, in tokens."""
        return int(self.ids.shape[1]) - 1


def glances(
    stream: TokenStream, documents: Sequence[int], longest: int, wanted: int, sizes: Sequence[int] | None = None
) -> Glances | None:
    """Up to `wanted` tokens of these documents (rows of the stream), evenly spaced over all that have `longest` tokens
    of their own document before them, its opening end-of-text included. None where no token has so many.

    `sizes`: the bytes of each token of the vocabulary; without them a token counts for 1.
    """
    places = [np.arange(int(stream.starts[d]) + longest, int(stream.starts[d + 1])) for d in documents]
    owners = np.repeat(np.asarray(documents, np.int64), [len(each) for each in places])
    if not len(owners):
        return None
    chosen = np.unique(np.linspace(0, len(owners) - 1, min(wanted, len(owners))).round().astype(np.int64))
    at = np.concatenate(places)[chosen]
    ids = np.asarray(stream.ids, np.int64)[at[:, None] + np.arange(-longest, 1)]
    weights = np.ones(len(at), np.int64) if sizes is None else np.asarray(sizes, np.int64)[ids[:, -1]]
    names = [stream.documents[int(owner)] for owner in owners[chosen]]
    return Glances(ids, names, weights)


def bits_by_context(
    model: LanguageModel, seen: Glances, lengths: Sequence[int], *, unit: str = "bits per byte", seed: int = 0
) -> list[Result]:
    """For each number of tokens in `lengths`: the bits of the scored tokens, given exactly so many tokens before each,
    over their sizes, with a 95 % interval by resampling documents.

    Every row stands alone, so a recurrent network begins it in its starting state. The same tokens are scored at every
    length, so that two lengths are compared in pairs (`statistics.paired_ratio_difference` of their values).
    """
    for length in lengths:
        if not 1 <= length <= min(seen.longest, model.context or seen.longest):
            raise EtymonError(
                f"{length} tokens of context cannot be given to this model",
                why=f"the rows have {seen.longest} before their last, and its context is {model.context}",
            )
    return [_bits(model, seen, length, unit, seed) for length in lengths]


def _bits(model: LanguageModel, seen: Glances, length: int, unit: str, seed: int) -> Result:
    rows = seen.ids[:, -length - 1 :]
    nats = np.zeros(len(rows))
    many = max(BATCH_TOKENS // length, 1)
    for begin in range(0, len(rows), many):
        part = rows[begin : begin + many]
        batch = Batch(ids=part[:, :-1], targets=part[:, 1:], weights=np.ones((len(part), length)))
        nats[begin : begin + many] = -np.asarray(model.log_probs(batch), np.float64)[:, -1]
    if not np.isfinite(nats).all():
        document = seen.documents[int(np.flatnonzero(~np.isfinite(nats))[0])]
        raise EtymonError("The model gives no finite probability to a token", where=f"document {document}")
    names, owners = np.unique(np.asarray(seen.documents, object), return_inverse=True)
    bits, sizes = np.zeros(len(names)), np.zeros(len(names), np.int64)
    np.add.at(bits, owners, nats / np.log(2))
    np.add.at(sizes, owners, seen.sizes)
    protocol = f"{unit} of {len(rows)} tokens of {len(names)} documents, each given the {length} tokens before it alone"
    result = ratio_result("bits_by_context", unit, bits, sizes, [str(name) for name in names], protocol, seed)
    return replace(result, details={**result.details, "context": length, "tokens": len(rows)})
