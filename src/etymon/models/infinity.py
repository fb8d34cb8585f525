"""The infinity-gram as a model of its own: smoothed with an n-gram, so that every token has a probability."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray

from etymon.errors import EtymonError
from etymon.index import Index
from etymon.models.family import Counts, Family
from etymon.models.infinity_gram import InfinityGram
from etymon.models.language_model import Ids, LanguageModel
from etymon.models.ngram_tables import Floats
from etymon.models.parts import opened_parts, put_together
from etymon.models.weights import Scored, fitted_weights
from etymon.recipe import Setting
from etymon.tokens import Batch

if TYPE_CHECKING:
    from etymon.storage import Artifact, Draft

ABOUT = "infinity.json"
NGRAM, INDEX = "ngram", "index"


@dataclass(frozen=True, kw_only=True)
class InfinitySettings:
    """Which contexts are trusted alike."""

    bands: Annotated[
        tuple[int, ...], Setting("lengths of a context, ascending, from which on another weight is fitted", low=1)
    ] = (1, 2, 3, 4, 5, 7, 9, 13, 17, 33)

    def __post_init__(self) -> None:
        if list(self.bands) != sorted(set(self.bands)):
            raise EtymonError(f"bands={','.join(map(str, self.bands))} do not ascend", help="for example bands=1,2,4,8")


class Infinity:
    """p(w | h) = weight x c(h'w) / c(h') + (1 - weight) x p of the n-gram, h' being the longest suffix of h that occurs
    in the text (`InfinityGram`). Both sum to 1, so that this does.

    The weight goes by how long h' is and whether it occurs once or more often: Liu et al. 2024 ("Infini-gram",
    arXiv 2401.17377, section 4) have one for contexts after which only one word occurs, and one for the others.
    """

    family = "infinity"
    context: int | None = None

    def __init__(
        self, infinity: InfinityGram, ngram: LanguageModel, weights: Sequence[float], settings: InfinitySettings
    ) -> None:
        """`weights`: one for each of `cells`."""
        if infinity.vocabulary != ngram.vocabulary:
            raise EtymonError("Models with different vocabularies cannot be mixed", help="use one tokenizer for both")
        if len(weights) != cells(settings) or not all(0 <= weight < 1 for weight in weights):
            raise EtymonError(
                "These are no weights for an infinity-gram",
                why=f"{cells(settings)} are needed, each from 0 to below 1, for the n-gram must have its say",
            )
        self.infinity, self.ngram, self.settings = infinity, ngram, settings
        self.weights = np.array(weights, np.float64)
        self.vocabulary = ngram.vocabulary

    def log_probs(self, batch: Batch[Any]) -> Floats:
        found = self.infinity.evidence(batch)
        weight = self.weights[cells_of(found.lengths, found.occurred, self.settings)]
        smoothed = np.exp(np.asarray(self.ngram.log_probs(batch), np.float64))
        return _log(weight * (found.followed / found.occurred) + (1 - weight) * smoothed)

    def next_log_probs(self, ids: Ids, state: tuple[Any, Any] | None = None) -> tuple[Floats, tuple[Any, Any]]:
        before, contexts = (None, None) if state is None else state
        alone, contexts = self.infinity.next_log_probs(ids, contexts)
        smoothed, before = self.ngram.next_log_probs(ids, before)
        lengths = np.array([len(context) for context in contexts], np.int64)
        occurred = np.array([self.infinity.occurs(context) for context in contexts], np.int64)
        weight = self.weights[cells_of(lengths, occurred, self.settings)][:, None]
        return _log(weight * np.exp(alone) + (1 - weight) * np.exp(smoothed)), (before, contexts)

    def sites(self) -> Sequence[str]:
        return []


def cells(settings: InfinitySettings) -> int:
    """How many weights there are: for each band of lengths two, and for the empty context."""
    return 2 * (len(settings.bands) + 1)


def cells_of(lengths: NDArray[np.int64], occurred: NDArray[np.int64], settings: InfinitySettings) -> NDArray[np.int64]:
    """Which weight is for contexts of these lengths that occur so often."""
    return 2 * np.searchsorted(np.array(settings.bands), lengths, side="right") + (occurred > 1)


def fitted_cells(
    cell: NDArray[np.int64], infinity: Floats, ngram: Floats, settings: InfinitySettings
) -> NDArray[np.float64]:
    """The weight of each cell under which the tokens with these cells and probabilities [n] are most likely.

    To each cell comes one token more that the infinity-gram did not expect: so a weight is 0 where nothing is known,
    and never 1, which would forbid what the text does not have.
    """
    weights = np.zeros(cells(settings))
    for number in range(len(weights)):
        own = cell == number
        p = np.stack([np.append(infinity[own], 0.0), np.append(ngram[own], 1.0)])
        weights[number] = fitted_weights(p)[0]
    return weights


def fitted_infinity(
    infinity: InfinityGram, ngram: LanguageModel, settings: InfinitySettings, scored: Scored
) -> Infinity:
    """The two with the weights that the tokens of a text ask for; `scored` goes through that text."""

    def ask(batch: Batch[Any]) -> NDArray[Any]:
        found = infinity.evidence(batch)
        cell = cells_of(found.lengths, found.occurred, settings)
        p = np.exp(np.asarray(ngram.log_probs(batch), np.float64))
        return np.stack([cell.astype(np.float64), found.followed / found.occurred, p], axis=-1)

    cell, said, smoothed = scored(ask, None).T
    weights = fitted_cells(cell.astype(np.int64), said, smoothed, settings)
    return Infinity(infinity, ngram, weights.tolist(), settings)


def _log(p: Floats) -> Floats:
    with np.errstate(divide="ignore"):  # an n-gram of maximum likelihood has probabilities of 0
        return np.log(p)


def _write(draft: Draft, model: Infinity) -> None:
    about = {"weights": model.weights.tolist(), "end_of_text": model.infinity.end_of_text}
    draft.write(ABOUT, json.dumps(about, indent=1).encode())


def _read(artifact: Artifact, settings: InfinitySettings, vocabulary: int) -> Infinity:
    from etymon.storage import Store

    about = artifact.read_json(ABOUT)
    index = Index.open(Store.holding(artifact).open(artifact.inputs[INDEX]))
    alone = InfinityGram(index, vocabulary, about["end_of_text"])
    return Infinity(alone, opened_parts(artifact)[NGRAM], about["weights"], settings)


def _counts(settings: InfinitySettings, vocabulary: int, length: int) -> Counts:
    raise put_together("infinity-gram")


def _preset(parameters: float, vocabulary: int) -> InfinitySettings:
    return InfinitySettings()


FAMILY = Family(
    name="infinity",
    title="infinity-gram",
    settings=InfinitySettings,
    learns="parts",
    order="stream",
    preset=_preset,
    counts=_counts,
    write=_write,
    read=_read,
)
