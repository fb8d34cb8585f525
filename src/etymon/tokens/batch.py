"""`Batch`: one step's worth of tokens, the value that the loader makes and every model reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = TypeVar("Array")
Ids = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Mask:
    """Who may look at whom, as plain data; each model renders it for the kernel that it uses.

    `causal`: a position sees itself and what lies left of it. `window`: and no further back than that many positions,
    itself included (None: no limit). `within_documents`: and nothing of another document (needs `Batch.documents`).
    """

    causal: bool = True
    window: int | None = None
    within_documents: bool = False


@dataclass(frozen=True, kw_only=True)
class Batch(Generic[Array]):
    """B rows of T tokens. Arrays are numpy from the loader and tensors inside a network; the fields are the same.

    ids [B, T]: what the model reads. targets [B, T]: what it is asked for at each position. weights [B, T]: 1 where a
    target counts, 0 where it is padding. positions, segments, documents [B, T] or None. `carries_state`: row b goes on
    where row b of the batch before it ended (order "stream"), so a recurrent state may be handed on.
    """

    ids: Array
    targets: Array
    weights: Array
    positions: Array | None = None
    segments: Array | None = None
    documents: Array | None = None
    visibility: Mask = field(default_factory=Mask)
    carries_state: bool = False
