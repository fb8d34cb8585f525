"""`objective_for`: what a family learns from, chosen in this one place."""

from __future__ import annotations

from typing import Any, cast

from etymon.errors import EtymonError
from etymon.models import Family
from etymon.objectives.borders import sentence_ends, sentence_opens, word_begins
from etymon.objectives.masked import Masked
from etymon.objectives.next_token import NextToken, Objective
from etymon.objectives.permutation import Permutation
from etymon.objectives.settings import MaskedSettings, PermutationSettings
from etymon.tokens import Tokenizer


def objective_for(kind: Family, settings: Any, shape: Any, tokenizer: Tokenizer, seed: int) -> Objective:
    """The objective of a family: `settings` are its own (None for next token), `shape` those of the network."""
    if kind.objective == "masked":
        assert isinstance(settings, MaskedSettings)
        return cast(Any, _masked(kind, settings, shape, tokenizer, seed))  # which asks for more than any Network has
    if kind.objective == "permutation":
        assert isinstance(settings, PermutationSettings)
        return cast(Any, Permutation(seed=seed, predicted=settings.predicted, span=settings.span))
    return NextToken()


def _masked(kind: Family, settings: MaskedSettings, shape: Any, tokenizer: Tokenizer, seed: int) -> Masked:
    return Masked(
        special=_special(kind, shape, tokenizer),
        vocabulary=tokenizer.vocabulary,
        seed=seed,
        hidden=settings.hidden,
        pairs=settings.pairs,
        packed=settings.packed,
        sentence_ends=sentence_ends(tokenizer) if settings.pairs else None,
        sentence_opens=sentence_opens(tokenizer) if settings.pairs else None,
        word_begins=word_begins(tokenizer) if settings.whole_words else None,
        span=settings.span,
    )


def _special(kind: Family, shape: Any, tokenizer: Tokenizer) -> tuple[int, int, int]:
    """The ids that hide, begin and end. Raises EtymonError where they are tokens of text, or one of them twice."""
    if kind.special is None:
        raise EtymonError(
            f"The family {kind.name} learns from hidden tokens and names none that hides",
            help="its Family needs `special`, as etymon.models.bert has it",
        )
    ids = kind.special(shape, tokenizer.vocabulary)
    behind = set(range(tokenizer.vocabulary, tokenizer.vocabulary + len(ids)))
    free = behind | (set(tokenizer.special.values()) - {tokenizer.end_of_text})
    wrong = sorted(set(ids) - free)
    if wrong or len(set(ids)) < len(ids):
        raise EtymonError(
            f"The special ids {', '.join(map(str, ids))} of the {kind.name} cannot be used",
            where=f"models.{kind.name}: mask_id, begin_id, end_id",
            why=f"{wrong[0]} is no special token of this tokenizer" if wrong else "one stands for two things",
            help="leave all three out: then they are three ids behind those of the text",
        )
    return ids
