"""`Batch`: one step's worth of tokens, the value that the loader makes and every model reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from etymon.errors import EtymonError

Array = TypeVar("Array")
Ids = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Mask:
    """Who may look at whom, as plain data; each model renders it for the kernel that it uses.

    `causal`: a position sees itself and what lies left of it. `window`: and nothing that is so many positions away or
    more (None: no limit); `stride`: but every position whose distance is a multiple of it, whatever the window (Child
    et al. 2019, strided attention). `block`: and nothing outside its own block of so many positions. `prefix`: but all
    see the first `Batch.prefixes[b]` positions of their row, also to the right. `within_prefix`: and nothing behind
    those. `permuted`: not what lies left but what comes earlier in the order of `Batch.ranks`, itself and what has the
    same rank. `within_documents`: and nothing of another document.
    """

    causal: bool = True
    window: int | None = None
    stride: int | None = None
    block: int | None = None
    prefix: bool = False
    within_prefix: bool = False
    permuted: bool = False
    within_documents: bool = False

    def __post_init__(self) -> None:
        for name in ("window", "stride", "block"):
            if (size := getattr(self, name)) is not None and size < 1:
                raise EtymonError(f"A mask's {name} of {size} lets no position see even itself", help="give 1 or more")
        if self.stride is not None and self.window is None:
            raise EtymonError("A mask with a stride but no window already sees everything", help="give a window too")


@dataclass(frozen=True, kw_only=True)
class Batch(Generic[Array]):
    """B rows of T tokens. Arrays are numpy from the loader and tensors inside a network; the fields are the same.

    ids [B, T]: what the model reads. targets [B, T]: what it is asked for at each position. weights [B, T]: 1 where a
    target counts, 0 where it is padding. positions, segments, documents [B, T] or None. prefixes [B] and ranks [B, T]
    belong to masks that ask for them. `carries_state`: row b goes on where row b of the batch before it ended (order
    "stream"), so a recurrent state may be handed on.
    """

    ids: Array
    targets: Array
    weights: Array
    positions: Array | None = None
    segments: Array | None = None
    documents: Array | None = None
    prefixes: Array | None = None
    ranks: Array | None = None
    visibility: Mask = field(default_factory=Mask)
    carries_state: bool = False
