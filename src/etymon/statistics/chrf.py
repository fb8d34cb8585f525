"""chrF: how alike two lists of texts are, by the n-grams of their characters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from etymon.errors import EtymonError

ORDERS, BETA = 6, 2
"""n-grams of 1 to 6 characters, recall twice as important as precision: Popović 2015 and 2016, chrF2."""


def chrf(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """The score of a list of texts against one reference each, from 0 to 100."""
    if len(hypotheses) != len(references):
        raise EtymonError(f"{len(hypotheses)} texts cannot be compared with {len(references)} references")
    return chrf_of(sum((chrf_counts(*pair) for pair in zip(hypotheses, references, strict=True)), _NOTHING))


_NOTHING: NDArray[np.int64] = np.zeros((ORDERS, 3), np.int64)


def chrf_counts(hypothesis: str, reference: str) -> NDArray[np.int64]:
    """[6, 3]: for each order how many n-grams the text has, how many the reference, and how many they share.

    White space does not count. They may be added up over texts before `chrf_of` makes a score of them."""
    rows: list[list[int]] = []
    for order in range(1, ORDERS + 1):
        said, wanted = (_ngrams("".join(text.split()), order) for text in (hypothesis, reference))
        # An order for which the reference is too short tells nothing of the text, as in sacrebleu.
        rows.append([said.total() if wanted else 0, wanted.total(), (said & wanted).total()])
    return np.array(rows)


def _ngrams(text: str, order: int) -> Counter[str]:
    return Counter(text[i : i + order] for i in range(len(text) - order + 1))


def chrf_of(counts: NDArray[np.int64]) -> float:
    """The score of counts [6, 3]: F of precision and recall, each the mean over the orders that occur on both sides."""
    columns = counts[(counts[:, :2] > 0).all(1)]
    said, wanted, shared = columns[:, 0], columns[:, 1], columns[:, 2]
    if not shared.sum():
        return 0.0
    precision, recall = (float((shared / of).mean()) for of in (said, wanted))
    return 100 * (1 + BETA**2) * precision * recall / (BETA**2 * precision + recall)
