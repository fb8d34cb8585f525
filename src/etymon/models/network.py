"""`Network`: what all neural language models share: the tap, the head, and the numpy face of `LanguageModel`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar, TypeAlias, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from etymon.models.family import Counts
from etymon.models.language_model import check_ids, check_prompt
from etymon.tokens import Batch

Tap: TypeAlias = Callable[[str, Tensor], Tensor]
"""Called with a site's name and its value; what it returns is used in the value's place. A tap with an attribute
`sites` (a collection of names) hears those alone and leaves fast kernels on elsewhere; one without hears all."""

State: TypeAlias = tuple[Tensor, ...]
"""What a network carries from one call to the next. The first dimension of every tensor is the batch row."""

# Logits held at once while scoring: 2^24 numbers are 64 MiB in fp32.
SCORING_LOGITS = 2**24
# Tokens of a row that a network without a limit reads at once while scoring; its state carries on to the next piece.
SCORING_LENGTH = 2048


def visit(tap: Tap | None, site: str, value: Tensor) -> Tensor:
    """The value at a site, through the tap if there is one that listens there."""
    return value if tap is None or not _listens(tap, site) else tap(site, value)


def hears(tap: Tap | None, *sites: str) -> bool:
    """Whether the tap wants to hear at least one of these sites."""
    return tap is not None and any(_listens(tap, site) for site in sites)


def within(tap: Tap | None, prefix: str) -> Tap | None:
    """The tap as a part of the network sees it: that part names its sites without the prefix."""
    return None if tap is None else _Within(tap, prefix)


class _Within:
    """A tap that puts a prefix before each site's name."""

    def __init__(self, tap: Tap, prefix: str) -> None:
        self._tap, self._prefix = tap, prefix
        wanted = _wanted(tap)
        if wanted is not None:
            self.sites = [site.removeprefix(prefix) for site in wanted if site.startswith(prefix)]

    def __call__(self, site: str, value: Tensor) -> Tensor:
        return self._tap(self._prefix + site, value)


def _wanted(tap: Tap) -> Collection[str] | None:
    return cast("Collection[str] | None", getattr(tap, "sites", None))


def _listens(tap: Tap, site: str) -> bool:
    wanted = _wanted(tap)
    return wanted is None or site in wanted


class Network(nn.Module):
    """A language model made of tensors: `head(forward(batch))` are logits.

    A family's network gives `forward`, `output`, `start`, `sites` and `counts`; it is plain mathematics, and devices,
    precision and parallelism are put on it from outside.
    """

    family: ClassVar[str]

    def __init__(self, settings: Any, vocabulary: int) -> None:
        super().__init__()
        self.settings, self.vocabulary = settings, vocabulary

    @property
    def context(self) -> int | None:
        """The longest row of tokens that the network can read; None: any."""
        return None

    @property
    @abstractmethod
    def output(self) -> tuple[Tensor, Tensor | None]:
        """The matrix [V, D] and the offset [V] of the head."""

    @abstractmethod
    def forward(
        self, batch: Batch[Tensor], *, tap: Tap | None = None, state: State | None = None
    ) -> tuple[Tensor, State | None]:
        """Hidden values [B, T, D] at the top of the network, and the state behind the last token.

        Without a state the rows stand alone (and an attention network returns none: it need not keep its keys).
        """

    @property
    def penalised(self) -> Sequence[str]:
        """The sites whose values `penalty` wants; none: the loss has no further term."""
        return ()

    def penalty(self, heard: Mapping[str, Tensor]) -> Tensor:
        """What training adds to the loss of each position [B, T], given the values at `penalised`."""
        raise TypeError(f"{type(self).__name__} has no penalty")

    @abstractmethod
    def start(self, rows: int) -> State:
        """The state before the first token, for so many rows."""

    @abstractmethod
    def sites(self) -> Sequence[str]:
        """The names at which a tap can listen, in the order in which they are computed."""

    @abstractmethod
    def counts(self, length: int) -> Counts:
        """Parameters and FLOPs for windows of `length` tokens."""

    def head(self, hidden: Tensor, *, tap: Tap | None = None) -> Tensor:
        """Logits [..., V] = hidden [..., D] W_o^T + b_o."""
        return visit(tap, "logits", F.linear(hidden, *self.output))

    def log_probs(self, batch: Batch[Any]) -> NDArray[np.float32]:
        """Nats [B, T]: log p(targets[b, t] | ids[b, :t + 1]). Each row is a window that stands alone."""
        with evaluating(self):
            inside = self._checked(batch)
            length = max(inside.ids.shape[1], 1) if self.context is not None else SCORING_LENGTH
            pieces = [inside.weights.new_empty(len(inside.ids), 0)]
            state: State | None = None
            for begin in range(0, inside.ids.shape[1], length):
                piece = _columns(inside, slice(begin, begin + length))
                hidden, state = self(piece, state=state)
                pieces.append(self._target_log_probs(hidden, piece.targets))
            return torch.cat(pieces, 1).cpu().numpy()

    def _checked(self, batch: Batch[Any]) -> Batch[Tensor]:
        """The batch as tensors where the weights are, if all that it holds are tokens of the text."""
        for ids in (batch.ids, batch.targets):
            check_ids(np.asarray(ids), self.vocabulary)
        return as_tensors(batch, self.device)

    def _prompt(self, ids: NDArray[Any]) -> Tensor:
        """The tokens [B, t] to read, as a tensor where the weights are."""
        check_prompt(np.asarray(ids), self.vocabulary)
        return torch.from_numpy(np.require(ids, np.int64, ("C", "W"))).to(self.device)

    def _target_log_probs(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """[B, T] from hidden [B, T, D], with no more than `SCORING_LOGITS` logits in memory at once."""
        flat, wanted = hidden.flatten(0, 1), targets.flatten()
        nats = torch.empty(wanted.shape, device=flat.device)
        rows = max(1, SCORING_LOGITS // self.vocabulary)
        for begin in range(0, len(wanted), rows):
            piece = slice(begin, begin + rows)
            log_probs = self.head(flat[piece]).float().log_softmax(-1)  # [rows, V]
            nats[piece] = log_probs.gather(-1, wanted[piece, None])[:, 0]
        return nats.view(targets.shape)

    def next_log_probs(self, ids: NDArray[Any], state: State | None = None) -> tuple[NDArray[np.float32], State]:
        """Read `ids` [B, t] after what `state` remembers; log-probabilities [B, V] of the token that follows."""
        with evaluating(self):
            tokens = self._prompt(ids)
            batch = Batch(ids=tokens, targets=tokens, weights=torch.ones_like(tokens))
            hidden, after = self(batch, state=self.start(tokens.shape[0]) if state is None else state)
            return self.head(hidden[:, -1]).float().log_softmax(-1).cpu().numpy(), after

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device


@contextmanager
def evaluating(network: nn.Module) -> Generator[None, None, None]:
    """Without gradients and dropout; afterwards the network is in the mode in which it was."""
    training = network.training
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        network.train(training)


def _columns(batch: Batch[Tensor], columns: slice) -> Batch[Tensor]:
    """The same rows, only these of their positions."""
    names = ("ids", "targets", "weights", "positions", "segments", "documents", "ranks")
    arrays = {name: getattr(batch, name) for name in names}
    return replace(batch, **{name: None if array is None else array[:, columns] for name, array in arrays.items()})


def as_tensors(batch: Batch[Any], device: torch.device) -> Batch[Tensor]:
    """The same batch as tensors on a device: ids and the like as int64, weights as float32."""

    def put(array: Any, kind: type[np.generic]) -> Any:
        return None if array is None else torch.from_numpy(np.require(array, kind, ("C", "W"))).to(device)

    return replace(
        batch,
        ids=put(batch.ids, np.int64),
        targets=put(batch.targets, np.int64),
        weights=put(batch.weights, np.float32),
        positions=put(batch.positions, np.int64),
        segments=put(batch.segments, np.int64),
        documents=put(batch.documents, np.int64),
        prefixes=put(batch.prefixes, np.int64),
        ranks=put(batch.ranks, np.int64),
    )
