"""A recipe tree with every kind of setting, as rooms declare theirs; the tests of this folder use it."""

from __future__ import annotations

from dataclasses import dataclass, field, make_dataclass
from typing import Annotated, Any, Literal

from etymon.recipe import Bytes, Count, Duration, Flops, Setting

BATCH, MEMORY, EVERY, BUDGET = Count(4096), Bytes(64 << 20), Duration(60), Duration(7200)


@dataclass(frozen=True, kw_only=True)
class Network:
    """The shape of a network."""

    layers: Annotated[int, Setting("number of blocks", unit="blocks", low=1, high=96)] = 4
    heads: Annotated[int, Setting("attention heads in each block", low=1)] = 4
    width: Annotated[int, Setting("numbers that carry a token", low=1)] = 64
    dropout: Annotated[float, Setting("share of values dropped", low=0, high=1, exclusive_high=True)] = 0.0

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"a width of {self.width} is not a multiple of {self.heads} heads")


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a network learns."""

    learning_rate: Annotated[float, Setting("peak learning rate", low=0, exclusive_low=True)] = 3e-4
    optimizer: Annotated[Literal["adamw", "muon"], Setting("rule of the step")] = "adamw"
    batch: Annotated[Count, Setting("tokens in a step", unit="tokens", low=1)] = BATCH
    memory: Annotated[Bytes, Setting("memory to fill", low=1 << 20)] = MEMORY
    compute: Annotated[Flops | None, Setting("operations to spend", low=1)] = None
    strict: Annotated[bool, Setting("the same bits on any number of ranks")] = False


@dataclass(frozen=True, kw_only=True)
class Probing:
    """What is looked at while it learns."""

    every: Annotated[Duration, Setting("time between two looks", low=1)] = EVERY
    note: Annotated[str | None, Setting("what to write beside it")] = None


@dataclass(frozen=True, kw_only=True)
class _Common:
    seed: Annotated[int, Setting("every random choice follows from it", low=0)] = 0
    budget: Annotated[Duration, Setting("time in all", low=60, high=30 * 86_400)] = BUDGET
    families: Annotated[tuple[str, ...], Setting("kinds of model", choices=("ngram", "gpt", "lstm"))] = ("ngram",)
    sizes: Annotated[tuple[int, ...], Setting("sizes to try", low=1)] = ()
    prompt: Annotated[str, Setting("what is written on from")] = ""
    training: Training = Training(learning_rate=1e-3)
    probing: Probing | None = None


Models: Any = make_dataclass(
    "Models",
    [(name, Network, field(default_factory=Network)) for name in ("gpt", "lstm")],
    frozen=True,
    kw_only=True,
)
Recipe: Any = make_dataclass(
    "Recipe", [("models", Models, field(default_factory=Models))], bases=(_Common,), frozen=True, kw_only=True
)
