"""First weights: the schemes of the papers by name."""

from __future__ import annotations

from torch import nn


def xavier(module: nn.Module) -> None:
    """Matrices uniform within sqrt(6 / (numbers read + numbers written)), so that values and gradients keep their size
    (Glorot and Bengio 2010, equation 16); embeddings N(0, 1 / sqrt(D)), as tensor2tensor has them."""
    if isinstance(module, nn.Linear):
        bound = (6 / (module.in_features + module.out_features)) ** 0.5
        nn.init.uniform_(module.weight, -bound, bound)
        _zero_offset(module)
    for joined in (getattr(module, "qkv", None), getattr(module, "kv", None)):  # matrices side by side, each by itself
        out = getattr(module, "out", None)
        if isinstance(joined, nn.Linear) and isinstance(out, nn.Linear):
            bound = (6 / (joined.in_features + out.in_features)) ** 0.5
            nn.init.uniform_(joined.weight, -bound, bound)
    if isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=module.embedding_dim**-0.5)


def _zero_offset(module: nn.Linear) -> None:
    for name, offset in module.named_parameters(recurse=False):
        if name == "bias":
            nn.init.zeros_(offset)
