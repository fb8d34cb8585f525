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
        by_hand(self.weights)
        if self.weights and self.temperature is not None:
            raise EtymonError(
                "weights and temperature cannot both say what the shares are", help="leave one of them out"
            )


def by_hand(words: Sequence[str]) -> dict[str, float]:
    """The weights as numbers. Raises EtymonError for what is no weight, and for a domain that is named twice."""
    found: dict[str, float] = {}
    for word in words:
        domain, equals, number = word.rpartition("=")
        try:
            weight = float(number)
        except ValueError:
            weight = math.nan
        if not (equals and domain.strip()) or not (math.isfinite(weight) and weight >= 0):
            raise EtymonError(f"weights has {word!r}", help="write each as DOMAIN=NUMBER, the number from 0 up")
        if domain.strip() in found:
            raise EtymonError(f"weights names {domain.strip()} twice", help="name each domain once")
        found[domain.strip()] = weight
    if found and not any(found.values()):
        raise EtymonError("weights gives every domain 0", help="give at least one domain some weight")
    return found


def asked_weights(settings: MixtureSettings, sizes: Mapping[str, int]) -> Weights | None:
    """The shares that are asked for, `sizes` being the tokens of each domain; None where nothing is.

    Raises EtymonError for a domain that the text lacks."""
    if not settings.weights and settings.temperature is None and settings.most_epochs is None:
        return None
    if settings.weights:
        return weights_by_hand(by_hand(settings.weights), sizes)
    return weights_by_temperature(sizes, settings.temperature or 1.0)


def allowed_weights(settings: MixtureSettings, sizes: Mapping[str, int], tokens: float) -> Weights | None:
    """The shares that are asked for, as far as the limit allows them in a training on so many `tokens`.

    Raises EtymonError where all domains together are too small for that."""
    asked = asked_weights(settings, sizes)
    if asked is None or settings.most_epochs is None:
        return asked
    return limited(asked, sizes, tokens, settings.most_epochs)
