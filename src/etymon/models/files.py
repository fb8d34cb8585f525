"""Models on disk: a draft takes one in, an artifact gives it back, bit for bit."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from etymon.errors import EtymonError
from etymon.models.family import Family, family
from etymon.models.language_model import LanguageModel
from etymon.recipe import from_json, to_json

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from etymon.storage import Artifact, Draft

CONFIG = "config.json"
WEIGHTS = "model.safetensors"


class SavedModel(LanguageModel, Protocol):
    """A model that knows the settings from which it was made, so that it can be written down."""

    @property
    def settings(self) -> Any: ...


def save(draft: Draft, model: SavedModel) -> None:
    """Write the model's files into the draft: config.json, and its weights or tables. Sealing is the caller's."""
    config: dict[str, Any] = {
        "family": model.family,
        "settings": to_json(model.settings),
        "vocabulary": model.vocabulary,
    }
    draft.write(CONFIG, json.dumps(config, indent=1, sort_keys=True).encode())
    write: Callable[[Draft, Any], None] = family(model.family).write or _write_weights
    write(draft, model)


def load(artifact: Artifact) -> LanguageModel:
    """The model that an artifact holds, on the CPU. Networks come back in evaluation mode.

    Raises EtymonError if the artifact holds no model, or weights that do not fit its own settings.
    """
    if CONFIG not in artifact.files:
        raise EtymonError("This artifact holds no model", where=str(artifact.path), why=f"it has no {CONFIG}")
    config = artifact.read_json(CONFIG)
    kind = family(config["family"])
    settings = from_json(kind.settings, config["settings"])
    if kind.read is not None:
        return kind.read(artifact, settings, config["vocabulary"])
    return _read_weights(artifact, kind, settings, config["vocabulary"])


def _write_weights(draft: Draft, network: Any) -> None:
    from safetensors.torch import save as as_safetensors

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in _untied(network).items()}
    draft.write(WEIGHTS, as_safetensors(tensors))


def _read_weights(artifact: Artifact, kind: Family, settings: Any, vocabulary: int) -> Any:
    from safetensors.torch import load as from_safetensors
    from torch import get_rng_state, set_rng_state

    if kind.build is None:
        raise EtymonError(f"The model family {kind.name} can neither build nor read a model", where=str(artifact.path))
    before = get_rng_state()
    network: Module = kind.build(settings, vocabulary)
    set_rng_state(before)  # the fresh weights are overwritten: drawing them must not move the caller's random numbers
    found = from_safetensors(artifact.read(WEIGHTS))
    wanted = _untied(network)
    wrong = unfit(wanted, found)
    if wrong:
        raise EtymonError(
            "The weights of this model do not fit its settings",
            where=f"{artifact.path}/{WEIGHTS}",
            why=f"missing, unknown or of another shape: {', '.join(wrong[:8])}",
        )
    network.load_state_dict(found, strict=False)
    return network.eval()


def unfit(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[str]:
    """The names of tensors that only one side has, or that have another shape there."""
    return sorted(
        name
        for name in wanted.keys() | found.keys()
        if name not in wanted or name not in found or wanted[name].shape != found[name].shape
    )


def _untied(network: Module) -> dict[str, Tensor]:
    """The state of a network with each tensor under its first name only: safetensors refuses shared memory."""
    first: dict[tuple[int, tuple[int, ...]], str] = {}
    state: dict[str, Tensor] = network.state_dict()
    for name, tensor in state.items():
        first.setdefault((tensor.data_ptr(), tuple(tensor.shape)), name)
    return {name: state[name] for name in first.values()}
