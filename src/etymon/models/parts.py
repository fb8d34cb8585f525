"""Models that are made of other models of the same store: how they find them again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etymon.errors import EtymonError
from etymon.models.files import load

if TYPE_CHECKING:
    from etymon.models.language_model import LanguageModel
    from etymon.storage import Artifact

PART = "part/"
"""How the roles of the models begin that an artifact is made of: `part/ngram`."""


def opened_parts(artifact: Artifact) -> dict[str, LanguageModel]:
    """The models of which one is made, by name, from the store in which it lies."""
    from etymon.storage import Store

    store = Store.holding(artifact)
    roles = {role: id for role, id in artifact.inputs.items() if role.startswith(PART)}
    return {role.removeprefix(PART): load(store.open(id)) for role, id in roles.items()}


def put_together(name: str) -> EtymonError:
    """What is told where the size of such a model is asked for by its settings alone."""
    return EtymonError(f"A {name} has the size of its parts.", help="ask the models that it is made of")
