"""`MixtureSettings`: what a recipe says about the share of each domain, and the weights that follow for a text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from etymon.corpus.mixing import Weights, limited, weights_by_hand, weights_by_temperature
from etymon.errors import EtymonError
from etymon.recipe import Setting


@dataclass(frozen=True, kw_only=True)
class MixtureSettings:
    """How much of each domain the networks read. With nothing set they read the text as it is."""

    weights: Annotated[
        tuple[str, ...],
        Setting("the share of each domain, as in docs=0.7,code=0.3; one that is left out is not read; empty: as it is"),
    ] = ()
    temperature: Annotated[
        float | None,
        Setting("shares by tokens^(1 / temperature): 1 as the text is, above it small domains get more", low=1e-6),
    ] = None
    most_epochs: Annotated[
        float | None,
        Setting("no domain is read more often than this; what it cannot give, the others do", low=1e-6),
    ] = None

    def __post_init__(self) -> None:
        weights_in_words(self.weights)
        if self.weights and self.temperature is not None:
            raise EtymonError(
                "weights and temperature cannot both say what the shares are", help="leave one of them out"
            )


def weights_in_words(words: Sequence[str], name: str = "weights") -> dict[str, float]:
    """The numbers of a setting called `name`, by domain. Raises EtymonError for what is no weight, for a domain that is
    named twice, and where all are 0."""
    found: dict[str, float] = {}
    for word in words:
        domain, equals, number = word.rpartition("=")
        try:
            weight = float(number)
        except ValueError:
            weight = math.nan
        if not (equals and domain.strip()) or not (math.isfinite(weight) and weight >= 0):
            raise EtymonError(f"{name} has {word!r}", help="write each as DOMAIN=NUMBER, the number from 0 up")
        if domain.strip() in found:
            raise EtymonError(f"{name} names {domain.strip()} twice", help="name each domain once")
        found[domain.strip()] = weight
    if found and not any(found.values()):
        raise EtymonError(f"{name} gives every domain 0", help="give at least one domain some weight")
    return found


def asked_weights(settings: MixtureSettings, sizes: Mapping[str, int]) -> Weights | None:
    """The shares that are asked for, `sizes` being the tokens of each domain; None where nothing is.

    Raises EtymonError for a domain that the text lacks."""
    if not settings.weights and settings.temperature is None and settings.most_epochs is None:
        return None
    if settings.weights:
        return weights_by_hand(weights_in_words(settings.weights), sizes)
    return weights_by_temperature(sizes, settings.temperature or 1.0)


def allowed_weights(settings: MixtureSettings, sizes: Mapping[str, int], tokens: float) -> Weights | None:
    """The shares that are asked for, as far as the limit allows them in a training on so many `tokens`.

    Raises EtymonError where all domains together are too small for that."""
    asked = asked_weights(settings, sizes)
    if asked is None or settings.most_epochs is None:
        return asked
    return limited(asked, sizes, tokens, settings.most_epochs)
