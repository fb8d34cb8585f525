"""From a text to the tables of an n-gram model: count, smooth, prune."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from numpy.typing import NDArray

from etymon.models.ngram_add_k import add_k
from etymon.models.ngram_columns import IN_MEMORY, Columns, OnDisk
from etymon.models.ngram_counting import Grams, count
from etymon.models.ngram_katz import katz
from etymon.models.ngram_kneser_ney import kneser_ney, modified_kneser_ney
from etymon.models.ngram_likelihood import maximum_likelihood
from etymon.models.ngram_partitions import count_in_parts
from etymon.models.ngram_prune import prune
from etymon.models.ngram_settings import NgramSettings, checked
from etymon.models.ngram_tables import Counted
from etymon.models.ngram_witten_bell import witten_bell
from etymon.progress import Progress

Smoothing: TypeAlias = Callable[[NgramSettings, Sequence[Grams], int, float, Columns], Counted]
"""(settings, n-grams of orders 1, 2, ..., vocabulary, operations so far, where columns are made) -> tables."""

SMOOTHINGS: Mapping[str, Smoothing] = {
    "modified-kneser-ney": modified_kneser_ney,
    "kneser-ney": kneser_ney,
    "witten-bell": witten_bell,
    "katz": katz,
    "add-k": add_k,
    "maximum-likelihood": maximum_likelihood,
}


def tables_of(
    settings: NgramSettings,
    stream: NDArray[Any],
    vocabulary: int,
    end_of_text: int,
    progress: Progress,
    columns: Columns = IN_MEMORY,
) -> Counted:
    """The tables of a token stream that begins with end-of-text: the same ones wherever its columns are made."""
    checked(settings)
    if isinstance(columns, OnDisk):
        grams, operations = count_in_parts(stream, vocabulary, settings.order, end_of_text, progress, columns)
    else:
        grams, operations = count(stream, vocabulary, settings.order, end_of_text, progress)
    progress(settings.order - 1, settings.order, "smoothing")
    counted = SMOOTHINGS[settings.smoothing](settings, grams, vocabulary, operations, columns)
    counted = prune(counted, grams, settings.prune, vocabulary, columns)
    progress(settings.order, settings.order, "counted")
    return counted
