"""Llama, and PaLM as a Cohere with one head of keys and values: LlamaForCausalLM, CohereForCausalLM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from etymon.errors import EtymonError
from etymon.models.exchange.given import Given
from etymon.models.exchange.layout import Layout, Row


def _rotary_base(given: Given, otherwise: float) -> float:
    """The base of the turned positions: `rope_theta`, or inside `rope_parameters` in newer files."""
    base = given.number("rope_theta", otherwise, 1, 1e12)
    for key in ("rope_parameters", "rope_scaling"):
        entry = given.take(key)
        if entry is None:
            continue
        if not isinstance(entry, dict) or not set(cast("dict[str, Any]", entry)) <= {"rope_theta", "rope_type", "type"}:
            given.refuse(key, "positions are turned without scaling here")
        inner = Given(cast("dict[str, Any]", entry), f"{given.where}: {key}")
        for name in ("rope_type", "type"):
            inner.must(name, ("default",), "default", "positions are turned without scaling here")
        inside = inner.number("rope_theta", base, 1, 1e12)
        if inside != base and given.take("rope_theta") is not None:
            given.refuse(key, f"rope_theta is {base:g} beside it")
        base = inside
    return base


def _common(given: Given) -> None:
    no_offset = "there are no offsets here"
    given.must("attention_bias", (False,), False, no_offset)
    given.must("mlp_bias", (False,), False, no_offset)
    given.must("attention_dropout", (0.0, 0), 0.0, "there is no dropout in this family")
    given.must("hidden_act", ("silu",), "silu", "the MLP is gated by silu here")
    given.must("pretraining_tp", (1,), 1, "matrices are multiplied whole here")
    given.must("rope_interleaved", (False,), False, "the first half of a head is turned against the second here")
    given.must("sliding_window", (None,), None, "every token sees all before it here")


def _read_llama(given: Given, special: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    del special
    _common(given)
    for name in ("is_llama_config", "transformers.js_config"):  # SmolLM2 has them; they say nothing of its mathematics
        given.take(name)
    width, heads = given.count("hidden_size"), given.count("num_attention_heads")
    tied = given.take("tie_word_embeddings", False)
    if not isinstance(tied, bool):
        given.refuse("tie_word_embeddings", "it must be true or false")
    settings: dict[str, Any] = {
        "context": given.count("max_position_embeddings", otherwise=2048),
        "layers": given.count("num_hidden_layers"),
        "width": width,
        "hidden": given.count("intermediate_size"),
        "heads": heads,
        "groups": given.count("num_key_value_heads", otherwise=heads),
        "tied": tied,
        "rotary_base": _rotary_base(given, 10_000.0),
        "norm_epsilon": given.number("rms_norm_eps", 1e-6, 0, 1),
    }
    size = given.count("head_dim", otherwise=max(width // heads, 1))
    if size * heads != width:
        given.refuse("head_dim", f"{heads} heads share a width of {width} here")
    return settings, given.count("vocab_size")


def _write_llama(settings: Any, vocabulary: int) -> dict[str, Any]:
    return {
        "vocab_size": vocabulary,
        "hidden_size": settings.width,
        "intermediate_size": settings.hidden,
        "num_hidden_layers": settings.layers,
        "num_attention_heads": settings.heads,
        "num_key_value_heads": settings.groups,
        "head_dim": settings.width // settings.heads,
        "max_position_embeddings": settings.context,
        "rms_norm_eps": settings.norm_epsilon,
        "rope_theta": settings.rotary_base,  # where transformers 4 looks
        "rope_parameters": {"rope_theta": settings.rotary_base, "rope_type": "default"},
        "tie_word_embeddings": settings.tied,
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
    }


def _attention(i: int, heads: int, groups: int, size: int) -> list[Row]:
    ours, theirs = f"blocks.{i}.attention", f"model.layers.{i}.self_attn"
    names = tuple(f"{theirs}.{part}_proj.weight" for part in "qkv")
    rows = (heads * size, groups * size, groups * size)
    return [Row(f"{ours}.qkv.weight", names, rows=rows), Row(f"{ours}.out.weight", (f"{theirs}.o_proj.weight",))]


def _mlp(i: int) -> list[Row]:
    return [
        Row(f"blocks.{i}.mlp.{part}.weight", (f"model.layers.{i}.mlp.{part}_proj.weight",))
        for part in ("gate", "up", "down")
    ]


def _ends() -> list[Row]:
    return [Row("embed.weight", ("model.embed_tokens.weight",)), Row("final_norm.weight", ("model.norm.weight",))]


def _rows_llama(settings: Any) -> list[Row]:
    rows = _ends()
    for i in range(settings.layers):
        rows += _attention(i, settings.heads, settings.groups, settings.width // settings.heads)
        rows += [
            Row(f"blocks.{i}.attention_norm.weight", (f"model.layers.{i}.input_layernorm.weight",)),
            Row(f"blocks.{i}.mlp_norm.weight", (f"model.layers.{i}.post_attention_layernorm.weight",)),
            *_mlp(i),
        ]
    return rows if settings.tied else [*rows, Row("unembed", ("lm_head.weight",))]


def _read_palm(given: Given, special: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    del special
    _common(given)
    width, heads = given.count("hidden_size"), given.count("num_attention_heads")
    given.must("intermediate_size", (4 * width,), None, "the MLP is four times the width here")
    given.must("use_qk_norm", (False,), False, "queries and keys are not normed here")
    given.must("tie_word_embeddings", (True,), True, "the head's matrix is the embedding here")
    given.near("layer_norm_eps", 1e-5, 1e-5, "the norms here have")
    given.near("logit_scale", width**-0.5, 0.0625, "logits are divided by the root of the width here, which is times")
    base = _rotary_base(given, 500_000.0)
    if base != 10_000:
        raise EtymonError(
            f"This model cannot be taken over: the base of its turned positions is {base:g}.",
            where=f"{given.where}: rope_theta",
            why="PaLM has 10000 here",
        )
    settings: dict[str, Any] = {
        "context": given.count("max_position_embeddings", otherwise=8192),
        "layers": given.count("num_hidden_layers"),
        "width": width,
        "heads": heads,
        "head_size": given.count("head_dim", otherwise=max(width // heads, 1)),
        "groups": given.count("num_key_value_heads", otherwise=heads),
        "parallel": True,
    }
    return settings, given.count("vocab_size")


def _write_palm(settings: Any, vocabulary: int) -> dict[str, Any]:
    if not settings.parallel:
        raise EtymonError(
            "This PaLM cannot be handed on.",
            where="parallel is false",
            why="no architecture of Hugging Face has its blocks one after the other with all else as in PaLM",
        )
    return {
        "vocab_size": vocabulary,
        "hidden_size": settings.width,
        "intermediate_size": 4 * settings.width,
        "num_hidden_layers": settings.layers,
        "num_attention_heads": settings.heads,
        "num_key_value_heads": settings.groups,
        "head_dim": settings.head_size,
        "max_position_embeddings": settings.context,
        "layer_norm_eps": 1e-5,
        "logit_scale": settings.width**-0.5,
        "rope_theta": 10_000.0,
        "rope_parameters": {"rope_theta": 10_000.0, "rope_type": "default"},
        "use_qk_norm": False,
        "attention_bias": False,
        "hidden_act": "silu",
        "tie_word_embeddings": True,
    }


def _rows_palm(settings: Any) -> list[Row]:
    rows = _ends()
    for i in range(settings.layers):
        rows += _attention(i, settings.heads, settings.groups, settings.head_size)
        rows += [Row(f"blocks.{i}.norm.weight", (f"model.layers.{i}.input_layernorm.weight",)), *_mlp(i)]
    return rows


TIED = {"lm_head.weight": "model.embed_tokens.weight"}
LLAMA = Layout(
    architecture="LlamaForCausalLM",
    model_type="llama",
    family="llama",
    read=_read_llama,
    write=_write_llama,
    rows=_rows_llama,
    prefix="model.",
    copies=TIED,
)
PALM = Layout(
    architecture="CohereForCausalLM",
    model_type="cohere",
    family="palm",
    read=_read_palm,
    write=_write_palm,
    rows=_rows_palm,
    prefix="model.",
    copies=TIED,
)
