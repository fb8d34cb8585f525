"""First weights: the schemes of the papers by name. A family uses its own paper's unless its settings name another.

Recurrent networks keep theirs (embeddings within 0.1, layers within 1 / sqrt(D): Zaremba et al. 2014)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import nn

STD = 0.02


def normal(module: nn.Module, layers: int) -> None:
    """N(0, 0.02): Radford et al. 2018 (GPT-1), section 4.1; the published code of XLNet and Llama."""
    if isinstance(module, (nn.Linear, nn.Embedding)):
        nn.init.normal_(module.weight, std=STD)
    _zero_offset(module)


def scaled(module: nn.Module, layers: int) -> None:
    """N(0, 0.02), what goes into the residual sum by 1 / sqrt(2 L) less, for 2 L of them add up in it: Radford et al.
    2019 (GPT-2), section 2.3, which Brown et al. 2020 (GPT-3) refer to."""
    normal(module, layers)
    for into in (getattr(module, "out", None), getattr(module, "down", None)):
        if isinstance(into, nn.Linear):
            nn.init.normal_(into.weight, std=STD / (2 * layers) ** 0.5)


def truncated(module: nn.Module, layers: int) -> None:
    """N(0, 0.02) without what lies beyond two standard deviations: the published code of BERT (Devlin et al. 2019)."""
    if isinstance(module, (nn.Linear, nn.Embedding)):
        nn.init.trunc_normal_(module.weight, std=STD, a=-2 * STD, b=2 * STD)
    _zero_offset(module)


def fan_in(module: nn.Module, layers: int) -> None:
    """Matrices N(0, 1 / sqrt(numbers read)), embeddings N(0, 1): Chowdhery et al. 2022 (PaLM), section 5."""
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=module.in_features**-0.5)
    if isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight)
    _zero_offset(module)


def xavier(module: nn.Module, layers: int) -> None:
    """Matrices uniform within sqrt(6 / (numbers read + numbers written)), so that values and gradients keep their size
    (Glorot and Bengio 2010, equation 16); embeddings N(0, 1 / sqrt(D)). The paper of the first Transformer names no
    scheme; this is that of its code, tensor2tensor."""
    if isinstance(module, nn.Linear):
        _uniform(module, module.out_features)
    for joined in (getattr(module, "qkv", None), getattr(module, "kv", None)):  # matrices side by side, each by itself
        out = getattr(module, "out", None)
        if isinstance(joined, nn.Linear) and isinstance(out, nn.Linear):
            _uniform(joined, out.in_features)
    if isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=module.embedding_dim**-0.5)
    _zero_offset(module)


SCHEMES: Mapping[str, Callable[[nn.Module, int], None]] = {
    "normal": normal,
    "scaled": scaled,
    "truncated": truncated,
    "fan-in": fan_in,
    "xavier": xavier,
}
NAMES = tuple(SCHEMES)


def draw(network: nn.Module, scheme: str, layers: int) -> None:
    """Fresh weights for a network of so many blocks, from torch's random state."""
    scheme_of = SCHEMES[scheme]
    network.apply(lambda module: scheme_of(module, layers))


def _uniform(matrix: nn.Linear, written: int) -> None:
    bound = (6 / (matrix.in_features + written)) ** 0.5
    nn.init.uniform_(matrix.weight, -bound, bound)


def _zero_offset(module: nn.Module) -> None:
    for name, offset in module.named_parameters(recurse=False):
        if name == "bias":
            nn.init.zeros_(offset)
