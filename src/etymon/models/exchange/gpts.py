"""GPT-1 and GPT-2 as Hugging Face keeps them: OpenAIGPTLMHeadModel, GPT2LMHeadModel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from etymon.errors import EtymonError
from etymon.models.exchange.given import Given
from etymon.models.exchange.layout import Layout, Row, conv, layer_norm

DROPOUTS = ("embd_pdrop", "attn_pdrop", "resid_pdrop")
SUMMARY = ("activation", "first_dropout", "proj_to_labels", "type", "use_proj")


def _shape(given: Given) -> tuple[dict[str, Any], int]:
    """What both have in common."""
    settings: dict[str, Any] = {
        "context": given.count("n_positions", "n_ctx"),
        "layers": given.count("n_layer"),
        "width": given.count("n_embd"),
        "heads": given.count("n_head"),
        "dropout": given.number(DROPOUTS[0], 0.1, 0, 0.9),
    }
    for name in DROPOUTS[1:]:
        given.near(name, settings["dropout"], 0.1, f"all dropout is the same here, and {DROPOUTS[0]} is")
    given.near("layer_norm_epsilon", 1e-5, 1e-5, "the norms here have")
    given.must("tie_word_embeddings", (True,), True, "the head's matrix is the embedding here")
    given.must("add_cross_attention", (False,), False, "there is no second text to look at")
    for name in SUMMARY:  # of a head that classifies; it is no part of a language model
        given.take(f"summary_{name}")
    return settings, given.count("vocab_size")


def _read_gpt1(given: Given, special: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    del special
    given.must("afn", ("gelu",), "gelu", "the MLP has gelu here (theirs is the tanh form under this name)")
    given.take("predict_special_tokens")
    return _shape(given)


def _read_gpt2(given: Given, special: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    del special
    settings, vocabulary = _shape(given)
    tanh = ("gelu_new", "gelu_pytorch_tanh")
    given.must("activation_function", tanh, "gelu_new", f"the MLP has the tanh form of gelu here: {', '.join(tanh)}")
    given.must("n_inner", (None, 4 * settings["width"]), None, "the MLP is four times the width here")
    given.must("scale_attn_weights", (True,), True, "scores are divided by the root of the head's size here")
    given.must("scale_attn_by_inverse_layer_idx", (False,), False, "scores are the same in all layers here")
    given.must("reorder_and_upcast_attn", (False, True), False, "it must be true or false")  # only of precision
    return settings, vocabulary


def _write(settings: Any, vocabulary: int) -> dict[str, Any]:
    return {
        "vocab_size": vocabulary,
        "n_positions": settings.context,
        "n_embd": settings.width,
        "n_layer": settings.layers,
        "n_head": settings.head_count,
        "layer_norm_epsilon": 1e-5,
        **dict.fromkeys(DROPOUTS, settings.dropout),
    }


def whole_heads(settings: Any) -> None:
    """Refuse a GPT-3 whose heads are another size than the width shared out."""
    if settings.across != settings.width:
        raise EtymonError(
            "This GPT-3 cannot be handed on.",
            where=f"head_size is {settings.head_size}",
            why=f"{settings.head_count} heads of it are {settings.across}; theirs share the width, {settings.width}",
        )


def _write_gpt2(settings: Any, vocabulary: int) -> dict[str, Any]:
    return {"activation_function": "gelu_new", **_write(settings, vocabulary)}


def _write_dense(settings: Any, vocabulary: int) -> dict[str, Any]:
    whole_heads(settings)
    return _write_gpt2(settings, vocabulary)


def _block(i: int) -> list[Row]:
    ours, theirs = f"blocks.{i}.", f"transformer.h.{i}."
    return [
        *layer_norm(f"{ours}attention_norm", f"{theirs}ln_1"),
        *conv(f"{ours}attention.qkv", f"{theirs}attn.c_attn"),
        *conv(f"{ours}attention.out", f"{theirs}attn.c_proj"),
        *layer_norm(f"{ours}mlp_norm", f"{theirs}ln_2"),
        *conv(f"{ours}mlp.up", f"{theirs}mlp.c_fc"),
        *conv(f"{ours}mlp.down", f"{theirs}mlp.c_proj"),
    ]


def _rows(settings: Any, embed: str, positions: str) -> list[Row]:
    blocks = [row for i in range(settings.layers) for row in _block(i)]
    return [Row("embed.weight", (embed,)), Row("positions.weight", (positions,)), *blocks]


GPT1 = Layout(
    architecture="OpenAIGPTLMHeadModel",
    model_type="openai-gpt",
    family="gpt1",
    read=_read_gpt1,
    write=lambda settings, vocabulary: {"afn": "gelu", **_write(settings, vocabulary)},
    rows=lambda s: _rows(s, "transformer.tokens_embed.weight", "transformer.positions_embed.weight"),
    prefix="transformer.",
    copies={"lm_head.weight": "transformer.tokens_embed.weight"},
    constants={".attn.bias": "triangle", "transformer.position_ids": "places"},
)
GPT2 = Layout(
    architecture="GPT2LMHeadModel",
    model_type="gpt2",
    family="gpt",
    read=_read_gpt2,
    write=_write_gpt2,
    rows=lambda s: [
        *_rows(s, "transformer.wte.weight", "transformer.wpe.weight"),
        *layer_norm("final_norm", "transformer.ln_f"),
    ],
    prefix="transformer.",
    copies={"lm_head.weight": "transformer.wte.weight"},
    constants={".attn.bias": "triangle", ".attn.masked_bias": "number"},
)


def _is_dense(settings: Any) -> bool:
    return settings.band is None


GPT3_DENSE = replace(GPT2, family="gpt3", write=_write_dense, fits=_is_dense)
"""A GPT-3 without bands is a GPT-2, and comes back as one."""
