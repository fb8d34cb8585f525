"""Agreement over distance: does a model know a verb's number from its subject, however many nouns lie between?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from etymon.errors import EtymonError
from etymon.evaluation.minimal_pairs import MinimalPair

LINKS = ("near", "behind", "with", "by")
VERBS = (("is", "are"), ("was", "were"), ("has been", "have been"))
TAILS = ("very good", "here", "very old", "in the house")
BETWEEN = 3
"""Words that each noun between subject and verb brings: "near the doors"."""


def agreement_pairs(
    nouns: Sequence[tuple[str, str]], *, nouns_between: Sequence[int] = (0, 1, 2, 3, 4), each: int = 200, seed: int = 0
) -> list[MinimalPair]:
    """Pairs like "The letter near the doors is here." and "The letter near the doors are here.", `each` for every
    number of nouns between and for either kind of them: all of the subject's number, or all of the other one, which
    pull the verb the wrong way (attractors: Linzen et al. 2016, arXiv 1611.01368).

    nouns: (singular, plural), words that the model has met. As many subjects are singular as plural, so that a model
    that prefers a verb form whatever the subject is right in half of the pairs. Groups are named by the words between
    subject and verb and by the kind of nouns there; without any there is one kind.
    """
    if len(nouns) < 2 or each < 2 or each % 2:
        raise EtymonError("Pairs of agreement need two nouns or more, and an even number of pairs each")
    if nouns_between and max(nouns_between) >= len(nouns):
        raise EtymonError(f"{max(nouns_between)} nouns between and a subject are more than the {len(nouns)} given")
    pairs: list[MinimalPair] = []
    for count in nouns_between:
        for other in (False, True) if count else (False,):
            draw = np.random.default_rng((seed, count, other))
            kind = f", nouns of {'the other' if other else 'the same'} number" if count else ""
            group = f"{BETWEEN * count} words between{kind}"
            for number in range(each):
                pairs.append(_pair(nouns, count, number % 2, other, draw, group, number))
    return pairs


def _pair(
    nouns: Sequence[tuple[str, str]],
    count: int,
    plural: int,
    other: bool,
    draw: np.random.Generator,
    group: str,
    number: int,
) -> MinimalPair:
    subject, *between = draw.permutation(len(nouns))[: count + 1].tolist()
    begin = f"The {nouns[subject][plural]}"
    for noun in between:
        begin += f" {LINKS[draw.integers(len(LINKS))]} the {nouns[noun][plural ^ int(other)]}"
    verbs, tail = VERBS[draw.integers(len(VERBS))], TAILS[draw.integers(len(TAILS))]
    return MinimalPair(
        good=f"{begin} {verbs[plural]} {tail}.",
        bad=f"{begin} {verbs[1 - plural]} {tail}.",
        group=group,
        name=f"{group}/{number}",
    )
