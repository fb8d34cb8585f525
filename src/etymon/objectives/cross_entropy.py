"""Cross-entropy of a linear head without ever holding all logits: they are made, used and dropped piece by piece.

Head and loss are one function because of memory: 1,024 positions of GPT-2's vocabulary are 206 MB of logits, and as
much again for their gradient. Each piece of the gradient is worked out in the forward pass, while its logits are at
hand, so that nothing is computed twice. torch 2.13 brings `linear_cross_entropy` with the same idea; on a CPU core it
was between 3 % slower and 2 % faster, knows no weights, and torch 2.11 lacks it: so there is one way, this one.
"""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

# Logits held at once, and rows of them at most. On a CPU 2^24 (64 MiB in fp32) were as fast as all at once at a
# vocabulary of 50,304, where a quarter of that was 30 % slower, for each piece reads the whole matrix three times; and
# 512 rows as fast as all at once at one of 4,096. Accelerators want larger products.
LOGITS = {"cpu": (2**24, 512)}
LOGITS_ELSEWHERE = (2**27, 2**15)


def summed_cross_entropy(
    hidden: Tensor, matrix: Tensor, offset: Tensor | None, targets: Tensor, weights: Tensor
) -> Tensor:
    """Sum over n of weights[n] * -log softmax(hidden[n] matrix^T + offset)[targets[n]], in nats, as a scalar.

    hidden [N, D], matrix [V, D], offset [V] or None, targets [N] (int64), weights [N]. The softmax is in fp32 whatever
    the products are in (autocast's type where it is on). The gradient may be taken once.
    """
    kind = hidden.device.type
    compute = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden.dtype
    logits, most = LOGITS.get(kind, LOGITS_ELSEWHERE)
    rows = _even_rows(hidden.shape[0], min(most, max(64, logits // matrix.shape[0])))
    with torch.autocast(kind, enabled=False):
        if torch.is_grad_enabled() and (hidden.requires_grad or matrix.requires_grad):
            return cast(Tensor, _SummedCrossEntropy.apply(hidden, matrix, offset, targets, weights, rows, compute))
        w_o, b_o = matrix.to(compute), None if offset is None else offset.to(compute)
        total = hidden.new_zeros((), dtype=torch.float32)
        for begin in range(0, hidden.shape[0], rows):
            piece = slice(begin, begin + rows)
            log_probs = F.linear(hidden[piece].to(compute), w_o, b_o).float().log_softmax(-1)
            total -= (log_probs.gather(-1, targets[piece, None])[:, 0] * weights[piece]).sum()
        return total


def _even_rows(count: int, most: int) -> int:
    """Rows of a piece, of as few pieces as there can be: a small last piece would read the whole matrix for little."""
    return -(-count // -(-count // most)) if count else most


class _SummedCrossEntropy(torch.autograd.Function):
    """With G = softmax - onehot and weights w: d/dhidden = w G W_o, d/dW_o = G^T (w hidden), d/db_o = G^T w."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        matrix: Tensor,
        offset: Tensor | None,
        targets: Tensor,
        weights: Tensor,
        rows: int,
        compute: torch.dtype,
    ) -> Tensor:
        total = hidden.new_zeros((), dtype=torch.float32)
        to_hidden, to_matrix = torch.empty_like(hidden), torch.zeros_like(matrix)
        to_offset = None if offset is None else torch.zeros_like(offset)
        w_o, b_o = matrix.to(compute), None if offset is None else offset.to(compute)
        for begin in range(0, hidden.shape[0], rows):
            piece = slice(begin, begin + rows)
            h, t, w = hidden[piece].to(compute), targets[piece, None], weights[piece, None]
            z = F.linear(h, w_o, b_o).float()
            torch.log_softmax(z, -1, out=z)  # in place: one buffer of the logits' size instead of two
            total -= (z.gather(-1, t) * w).sum()
            gradient = z.exp_().scatter_add_(-1, t, z.new_full(t.shape, -1.0)).to(compute)  # softmax - onehot
            # The weights go to the D numbers of each position, not to its V.
            to_hidden[piece] = (gradient @ w_o) * w
            _add_product(to_matrix, gradient, (h * w).to(compute))
            if to_offset is not None:
                to_offset += gradient.t() @ w[:, 0].to(compute)
        ctx.gradients = (to_hidden, to_matrix, to_offset)
        return total

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        if ctx.gradients is None:
            raise RuntimeError("the gradient of summed_cross_entropy was taken already")
        gradients, ctx.gradients = ctx.gradients, None
        scaled = (None if g is None else g.mul_(upstream[0].to(g.dtype)) for g in gradients)
        return (*scaled, None, None, None, None)


def _add_product(so_far: Tensor, gradient: Tensor, hidden: Tensor) -> None:
    """so_far += gradient^T hidden, in one pass where the types allow."""
    if so_far.dtype == hidden.dtype:
        so_far.addmm_(gradient.t(), hidden)
    else:
        so_far += gradient.t() @ hidden
