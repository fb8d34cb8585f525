"""The architectures of Hugging Face that can be taken over and handed on."""

from __future__ import annotations

from typing import Any, cast

from etymon.errors import EtymonError
from etymon.models.exchange.bert import BERT
from etymon.models.exchange.gpts import GPT1, GPT2
from etymon.models.exchange.layout import Layout
from etymon.models.exchange.turned import LLAMA, PALM

LAYOUTS = (GPT1, GPT2, LLAMA, PALM, BERT)


def layout_named(content: dict[str, Any], where: str) -> Layout:
    """The layout of the one architecture that a config.json names."""
    named: Any = content.get("architectures")
    known = {layout.architecture: layout for layout in LAYOUTS}
    names: list[Any] = cast("list[Any]", named) if isinstance(named, list) else [named]
    name = names[0] if len(names) == 1 else " and ".join(map(str, names))
    if not isinstance(name, str) or name not in known:
        raise EtymonError(
            f"This architecture is not known: {str(name)[:60]!r}.",
            where=f"{where}: architectures",
            help=f"those that can be taken over are {', '.join(known)}",
        )
    found = known[name]
    if content.get("model_type", found.model_type) != found.model_type:
        kind = str(content["model_type"])[:60]
        why = f"a {name} is a {found.model_type}"
        raise EtymonError(f"The model_type {kind!r} is of another architecture.", where=where, why=why)
    return found


def layout_of(family: str, where: str) -> Layout:
    """The layout to which a family of ours is handed on."""
    for layout in LAYOUTS:
        if layout.family == family:
            return layout
    raise EtymonError(
        f"A model of the family {family} cannot be handed on.",
        where=where,
        why="there is no architecture of Hugging Face with the same mathematics",
        help=f"the families that can be are {', '.join(layout.family for layout in LAYOUTS)}",
    )
