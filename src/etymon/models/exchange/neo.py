"""GPT-3 as Hugging Face can keep it: GPTNeoForCausalLM, whose blocks look at everything and at a band in turns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, cast

from etymon.errors import EtymonError
from etymon.models.exchange.given import Given
from etymon.models.exchange.gpts import SUMMARY, whole_heads
from etymon.models.exchange.layout import Layout, Row, layer_norm, linear

if TYPE_CHECKING:
    from torch import Tensor

DROPOUTS = ("embed_dropout", "attention_dropout", "resid_dropout")
IN_TURNS = ("global", "local")
FARTHEST = 30.0
"""How far a norm's offset may be moved on the way out: its values are of size 1, and float32 has seven digits."""


def _read(given: Given, special: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    del special
    width, layers = given.count("hidden_size"), given.count("num_layers")
    settings: dict[str, Any] = {
        "context": given.count("max_position_embeddings", otherwise=2048),
        "layers": layers,
        "width": width,
        "heads": given.count("num_heads"),
        "dropout": given.number(DROPOUTS[0], 0.0, 0, 0.9),
        "band": given.count("window_size", otherwise=256),
    }
    _check_turns(given, layers)
    for name in DROPOUTS[1:]:
        given.near(name, settings["dropout"], 0.0, f"all dropout is the same here, and {DROPOUTS[0]} is")
    tanh = ("gelu_new", "gelu_pytorch_tanh")
    given.must("activation_function", tanh, "gelu_new", f"the MLP has the tanh form of gelu here: {', '.join(tanh)}")
    given.must("intermediate_size", (None, 4 * width), None, "the MLP is four times the width here")
    given.near("layer_norm_epsilon", 1e-5, 1e-5, "the norms here have")
    given.must("tie_word_embeddings", (True,), True, "the head's matrix is the embedding here")
    for name in ("classifier_dropout", *(f"summary_{part}" for part in (*SUMMARY, "proj_to_labels"))):
        given.take(name)
    return settings, given.count("vocab_size")


def _check_turns(given: Given, layers: int) -> None:
    """Refuse anything but global, local, global, local …"""
    wanted = list(islice(cycle(IN_TURNS), min(layers, 1 << 16)))
    why = f"its {layers:,} blocks look at everything and at a band in turns here"
    if given.take("attention_layers") not in (None, wanted):
        given.refuse("attention_layers", why)
    kinds: list[Any] = []
    entries: Any = given.take("attention_types", [[list(IN_TURNS), 12]])
    for entry in cast("list[Any]", entries) if isinstance(entries, list) else [None]:
        match entry:
            case [names, int() as times] if names in (list(IN_TURNS), [IN_TURNS[0]]) and 0 < times <= layers:
                kinds += (cast("list[str]", names) * times)[: layers - len(kinds) + 1]
            case _:
                given.refuse("attention_types", why)
    if kinds != wanted:
        given.refuse("attention_types", why)


def _write(settings: Any, vocabulary: int) -> dict[str, Any]:
    whole_heads(settings)
    pairs, odd = divmod(settings.layers, 2)
    types: list[Any] = [[list(IN_TURNS), pairs]] if pairs else []
    return {
        "vocab_size": vocabulary,
        "max_position_embeddings": settings.context,
        "hidden_size": settings.width,
        "num_layers": settings.layers,
        "num_heads": settings.head_count,
        "intermediate_size": 4 * settings.width,
        "window_size": settings.band,
        "attention_types": [*types, [[IN_TURNS[0]], 1]] if odd else types,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
        **dict.fromkeys(DROPOUTS, settings.dropout),
    }


def _block(i: int, width: int, heads: int) -> list[Row]:
    ours, theirs = f"blocks.{i}", f"transformer.h.{i}"
    names = tuple(f"{theirs}.attn.attention.{part}_proj.weight" for part in "qkv")
    root = math.sqrt(width // heads)  # theirs does not divide scores by it: their queries hold it already
    return [
        *layer_norm(f"{ours}.attention_norm", f"{theirs}.ln_1"),
        Row(f"{ours}.attention.qkv.weight", names, rows=(width,) * 3, times=(root, 1.0, 1.0)),
        Row(f"{ours}.attention.qkv.bias", ()),
        *linear(f"{ours}.attention.out", f"{theirs}.attn.attention.out_proj"),
        *layer_norm(f"{ours}.mlp_norm", f"{theirs}.ln_2"),
        *linear(f"{ours}.mlp.up", f"{theirs}.mlp.c_fc"),
        *linear(f"{ours}.mlp.down", f"{theirs}.mlp.c_proj"),
    ]


def _rows(settings: Any) -> list[Row]:
    return [
        Row("embed.weight", ("transformer.wte.weight",)),
        Row("positions.weight", ("transformer.wpe.weight",)),
        *(row for i in range(settings.layers) for row in _block(i, settings.width, settings.head_count)),
        *layer_norm("final_norm", "transformer.ln_f"),
    ]


def _moved(state: Mapping[str, Tensor], settings: Any) -> Mapping[str, Tensor]:
    """The same network without offsets of queries, keys and values, which theirs does not have.

    With d so that W_q d = b_q, the norm before them may hand on x + d instead of x. Queries have their offset then.
    Keys differ by W_k d - b_k, the same for all: a softmax does not see it. Values differ by W_v d - b_v, and as each
    row of a pattern sums to 1, so does what attention hands on: the offset behind it takes that back."""
    new = dict(state)
    for i in range(settings.layers):
        block = f"blocks.{i}.attention"
        if state[f"{block}.qkv.bias"].any():
            _without_offsets(new, block, settings.width)
    return new


def _without_offsets(state: dict[str, Tensor], block: str, width: int) -> None:
    import torch

    weights, offsets = (state[f"{block}.qkv.{kind}"].double() for kind in ("weight", "bias"))
    w_q, w_v, b_q, b_v = weights[:width], weights[-width:], offsets[:width], offsets[-width:]
    d = cast("Tensor", torch.linalg.lstsq(w_q, b_q[:, None], rcond=1e-7, driver="gelsd").solution)[:, 0]
    missed = float((w_q @ d - b_q).abs().max())
    if not (missed <= 1e-6 * max(1.0, float(b_q.abs().max())) and float(d.abs().max()) <= FARTHEST):
        raise EtymonError(
            "This GPT-3 cannot be handed on.",
            where=f"{block}.qkv.bias",
            why="a GPT-Neo has no offsets of queries, and its norm cannot take these over: the matrix behind it "
            "is too nearly singular",
            help="export a GPT-3 with `band` left out, which has the layout of GPT-2",
        )
    moved = {f"{block}_norm.bias": d, f"{block}.out.bias": state[f"{block}.out.weight"].double() @ (b_v - w_v @ d)}
    for name, change in moved.items():
        state[name] = (state[name].double() + change).float()
    state[f"{block}.qkv.bias"] = torch.zeros_like(state[f"{block}.qkv.bias"])


GPT_NEO = Layout(
    architecture="GPTNeoForCausalLM",
    model_type="gpt_neo",
    family="gpt3",
    read=_read,
    write=_write,
    rows=_rows,
    prefix="transformer.",
    copies={"lm_head.weight": "transformer.wte.weight"},
    constants={".attn.attention.bias": "band", ".attn.attention.masked_bias": "number"},
    fits=lambda shape: shape.band is not None,
    moved=_moved,
)
