"""A mixture: several language models speak at once, each with its weight."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray

from etymon.errors import EtymonError
from etymon.models.family import Counts, Family
from etymon.models.language_model import FillsIn, Ids, LanguageModel, LogProbs
from etymon.models.ngram_cache import UnigramCache
from etymon.models.parts import opened_parts, put_together
from etymon.models.weights import Scored, fitted_weights
from etymon.recipe import Setting
from etymon.tokens import Batch

if TYPE_CHECKING:
    from etymon.storage import Artifact, Draft

ABOUT = "mixture.json"
CACHE = "cache"
"""What `parts` calls the cache, which is no model of its own in a store."""


@dataclass(frozen=True, kw_only=True)
class MixtureOfModels:
    """Which models of a run speak together, and with which weights."""

    parts: Annotated[
        tuple[str, ...],
        Setting('families of the run, and "cache" for the words of the recent text; none: all of them and the cache'),
    ] = ()
    weights: Annotated[
        tuple[float, ...], Setting("a weight for each of parts; none: fitted to the validation text", low=0, high=1)
    ] = ()
    cache_length: Annotated[int, Setting("how far back the cache looks", unit="tokens", low=1)] = 500


class Mixture:
    """p(w | h) = sum over the models of weight x p of the model (Jelinek & Mercer 1980).

    With a `UnigramCache` it is the cache model of Kuhn & De Mori. It sums to 1 as its parts do, and is 0 only where all
    of them are.
    """

    family = "mixture"

    def __init__(
        self,
        models: Sequence[LanguageModel],
        weights: Sequence[float],
        names: Sequence[str] = (),
        settings: MixtureOfModels | None = None,
    ) -> None:
        """`names`: what each is called in a store, for `save`: the draft's input `part/NAME`, or "cache"."""
        if len({model.vocabulary for model in models}) != 1:
            raise EtymonError("Models with different vocabularies cannot be mixed", help="use one tokenizer for all")
        if len(weights) != len(models) or not (min(weights) >= 0 and abs(sum(weights) - 1) <= 1e-9):
            raise EtymonError(
                "These are no weights for a mixture",
                why=f"{len(models)} models need {len(models)} weights of 0 or more that sum to 1, not {list(weights)}",
            )
        if any(isinstance(model, FillsIn) for model in models):
            raise EtymonError(
                "A model that sees both sides of a token cannot be mixed", why="it gives a text no probability"
            )
        self.models, self.weights = models, weights
        self.names = list(names) or [model.family for model in models]
        self.settings = settings or MixtureOfModels(parts=tuple(self.names), cache_length=_cache_length(models))
        self.vocabulary = models[0].vocabulary
        self.context = min((model.context for model in models if model.context is not None), default=None)

    def log_probs(self, batch: Batch[Any]) -> LogProbs:
        return self._mixed([model.log_probs(batch) for model in self.models])

    def next_log_probs(self, ids: Ids, state: Sequence[Any] | None = None) -> tuple[LogProbs, Sequence[Any]]:
        states: Sequence[Any] = [None] * len(self.models) if state is None else state
        said = [model.next_log_probs(ids, own) for model, own in zip(self.models, states, strict=True)]
        return self._mixed([log_probs for log_probs, _ in said]), tuple(own for _, own in said)

    def sites(self) -> Sequence[str]:
        return []

    def _mixed(self, log_probs: Sequence[LogProbs]) -> LogProbs:
        with np.errstate(divide="ignore"):
            parts = [np.log(weight) + each for weight, each in zip(self.weights, log_probs, strict=True)]
        return np.logaddexp.reduce(parts, axis=0)


def fitted_mixture(
    models: Sequence[LanguageModel], names: Sequence[str], settings: MixtureOfModels, scored: Scored
) -> Mixture:
    """The models with the weights of the settings, or else those that the tokens of a text ask for; `scored` goes
    through that text."""
    settings = replace(settings, parts=tuple(names))
    context = Mixture(models, [1 / len(models)] * len(models), names, settings).context

    def ask(batch: Batch[Any]) -> NDArray[Any]:
        return np.exp(np.stack([np.asarray(model.log_probs(batch), np.float64) for model in models], axis=-1))

    weights = settings.weights or fitted_weights(scored(ask, context).T).tolist()
    return Mixture(models, weights, names, settings)


def _cache_length(models: Sequence[LanguageModel]) -> int:
    lengths = [model.length for model in models if isinstance(model, UnigramCache)]
    return lengths[0] if lengths else MixtureOfModels.cache_length


def _title(settings: Mapping[str, Any]) -> str:
    parts = settings.get("parts") or ()
    return f"mixture ({', '.join(parts)})" if parts else "mixture"


def _write(draft: Draft, mixture: Mixture) -> None:
    end = next((model.end_of_text for model in mixture.models if isinstance(model, UnigramCache)), None)
    about = {"parts": mixture.names, "weights": [float(weight) for weight in mixture.weights], "end_of_text": end}
    draft.write(ABOUT, json.dumps(about, indent=1).encode())


def _read(artifact: Artifact, settings: MixtureOfModels, vocabulary: int) -> Mixture:
    about = artifact.read_json(ABOUT)
    there = opened_parts(artifact)
    cache = UnigramCache(vocabulary, about["end_of_text"] or 0, settings.cache_length)
    models = [cache if name == CACHE else there[name] for name in about["parts"]]
    return Mixture(models, about["weights"], about["parts"], settings)


def _counts(settings: MixtureOfModels, vocabulary: int, length: int) -> Counts:
    raise put_together("mixture")


def _preset(parameters: float, vocabulary: int) -> MixtureOfModels:
    return MixtureOfModels()


FAMILY = Family(
    name="mixture",
    title=_title({}),
    titles=_title,
    settings=MixtureOfModels,
    learns="parts",
    order="stream",
    preset=_preset,
    counts=_counts,
    write=_write,
    read=_read,
)
