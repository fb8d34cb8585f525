"""Models on disk: a draft takes one in, an artifact gives it back, bit for bit."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from etymon.errors import EtymonError
from etymon.models.family import Family, family
from etymon.models.language_model import LanguageModel
from etymon.recipe import from_json, identity

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from etymon.storage import Artifact, Draft

CONFIG = "config.json"
WEIGHTS = "model.safetensors"

_SHOWN = 8


class SavedModel(LanguageModel, Protocol):
    """A model that knows the settings from which it was made, so that it can be written down."""

    @property
    def settings(self) -> Any: ...


def save(draft: Draft, model: SavedModel) -> None:
    """Write the model's files into the draft: config.json, and its weights or tables. Sealing is the caller's."""
    config: dict[str, Any] = {
        "family": model.family,
        "settings": identity(model.settings),
        "vocabulary": model.vocabulary,
    }
    draft.write(CONFIG, json.dumps(config, indent=1, sort_keys=True).encode())
    write: Callable[[Draft, Any], None] = family(model.family).write or _write_weights
    write(draft, model)


def load(artifact: Artifact, *, cast: bool = False) -> LanguageModel:
    """The model that an artifact holds, on the CPU. Networks come back in evaluation mode.

    Raises EtymonError if the artifact holds no model, or weights that do not fit its own settings. With `cast`, weights
    of another type of number are converted; without, they are refused.
    """
    if CONFIG not in artifact.files:
        raise EtymonError("This artifact holds no model", where=str(artifact.path), why=f"it has no {CONFIG}")
    config = artifact.read_json(CONFIG)
    kind = family(config["family"])
    settings = from_json(kind.settings, config["settings"])
    if kind.read is not None:
        return kind.read(artifact, settings, config["vocabulary"])
    return _read_weights(artifact, kind, settings, config["vocabulary"], cast=cast)


def _write_weights(draft: Draft, network: Any) -> None:
    from safetensors.torch import save as as_safetensors

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in _untied(network).items()}
    draft.write(WEIGHTS, as_safetensors(tensors))


def _read_weights(artifact: Artifact, kind: Family, settings: Any, vocabulary: int, *, cast: bool) -> Any:
    from safetensors.torch import load as from_safetensors
    from torch import get_rng_state, set_rng_state

    if kind.build is None:
        raise EtymonError(f"The model family {kind.name} can neither build nor read a model", where=str(artifact.path))
    before = get_rng_state()
    network: Module = kind.build(settings, vocabulary)
    set_rng_state(before)  # the fresh weights are overwritten: drawing them must not move the caller's random numbers
    found = from_safetensors(artifact.read(WEIGHTS))
    wanted = _untied(network)
    wrong = unfit(wanted, found, cast=cast)
    if wrong:
        raise EtymonError(
            "The weights of this model do not fit its settings",
            where=f"{artifact.path}/{WEIGHTS}",
            why=listed(wrong),
            help="if only the types of numbers differ, load(…, cast=True) converts them",
        )
    network.load_state_dict(found, strict=False)
    return network.eval()


def unfit(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor], *, cast: bool = False) -> list[str]:
    """What differs, tensor by tensor, in words: only on one side, another shape or (unless `cast`) type of number."""
    differences = [f"{name} is missing" for name in wanted.keys() - found.keys()]
    differences += [f"{name} is unknown" for name in found.keys() - wanted.keys()]
    for name in wanted.keys() & found.keys():
        right, other = wanted[name], found[name]
        if right.shape != other.shape:
            differences.append(f"{name} is {list(other.shape)} instead of {list(right.shape)}")
        elif right.dtype != other.dtype and not cast:
            types = (str(one.dtype).removeprefix("torch.") for one in (other, right))
            differences.append(f"{name} is {' instead of '.join(types)}")
    return sorted(differences)


def listed(differences: list[str]) -> str:
    """The first few, and how many more there are."""
    more = f"; and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
    return "; ".join(differences[:_SHOWN]) + more


def _untied(network: Module) -> dict[str, Tensor]:
    """The state of a network with each tensor under its first name only: safetensors refuses shared memory."""
    first: dict[tuple[int, tuple[int, ...]], str] = {}
    state: dict[str, Tensor] = network.state_dict()
    for name, tensor in state.items():
        first.setdefault((tensor.data_ptr(), tuple(tensor.shape)), name)
    return {name: state[name] for name in first.values()}
