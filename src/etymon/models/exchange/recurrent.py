"""RNN, LSTM and GRU. Hugging Face has no architecture for them: the names are those of torch's own stacked module.

With V = vocab_size, D = hidden_size, L = num_layers: `embed` is nn.Embedding(V, D), `recurrent` is nn.LSTM(D, D, L) (or
RNN, GRU), and `head` is nn.Linear(D, V), whose matrix is left out where it is the embedding."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from etymon.errors import EtymonError
from etymon.models.exchange.given import Given
from etymon.models.exchange.layout import Layout, Row

SHARES = ("dropout", "embedding_dropout", "input_dropout", "between_dropout", "output_dropout", "weight_dropout")
PENALTIES = ("activation_penalty", "change_penalty")
PARTS = ("weight_ih_l", "weight_hh_l", "bias_ih_l", "bias_hh_l")


def _read(bends: bool, given: Given, special: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    del special
    tied = given.take("tie_word_embeddings", False)
    if not isinstance(tied, bool):
        given.refuse("tie_word_embeddings", "it must be true or false")
    settings: dict[str, Any] = {
        "layers": given.count("num_layers"),
        "width": given.count("hidden_size"),
        "tied": tied,
        **{name: given.number(name, 0.0, 0, 0.9) for name in SHARES},
        **{name: given.number(name, 0.0, 0, 1e6) for name in PENALTIES},
    }
    if bends:
        given.must("nonlinearity", ("tanh", "relu"), "tanh", "the sum is bent by tanh or relu here")
        settings["activation"] = given.take("nonlinearity", "tanh")
    return settings, given.count("vocab_size")


def _write(bends: bool, settings: Any, vocabulary: int) -> dict[str, Any]:
    if settings.layer_norm:
        raise EtymonError(
            "This recurrent network cannot be handed on.",
            where="layer_norm is true",
            why="torch's stacked module has no norms between its layers",
        )
    return {
        "vocab_size": vocabulary,
        "hidden_size": settings.width,
        "num_layers": settings.layers,
        "tie_word_embeddings": settings.tied,
        **{name: getattr(settings, name) for name in (*SHARES, *PENALTIES)},
        **({"nonlinearity": settings.activation} if bends else {}),
    }


def _rows(settings: Any) -> list[Row]:
    layers = [Row(f"blocks.{i}.{part}0", (f"recurrent.{part}{i}",)) for i in range(settings.layers) for part in PARTS]
    head = [] if settings.tied else [Row("unembed", ("head.weight",))]
    return [Row("embed.weight", ("embed.weight",)), *layers, *head, Row("offset", ("head.bias",))]


def _layout(kind: str, bends: bool = False) -> Layout:
    return Layout(
        architecture=f"Etymon{kind}",
        model_type=f"etymon-{kind.lower()}",
        family=kind.lower(),
        read=partial(_read, bends),
        write=partial(_write, bends),
        rows=_rows,
        copies={"head.weight": "embed.weight"},
    )


RNN, LSTM, GRU = _layout("RNN", bends=True), _layout("LSTM"), _layout("GRU")
