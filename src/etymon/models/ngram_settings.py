"""The settings of an n-gram model: how far it looks, and what it does about n-grams that were never seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from etymon.errors import EtymonError
from etymon.recipe import Bytes, Setting

DOCUMENTS, LINES = "documents", "lines"

IMPORTED = "imported"
"""Not a way to estimate: the probabilities came from an ARPA file."""

NAMES = {
    "modified-kneser-ney": "modified Kneser-Ney",
    "kneser-ney": "Kneser-Ney",
    "witten-bell": "Witten-Bell",
    "katz": "Katz",
    "add-k": "add-k",
    "maximum-likelihood": "maximum likelihood",
    IMPORTED: "from an ARPA file",
}
SMOOTHINGS = tuple(name for name in NAMES if name != IMPORTED)

PRUNED = ("modified-kneser-ney", "kneser-ney", "witten-bell")
DISCOUNTED = ("modified-kneser-ney", "kneser-ney")


@dataclass(frozen=True, kw_only=True)
class NgramSettings:
    """How far an n-gram model looks, and how it shares out probability among what was seen and what was not."""

    order: Annotated[
        int, Setting("length of the longest n-gram, the predicted token included", unit="tokens", low=1, high=8)
    ] = 5
    smoothing: Annotated[
        str,
        Setting(
            "where n-grams never seen get their probability from (imported: from an ARPA file, not from text)",
            choices=tuple(NAMES),
        ),
    ] = "modified-kneser-ney"
    k: Annotated[float, Setting("what add-k adds to every count", low=0, exclusive_low=True)] = 1.0
    prune: Annotated[
        tuple[int, ...],
        Setting("for orders 1, 2, ...: n-grams that occur at most so often are left out; the last holds on", low=0),
    ] = ()
    fallback: Annotated[
        tuple[float, ...],
        Setting(
            "discounts of counts 1, 2 and 3 or more where the text is too small to estimate them; none: stop", low=0
        ),
    ] = (0.5, 1.0, 1.5)
    memory: Annotated[
        Bytes,
        Setting(
            "how much memory counting may take; a larger text is counted in parts, on the disk, with the same result"
            " (0: half of the machine's)",
            low=0,
            outcome=False,
        ),
    ] = Bytes(0)
    sentences: Annotated[
        str,
        Setting(
            "how far n-grams reach: within a document, or within a line (<s>, </s>: as KenLM and SRILM count)",
            choices=(DOCUMENTS, LINES),
            added=True,
        ),
    ] = DOCUMENTS
    line_ends: Annotated[
        tuple[int, ...],
        Setting("with sentences=lines: tokens that end a line; a run finds those with a line feed", low=0, added=True),
    ] = ()


def checked(settings: NgramSettings) -> NgramSettings:
    """The settings themselves, if each of them does something. Raises EtymonError where one would do nothing."""
    smoothing, k, prune, fallback = settings.smoothing, settings.k, settings.prune, settings.fallback
    if smoothing == IMPORTED:
        raise EtymonError(
            "smoothing=imported is no way to count a text",
            why="it marks models whose probabilities came from an ARPA file",
            help=f"choose one of {', '.join(SMOOTHINGS)}",
        )
    if k != 1.0 and smoothing != "add-k":
        raise EtymonError(
            f"k={k:g} would do nothing with smoothing={smoothing}", help="leave it out, or smoothing=add-k"
        )
    if fallback != NgramSettings.fallback and smoothing not in DISCOUNTED:
        raise EtymonError(
            f"fallback={','.join(map(str, fallback))} would do nothing with smoothing={smoothing}",
            help=f"leave it out, or choose one of {', '.join(DISCOUNTED)}",
        )
    if any(prune) and smoothing not in PRUNED:
        raise EtymonError(
            f"n-grams cannot be pruned with smoothing={smoothing}",
            why="it has no share for the order below to which theirs could go",
            help=f"leave prune out, or choose one of {', '.join(PRUNED)}",
        )
    if prune and (prune[0] != 0 or list(prune) != sorted(prune) or len(prune) > settings.order):
        raise EtymonError(
            f"prune={','.join(map(str, prune))} cannot be kept to",
            why=f"there are {settings.order} orders; the first is 0, for every token keeps its place; and none is less"
            " than the one before, for an n-gram needs those within it",
            help="for example prune=0,0,1",
        )
    if fallback and not (len(fallback) == 3 and all(0 < d <= j for j, d in enumerate(fallback, start=1))):
        raise EtymonError(
            f"fallback={','.join(map(str, fallback))} is no set of discounts",
            why="there are three, each above 0 and at most the count that it is taken from: 1, 2, 3",
            help="for example fallback=0.5,1,1.5",
        )
    if (settings.sentences == LINES) != bool(settings.line_ends):
        if settings.line_ends:
            what, help = "line_ends would do nothing", "leave it out, or sentences=lines"
        else:
            what, help = "No token ends a line", "give line_ends, or train a tokenizer on text with line feeds"
        raise EtymonError(what, why=f"sentences={settings.sentences}", help=help)
    return settings
