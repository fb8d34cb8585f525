"""How far back a network's loss still reaches: the gradient at an embedding, by its distance from the target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from etymon.errors import EtymonError
from etymon.models import check_ids
from etymon.tokens import Batch

if TYPE_CHECKING:
    from torch import Tensor

    from etymon.models import Network


def gradient_by_distance(network: Network, ids: NDArray[Any]) -> NDArray[np.float64]:
    """[B, T]: |d loss / d embedding of the token k before the last input|, for k = 0 to T - 1, in each row of `ids`.

    `ids` [B, T + 1]: the loss is -log p of the last token given all before it, which the network reads from its
    starting state; the norm is over the D numbers of an embedding. Without dropout; the network stays as it is.
    """
    import torch

    if ids.ndim != 2 or ids.shape[1] < 2:
        raise EtymonError(f"Rows of inputs and a target are wanted, not an array of shape {list(ids.shape)}")
    check_ids(ids, network.vocabulary)
    tokens = torch.from_numpy(np.array(ids, np.int64)).to(network.device)
    keeper, training = _Embeddings(), network.training
    network.eval()
    try:
        with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
            inputs, target = tokens[:, :-1], tokens[:, -1]
            batch = Batch(ids=inputs, targets=tokens[:, 1:], weights=torch.ones_like(inputs))
            hidden, _ = network(batch, tap=keeper)
            # Rows do not see each other, so one gradient of the sum holds that of each row.
            loss = torch.nn.functional.cross_entropy(network.head(hidden[:, -1]).float(), target, reduction="sum")
            (gradient,) = torch.autograd.grad(loss, [keeper.heard])
    finally:
        network.train(training)
    lengths: Tensor = gradient.double().square().sum(-1).sqrt().flip(1)
    return lengths.cpu().numpy()


class _Embeddings:
    """A tap that makes the embeddings the place where the gradient is taken."""

    sites = ("embed",)
    heard: Tensor

    def __call__(self, site: str, value: Tensor) -> Tensor:
        self.heard = value.detach().requires_grad_()
        return self.heard
