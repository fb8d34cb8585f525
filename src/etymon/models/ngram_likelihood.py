"""Maximum likelihood: shares of what was counted, and nothing for what was not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from etymon.models.ngram_columns import Columns
from etymon.models.ngram_counting import Grams
from etymon.models.ngram_interpolation import interpolated
from etymon.models.ngram_settings import NgramSettings
from etymon.models.ngram_tables import Counted


def maximum_likelihood(
    settings: NgramSettings, grams: Sequence[Grams], vocabulary: int, operations: float, columns: Columns
) -> Counted:
    """p(w | h) = c(hw) / c(h) (Jurafsky & Martin, "Speech and Language Processing", ch. 3): 0, a log-probability of
    -inf, for what never followed h. Where h itself never occurred this is 0 / 0, and the next shorter context speaks.
    """
    counts = [each.occurrences for each in grams]
    undiscounted = np.zeros((len(grams), 1))
    return interpolated(grams, counts, undiscounted, lambda _, c: np.zeros(len(c)), vocabulary, operations, columns)
