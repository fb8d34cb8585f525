"""Checkpoints of a training as bytes: weights, the optimizer's memory, and the recurrent state, all as safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from etymon.errors import EtymonError
from etymon.models import listed, unfit
from etymon.training.optimizer import AdamW

if TYPE_CHECKING:
    from etymon.storage import Checkpoint

WEIGHTS, OPTIMIZER, STATE = "model.safetensors", "optimizer.safetensors", "state.safetensors"
State = tuple[Tensor, ...]


def weights_file(network: nn.Module) -> dict[str, bytes]:
    """The file of a snapshot: every parameter and buffer once, under its first name."""
    return {WEIGHTS: _packed(_named(network))}


def training_files(network: nn.Module, optimizer: AdamW, state: State | None) -> dict[str, bytes]:
    """The files that a training goes on from."""
    files = weights_file(network) | {OPTIMIZER: _packed(optimizer.memory())}
    if state is not None:
        files[STATE] = _packed({str(i): value for i, value in enumerate(state)})
    return files


def bytes_of(network: nn.Module, optimizer: AdamW) -> tuple[int, int]:
    """What a snapshot and what a checkpoint take on the disk, but for a few kilobytes."""
    weights = sum(tensor.nbytes for tensor in _named(network).values())
    return weights, weights + sum(tensor.nbytes for tensor in optimizer.memory().values())


def load_weights(network: nn.Module, checkpoint: Checkpoint, *, cast: bool = False) -> None:
    """Put the weights of a checkpoint or snapshot into a network of the same settings, on whatever device it is.

    Raises EtymonError with the differences where names or shapes are others, or types of numbers unless `cast`.
    """
    _copy(_named(network), from_bytes(checkpoint.read(WEIGHTS)), f"{checkpoint.path}/{WEIGHTS}", cast=cast)


def load_training(network: nn.Module, optimizer: AdamW, checkpoint: Checkpoint) -> State | None:
    """Put weights and the optimizer's memory back as they were; the recurrent state, if the checkpoint has one."""
    load_weights(network, checkpoint)
    _copy(optimizer.memory(), from_bytes(checkpoint.read(OPTIMIZER)), f"{checkpoint.path}/{OPTIMIZER}")
    if STATE not in checkpoint.files:
        return None
    state = from_bytes(checkpoint.read(STATE))
    device = next(network.parameters()).device
    return tuple(state[str(i)].to(device) for i in range(len(state)))


def _named(network: nn.Module) -> dict[str, Tensor]:
    return {**dict(network.named_parameters()), **dict(network.named_buffers())}


def _packed(tensors: Mapping[str, Tensor]) -> bytes:
    return to_bytes({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})


def _copy(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor], where: str, *, cast: bool = False) -> None:
    wrong = unfit(wanted, found, cast=cast)
    if wrong:
        raise EtymonError(
            "The checkpoint is of another network",
            where=where,
            why=listed(wrong),
            help="train under another series, or with the settings that the checkpoint was made with; "
            "if only the types of numbers differ, load_weights(…, cast=True) converts them",
        )
    with torch.no_grad():
        for name, tensor in wanted.items():
            tensor.copy_(found[name])
