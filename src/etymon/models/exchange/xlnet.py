"""XLNet as Hugging Face keeps it: XLNetLMHeadModel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from etymon.models.exchange.given import Given
from etymon.models.exchange.layout import Layout, Row, layer_norm, linear

ELSEWHERE = ("summary_type", "summary_use_proj", "summary_activation", "summary_last_dropout", "start_n_top",
             "end_n_top", "use_mems_eval", "use_mems_train", "init", "init_range", "init_std")  # fmt: skip
"""Of heads that classify, of when a memory is kept at all, of first weights."""


def _read(given: Given, special: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    del special
    width, heads = given.count("d_model"), given.count("n_head")
    memory = given.take("mem_len")
    settings: dict[str, Any] = {
        "context": given.count("context", otherwise=512),  # theirs has no limit and tells of none
        "layers": given.count("n_layer"),
        "width": width,
        "heads": heads,
        "dropout": given.number("dropout", 0.1, 0, 0.9),
        "memory": None if memory in (None, 0) else given.count("mem_len"),
    }
    given.must("d_inner", (4 * width,), 4096, "the MLP is four times the width here")
    given.must("d_head", (None, width // heads), None, f"{heads} heads share the width here")
    given.must("ff_activation", ("gelu",), "gelu", "the MLP has the exact gelu here")
    given.must("attn_type", ("bi",), "bi", "the content stream sees to both sides here")
    given.must("untie_r", (True,), True, "each block has offsets of its own here")
    given.must("bi_data", (False,), False, "no rows are read backwards here")
    given.must("clamp_len", (-1,), -1, "all distances are told apart here")
    given.must("same_length", (False,), False, "every token sees all that it may here")
    given.must("reuse_len", (None, 0), None, "a memory is of all tokens here")
    given.near("layer_norm_eps", 1e-12, 1e-12, "the norms here have")
    given.must("tie_word_embeddings", (True,), True, "the head's matrix is the embedding here")
    for name in ELSEWHERE:
        given.take(name)
    return settings, given.count("vocab_size")


def _write(settings: Any, vocabulary: int) -> dict[str, Any]:
    return {
        "vocab_size": vocabulary,
        "context": settings.context,
        "n_layer": settings.layers,
        "d_model": settings.width,
        "n_head": settings.head_count,
        "d_inner": 4 * settings.width,
        "dropout": settings.dropout,
        "mem_len": settings.memory,
        "ff_activation": "gelu",
        "attn_type": "bi",
        "untie_r": True,
        "layer_norm_eps": 1e-12,
        "tie_word_embeddings": True,
    }


def _block(i: int, width: int, heads: int) -> list[Row]:
    ours, theirs = f"blocks.{i}.attention", f"transformer.layer.{i}.rel_attn"
    by_heads = (width, heads, width // heads)
    into = {"q": "q", "k": "k", "v": "v", "distance": "r"}
    offsets = {"content": "r_w_bias", "distance": "r_r_bias", "segment": "r_s_bias"}
    return [
        *(Row(f"{ours}.{a}.weight", (f"{theirs}.{b}",), axes=(1, 0), shape=by_heads) for a, b in into.items()),
        Row(f"{ours}.out.weight", (f"{theirs}.o",), shape=by_heads),
        *(Row(f"{ours}.{a}_bias", (f"{theirs}.{b}",), shape=by_heads[1:]) for a, b in offsets.items()),
        Row(f"{ours}.segments", (f"{theirs}.seg_embed",), axes=(2, 0, 1)),
        *layer_norm(f"{ours}_norm", f"{theirs}.layer_norm"),
        *linear(f"blocks.{i}.mlp.up", f"transformer.layer.{i}.ff.layer_1"),
        *linear(f"blocks.{i}.mlp.down", f"transformer.layer.{i}.ff.layer_2"),
        *layer_norm(f"blocks.{i}.mlp_norm", f"transformer.layer.{i}.ff.layer_norm"),
    ]


def _rows(settings: Any) -> list[Row]:
    return [
        Row("embed.weight", ("transformer.word_embedding.weight",)),
        Row("asking", ("transformer.mask_emb",), shape=(1, 1, settings.width)),
        Row("offset", ("lm_loss.bias",)),
        *(row for i in range(settings.layers) for row in _block(i, settings.width, settings.head_count)),
    ]


XLNET = Layout(
    architecture="XLNetLMHeadModel",
    model_type="xlnet",
    family="xlnet",
    read=_read,
    write=_write,
    rows=_rows,
    copies={"lm_loss.weight": "transformer.word_embedding.weight"},
)
