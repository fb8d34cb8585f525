"""`Family`: a kind of model, how to make one, and how large it is; and the list of those that are installed."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any, Literal

from etymon.errors import EtymonError

if TYPE_CHECKING:
    from etymon.models.language_model import Ids, LanguageModel
    from etymon.progress import Progress
    from etymon.storage import Artifact, Draft, Steps

ENTRY_POINTS = "etymon.models"
BUILT_IN = {
    "ngram": "etymon.models.ngram:FAMILY",
    "rnn": "etymon.models.recurrent:RNN_FAMILY",
    "lstm": "etymon.models.recurrent:LSTM_FAMILY",
    "gru": "etymon.models.recurrent:GRU_FAMILY",
    "gpt1": "etymon.models.gpt1:FAMILY",
    "gpt": "etymon.models.gpt:FAMILY",
    "gpt3": "etymon.models.gpt3:FAMILY",
    "palm": "etymon.models.palm:FAMILY",
    "llama": "etymon.models.llama:FAMILY",
    "bert": "etymon.models.bert:FAMILY",
    "xlnet": "etymon.models.xlnet:FAMILY",
    "transformer": "etymon.models.transformer:FAMILY",
    "infinity": "etymon.models.infinity:FAMILY",
    "mixture": "etymon.models.mixture:FAMILY",
}
WITHOUT_TORCH = ("ngram", "infinity", "mixture")
"""The built-in families that are there where torch is not installed."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How large a model is and what it costs, counted exactly for windows of `length` tokens.

    `parameters`: every number that is learned; one that is used twice (a tied embedding) counts once, and
    `embedding_parameters` of them only look tokens or positions up. A multiplication and an addition are two FLOPs;
    the FLOPs per token are the mean over the positions of a window. Training means forward and backward, every token
    being asked for; of it, `asked_flops_per_token` are spared at a token that is read but not asked for.
    """

    parameters: int
    embedding_parameters: int
    length: int
    forward_flops_per_token: float
    training_flops_per_token: float
    asked_flops_per_token: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Published:
    """A model as a paper describes it: its settings and vocabulary, and how many parameters the paper says it has.

    `difference` says in words why our count is another one, where it is."""

    settings: Any
    vocabulary: int
    parameters: float
    year: int
    source: str
    difference: str = ""


@dataclass(frozen=True, kw_only=True)
class Family:
    """One kind of model: a frozen table of functions that everything outside its file goes through.

    name            what the user types; `title` is what a report prints
    titles          the settings as JSON -> title, where it depends on them; ask `title_with`
    settings        the frozen dataclass of its settings
    learns          "gradients": `build` gives fresh weights to train; "counts": `estimate` reads the text once;
                    "parts": it is put together from models that have learned, which its artifact names
    year            when this kind of model was published; None: as its published sizes say, or none
    order           how it wants its training batches: "shuffle", or "stream" (lanes that carry state)
    objective       what it learns from: "next token" (the chain rule, left to right), "masked" (both sides: then
                    its log_probs are the terms of a pseudo-likelihood, and are compared with no probability),
                    "permutation" (the chain rule in any order: its log_probs are those from left to right), or
                    "translation" (the chain rule of a target, given its source)
    special         (settings, vocabulary) -> the ids that hide a token, begin a row and end a segment, of a family
                    that learns from "masked"; its context holds so many positions more than the rows of a training
    build           (settings, vocabulary) -> network. The weights come from torch's random state, seeded by the caller
    estimate        (settings, vocabulary, ids, end_of_text, progress, steps) -> model, from one token stream; what is
                    left among the steps is found again after a kill, and cleared once the model is saved
    preset          (parameters wanted, vocabulary) -> settings of a model of about that many parameters
    counts          (settings, vocabulary, length of a window in tokens) -> Counts
    write, read     for models that are no torch modules: (draft, model), and (artifact, settings, vocabulary) -> model
    published       the sizes that were published, by name
    version         raised when the same settings and text come to give a model of other bytes
    """

    name: str
    title: str
    settings: type[Any]
    learns: Literal["counts", "gradients", "parts"]
    order: Literal["shuffle", "stream"]
    year: int | None = None
    preset: Callable[[float, int], Any]
    counts: Callable[[Any, int, int], Counts]
    build: Callable[[Any, int], Any] | None = None
    estimate: Callable[[Any, int, Ids, int, Progress, Steps | None], LanguageModel] | None = None
    write: Callable[[Draft, Any], None] | None = None
    read: Callable[[Artifact, Any, int], LanguageModel] | None = None
    objective: Literal["next token", "masked", "permutation", "translation"] = "next token"
    special: Callable[[Any, int], tuple[int, int, int]] | None = None
    published: Mapping[str, Published] = field(default_factory=dict[str, Published])
    titles: Callable[[Mapping[str, Any]], str] | None = None
    version: int = 1

    @property
    def edges(self) -> int:
        """Positions that special tokens take in a row of a training, which its context must have besides."""
        return 3 if self.special else 0

    def title_with(self, settings: Mapping[str, Any]) -> str:
        """What a report calls a model with these settings (as JSON)."""
        return self.titles(settings) if self.titles else self.title


class _Families(Mapping[str, Family]):
    """Families by name. Listing names imports nothing; the module of a family is imported when it is asked for."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = dict(places)

    def __getitem__(self, name: str) -> Family:
        module, _, attribute = self._places[name].partition(":")
        try:
            found = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            raise EtymonError(
                f"The model family {name} needs the package {error.name}, which is not installed",
                help=f"pip install {error.name}",
            ) from error
        if not isinstance(found, Family):
            raise EtymonError(
                f"The model family {name} is not a Family",
                where=self._places[name],
                help="its entry point must name one",
            )
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


@cache
def _installed(entry_points: Callable[..., metadata.EntryPoints]) -> metadata.EntryPoints:
    """What other packages add, looked for on the disk once: a small run asks 155 times."""
    return entry_points(group=ENTRY_POINTS)


def families() -> Mapping[str, Family]:
    """Every installed family by name: the built-in ones first, then what other packages add as entry points."""
    places = dict(BUILT_IN)
    for point in _installed(metadata.entry_points):
        if places.setdefault(point.name, point.value) != point.value:
            raise EtymonError(
                f"Two installed packages call their model family {point.name}",
                where=f"{places[point.name]} and {point.value}",
                help="uninstall one of them",
            )
    return _Families(places)


def family(name: str) -> Family:
    """The family of that name.

    Raises EtymonError if there is none, or if torch is not installed and the family needs it.
    """
    known = families()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        raise EtymonError(
            f"There is no model family named {name}",
            why=f"installed are {', '.join(known)}",
            help=f"did you mean {close[0]}?" if close else "",
        )
    return known[name]
