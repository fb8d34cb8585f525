"""From the names and shapes of a foreign file to those of our network: every tensor accounted for, or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from etymon.errors import EtymonError
from etymon.models.exchange.layout import Layout, Row
from etymon.models.exchange.weights import WEIGHTS, Entry

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

MOST_LISTED = 8
Shape = tuple[int, ...]


def empty_network(build: Any, settings: Any, vocabulary: int, where: str) -> Module:
    """A network that has shapes and no numbers."""
    import torch

    try:
        with torch.device("meta"):
            return build(settings, vocabulary)
    except (RuntimeError, OverflowError) as error:
        why = str(error).split("\n")[0][:200]
        raise EtymonError("A network of this shape cannot be made.", where=where, why=why) from error


def wanted_shapes(rows: Sequence[Row], network: Module) -> dict[str, Shape]:
    """The shapes of all their tensors. Every tensor of ours stands in exactly one row, and each of theirs too."""
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    theirs = [pair for row in rows for pair in row.shapes(shapes[row.ours]).items()]
    assert sorted(row.ours for row in rows) == sorted(shapes), "a tensor of ours has no row or two"
    assert len(dict(theirs)) == len(theirs), "a tensor of theirs is used twice"
    return dict(theirs)


def their_names(layout: Layout, found: Sequence[str], where: str) -> dict[str, str]:
    """Names as newer files of the whole model have them -> those of this file."""
    bare = bool(layout.prefix) and not any(name.startswith(layout.prefix) for name in found)
    named: dict[str, str] = {}
    for name in found:
        newer = layout.prefix + name if bare and name not in layout.copies else name
        for old, new in layout.renamed.items():
            if newer.endswith(old):
                newer = newer.removesuffix(old) + new
        if newer in named:
            raise EtymonError("Two tensors are one and the same.", where=where, why=f"{named[newer]} and {name}")
        named[newer] = name
    return named


def check_entries(layout: Layout, wanted: Mapping[str, Shape], entries: Mapping[str, Entry], where: str) -> None:
    """Raise EtymonError unless all that is wanted is there in the right shape, and nothing that is not known."""
    wrong = [f"{name} is missing" for name in wanted.keys() - entries.keys()]
    for name, entry in entries.items():
        original = layout.copies.get(name, "") if name not in wanted else name
        shape = wanted.get(original)
        if shape is None:
            if constant_of(layout, name) is None:
                wrong.append(f"{name[:80]} is unknown")
        elif entry.shape != shape:
            wrong.append(f"{name} is {list(entry.shape)} instead of {list(shape)}")
        elif entry.kind not in WEIGHTS:
            wrong.append(f"{name} has numbers of type {entry.kind}")
    if wrong:
        more = f"; and {len(wrong) - MOST_LISTED} more" if len(wrong) > MOST_LISTED else ""
        why = "; ".join(sorted(wrong)[:MOST_LISTED]) + more
        raise EtymonError("The tensors are not those that config.json tells of.", where=where, why=why)


def constant_of(layout: Layout, name: str) -> str | None:
    """What kind of constant a tensor is; None: it is a weight."""
    return next((kind for end, kind in layout.constants.items() if name.endswith(end)), None)


def check_numbers(layout: Layout, wanted: Mapping[str, Shape], tensors: Mapping[str, Tensor], where: str) -> None:
    """Raise EtymonError for weights that are not finite, a second copy that differs, and constants that are none."""
    import torch

    for name, tensor in tensors.items():
        if name in wanted:
            if not torch.isfinite(tensor).all():
                raise EtymonError("There are weights that are not finite.", where=where, why=f"in {name}")
        elif name in layout.copies:
            if not torch.equal(tensor, tensors[layout.copies[name]]):
                why = f"{name} differs from {layout.copies[name]}, and here the one is the other"
                raise EtymonError("The head's matrix is not the embedding.", where=where, why=why)
        elif not _is_constant(constant_of(layout, name), tensor):
            raise EtymonError("A constant is not what it must be.", where=where, why=name)


def _is_constant(kind: str | None, tensor: Tensor) -> bool:
    import torch

    if kind == "number":
        return tensor.numel() == 1 and float(tensor) < -9e3  # -1e4 is -9984 in bfloat16
    rows = tensor.shape[-1] if tensor.ndim else 0
    if not rows:
        return False
    if kind == "places":
        return tensor.numel() == rows and torch.equal(tensor.flatten(), torch.arange(rows).to(tensor.dtype))
    if tuple(tensor.shape) != (1, 1, rows, rows):
        return False
    seen = int(tensor[0, 0, -1].sum()) if kind == "band" else rows
    return torch.equal(tensor[0, 0], torch.ones(rows, rows).tril().triu(1 - seen).to(tensor.dtype))
