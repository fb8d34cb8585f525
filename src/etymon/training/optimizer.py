"""AdamW (Loshchilov and Hutter 2019), with decay on matrices only, and the clipping of gradients."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from etymon.training.settings import TrainingSettings

EPSILON = 1e-8


class AdamW:
    """theta -= rate (m' / (sqrt(v') + epsilon) + decay theta), where m' and v' are the means of g and g^2 so far.

    Offsets and norms (one dimension) do not decay: it would only pull them off. This is torch's own kernel under a few
    lines: the class `torch.optim.AdamW` loads torch's compiler with it, which takes 2.6 seconds and 75 MB.
    """

    def __init__(self, network: nn.Module, settings: TrainingSettings) -> None:
        self._settings = settings
        self._learned = {name: p for name, p in network.named_parameters() if p.requires_grad}
        # Made here rather than in the first step, they lie beside the weights and not amid what a step takes and frees.
        self._means = {name: torch.zeros_like(p, requires_grad=False) for name, p in self._learned.items()}
        self._squares = {name: torch.zeros_like(p, requires_grad=False) for name, p in self._learned.items()}
        self._steps = {name: torch.zeros((), device=p.device) for name, p in self._learned.items()}

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Apply the gradients that the parameters hold, and let go of them."""
        matrices = [name for name, p in self._learned.items() if p.ndim >= 2]
        vectors = [name for name, p in self._learned.items() if p.ndim < 2]
        self._apply(matrices, rate, self._settings.weight_decay)
        self._apply(vectors, rate, 0.0)
        for parameter in self._learned.values():
            parameter.grad = None

    def _apply(self, names: list[str], rate: float, decay: float) -> None:
        gradients = {name: self._learned[name].grad for name in names}
        reached = {name: gradient for name, gradient in gradients.items() if gradient is not None}
        adamw(
            [self._learned[name] for name in reached],
            list(reached.values()),
            [self._means[name] for name in reached],
            [self._squares[name] for name in reached],
            [],
            [self._steps[name] for name in reached],
            fused=True,  # one pass over each weight instead of a dozen: 7.8 times faster than the plain loop on a CPU
            amsgrad=False,
            beta1=self._settings.beta1,
            beta2=self._settings.beta2,
            lr=rate,
            weight_decay=decay,
            eps=EPSILON,
            maximize=False,
        )

    def memory(self) -> dict[str, Tensor]:
        """Everything that it remembers, by name; these are the tensors themselves."""
        kinds = {"mean": self._means, "square": self._squares, "step": self._steps}
        return {f"{kind}/{name}": tensor for kind, named in kinds.items() for name, tensor in named.items()}


def clipped_norm(network: nn.Module, longest: float) -> float:
    """Shorten the gradient to `longest` if it is longer; its global L2 norm before that (not finite: left as it is)."""
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    norm = nn.utils.get_total_norm(gradients)
    length = float(norm)
    if longest < length < float("inf"):
        nn.utils.clip_grads_with_norm_(network.parameters(), longest, norm)
    return length
