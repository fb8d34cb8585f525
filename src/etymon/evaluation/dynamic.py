"""Dynamic evaluation (Krause et al. 2018, arXiv 1709.07432): a network goes on learning from text already scored."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from etymon.errors import EtymonError
from etymon.evaluation.likelihood import UNIT, check_finite, chosen_documents, protocol_of
from etymon.progress import Progress, silent
from etymon.statistics import Result, ratio_result
from etymon.tokens import Batch, TokenStream

if TYPE_CHECKING:
    from torch import Tensor

    from etymon.models import Network


def dynamic_bits_per_byte(
    network: Network,
    stream: TokenStream,
    *,
    rate: float,
    decay: float = 0.0,
    segment: int = 20,
    restart: bool = True,
    split: str = "held-out",
    max_bytes: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Result:
    """`bits_per_byte` of a network that learns as it reads; it takes a copy, and the network stays as it is.

    Each document is read in segments of so many tokens. A segment is scored first; then the weights take one step of
    SGD, `rate` times the gradient of its mean loss, and go `decay` of the way back to where they were at the start
    (the paper scales gradients by their RMS besides). So no token is learned from before it is scored.

    restart  begin each document with the weights of the network, so that its documents are measured apart, as
             `bits_per_byte` does; False: one document after the other in the stream's order, as the paper does. Then
             documents are not independent, and the interval is too narrow by what they share.

    Raises EtymonError for a network that carries no state from one segment to the next.
    """
    if network.context is not None:
        raise EtymonError(
            f"Dynamic evaluation needs a network that reads on, and {network.family} reads {network.context} at most",
            help="evaluate an rnn, lstm or gru",
        )
    if segment < 1 or rate < 0 or not 0 <= decay <= 1:
        raise EtymonError("A segment has a token, a rate is not negative, and decay is a share", help="decay=0.01")
    if network.vocabulary != stream.vocabulary:
        raise EtymonError("This model and this text have different tokenizers", help="give it its own tokens")
    chosen = chosen_documents(stream, max_bytes)
    nats = np.zeros(len(stream.documents))
    reader = _Reader(network, rate, decay)
    for number, row in enumerate(chosen):
        if restart:
            reader.forget()
        ids = np.asarray(stream.ids[stream.starts[row] : stream.starts[row + 1]], np.int64)
        nats[row] = sum(reader.costs(ids, segment))
        check_finite(nats[row : row + 1], [row], stream)
        progress(number + 1, len(chosen), "documents scored")
    documents, sizes = [stream.documents[row] for row in chosen], stream.bytes[chosen]
    weights = "the network's weights at the start of each" if restart else "weights carried on in the stream's order"
    how = f"dynamic evaluation: SGD at {rate}, decay {decay}, segments of {segment} tokens, {weights}"
    protocol = f"{protocol_of(split, documents, sizes, None, 1)}; {how}"
    return ratio_result("dynamic_bits_per_byte", UNIT, nats[chosen] / np.log(2), sizes, documents, protocol, seed)


class _Reader:
    """A copy of a network that learns from what it has scored."""

    def __init__(self, network: Network, rate: float, decay: float) -> None:
        self.network = deepcopy(network).eval()  # without dropout
        self.rate, self.decay = rate, decay
        self.learned = [weight.requires_grad_() for weight in self.network.parameters()]
        self.first = [weight.detach().clone() for weight in self.learned]

    def forget(self) -> None:
        """Back to the weights of the network."""
        for weight, first in zip(self.learned, self.first, strict=True):
            weight.data.copy_(first)

    def costs(self, ids: NDArray[np.int64], segment: int) -> list[float]:
        """Nats of each segment of a document, its opening end-of-text given; scored, then learned from."""
        import torch

        tokens = torch.from_numpy(ids).to(self.network.device)[None]
        state, found = self.network.start(1), list[float]()
        # cuDNN takes no gradients in evaluation mode; torch's own kernels do.
        with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
            for begin in range(0, len(ids) - 1, segment):
                end = min(begin + segment, len(ids) - 1)
                piece, targets = tokens[:, begin:end], tokens[:, begin + 1 : end + 1]
                batch = Batch(ids=piece, targets=targets, weights=torch.ones_like(piece))
                hidden, after = self.network(batch, state=state)
                loss = torch.nn.functional.cross_entropy(self.network.head(hidden[0]).float(), targets[0])
                found.append(float(loss.detach()) * (end - begin))
                self._learn(loss)
                state = tuple(memory.detach() for memory in after)
        return found

    def _learn(self, loss: Tensor) -> None:
        import torch

        gradients = torch.autograd.grad(loss, self.learned)
        with torch.no_grad():
            for weight, gradient, first in zip(self.learned, gradients, self.first, strict=True):
                weight.sub_(gradient, alpha=self.rate).lerp_(first, self.decay)
