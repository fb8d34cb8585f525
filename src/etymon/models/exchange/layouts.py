"""The architectures that can be taken over and handed on: those of Hugging Face, and three that it lacks."""

from __future__ import annotations

from typing import Any, cast

from etymon.errors import EtymonError
from etymon.models.exchange.bert import BERT, BERT_ENCODER
from etymon.models.exchange.gpts import GPT1, GPT2, GPT3_DENSE
from etymon.models.exchange.layout import Layout
from etymon.models.exchange.neo import GPT_NEO
from etymon.models.exchange.recurrent import GRU, LSTM, RNN
from etymon.models.exchange.turned import LLAMA, PALM
from etymon.models.exchange.xlnet import XLNET

LAYOUTS = (GPT1, GPT2, GPT3_DENSE, GPT_NEO, LLAMA, PALM, BERT, BERT_ENCODER, XLNET, RNN, LSTM, GRU)
FAMILIES = tuple(dict.fromkeys(layout.family for layout in LAYOUTS))


def layout_named(content: dict[str, Any], where: str) -> Layout:
    """The layout of the one architecture that a config.json names."""
    named: Any = content.get("architectures")
    known = {layout.architecture: layout for layout in reversed(LAYOUTS)}  # of two, the first
    names: list[Any] = cast("list[Any]", named) if isinstance(named, list) else [named]
    name = names[0] if len(names) == 1 else " and ".join(map(str, names))
    if not isinstance(name, str) or name not in known:
        raise EtymonError(
            f"This architecture is not known: {str(name)[:60]!r}.",
            where=f"{where}: architectures",
            help=f"those that can be taken over are {', '.join(reversed(known))}",
        )
    found = known[name]
    if content.get("model_type", found.model_type) != found.model_type:
        kind = str(content["model_type"])[:60]
        why = f"a {name} is a {found.model_type}"
        raise EtymonError(f"The model_type {kind!r} is of another architecture.", where=where, why=why)
    return found


def layout_of(model: Any, where: str) -> Layout:
    """The layout to which a model of ours is handed on."""
    check_family(model.family, where)
    return next(each for each in LAYOUTS if each.family == model.family and each.fits(model.settings))


def check_family(family: str, where: str) -> None:
    """Raise EtymonError for a family that none of them is for."""
    if family not in FAMILIES:
        raise EtymonError(
            f"A model of the family {family} cannot be handed on.",
            where=where,
            why="nobody else has files for the same mathematics",
            help=f"the families that can be are {', '.join(FAMILIES)}",
        )
