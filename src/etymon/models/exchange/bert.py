"""BERT as Hugging Face keeps it: BertForPreTraining, and BertModel, the encoder alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from etymon.errors import EtymonError
from etymon.models.exchange.given import Given
from etymon.models.exchange.layout import Layout, Row, layer_norm, linear

SPECIAL = {"mask_id": ("mask_token_id", "[MASK]"), "begin_id": ("cls_token_id", "[CLS]"),
           "end_id": ("sep_token_id", "[SEP]")}  # fmt: skip
"""Our setting: the entry that we write into config.json, and the token of that name in a tokenizer.json."""


def _read(given: Given, special: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    width = given.count("hidden_size")
    settings: dict[str, Any] = {
        "context": given.count("max_position_embeddings", otherwise=512),
        "layers": given.count("num_hidden_layers"),
        "width": width,
        "heads": given.count("num_attention_heads"),
        "dropout": given.number("hidden_dropout_prob", 0.1, 0, 0.9),
    }
    given.near("attention_probs_dropout_prob", settings["dropout"], 0.1, "all dropout is the same here:")
    given.near("layer_norm_eps", 1e-12, 1e-12, "the norms here have")
    given.must("intermediate_size", (4 * width,), 3072, "the MLP is four times the width here")
    given.must("hidden_act", ("gelu",), "gelu", "the MLP has the exact gelu here")
    given.must("position_embedding_type", ("absolute",), "absolute", "every position has a vector here")
    given.must("type_vocab_size", (2,), 2, "there are two segments here")
    given.must("is_decoder", (False,), False, "a BERT looks to both sides")
    given.must("add_cross_attention", (False,), False, "there is no second text to look at")
    given.must("tie_word_embeddings", (True,), True, "the head's matrix is the embedding here")
    given.take("classifier_dropout")
    for name in ("directionality", *(f"pooler_{part}" for part in POOLER)):  # of Google's script; nothing reads them
        given.take(name)
    vocabulary = given.count("vocab_size")
    ids = {setting: _id(given, special, *names, vocabulary) for setting, names in SPECIAL.items()}
    last = {"mask_id": vocabulary - 3, "begin_id": vocabulary - 2, "end_id": vocabulary - 1}
    if ids == last:  # as where they are no part of the tokenizer, but three more behind it
        return settings, vocabulary - 3
    return settings | ids, vocabulary


POOLER = ("fc_size", "num_attention_heads", "num_fc_layers", "size_per_head", "type")


def _id(given: Given, special: Mapping[str, Any], key: str, name: str, vocabulary: int) -> int:
    value = given.take(key)
    value = special.get(name) if value is None else value
    if type(value) is not int or not 0 <= value < vocabulary:
        raise EtymonError(
            f"It is not known which token of this BERT is {name}.",
            where=given.where,
            why=f"config.json has no sound {key}, and no tokenizer.json beside it names {name}",
            help=f"put the model's tokenizer.json into the folder, or {key} into its config.json",
        )
    return value


def _write(settings: Any, vocabulary: int) -> dict[str, Any]:
    inside = settings.mask_id is not None
    ids = {name: getattr(settings, name) if inside else vocabulary + place for place, name in enumerate(SPECIAL)}
    return {
        "vocab_size": vocabulary if inside else vocabulary + len(SPECIAL),
        "hidden_size": settings.width,
        "num_hidden_layers": settings.layers,
        "num_attention_heads": settings.head_count,
        "intermediate_size": 4 * settings.width,
        "max_position_embeddings": settings.context,
        "hidden_dropout_prob": settings.dropout,
        "attention_probs_dropout_prob": settings.dropout,
        "layer_norm_eps": 1e-12,
        "hidden_act": "gelu",
        "type_vocab_size": 2,
        "tie_word_embeddings": True,
        **{SPECIAL[name][0]: number for name, number in ids.items()},
    }


def _block(i: int, width: int) -> list[Row]:
    ours, theirs = f"blocks.{i}.", f"bert.encoder.layer.{i}."
    attention = [
        Row(
            f"{ours}attention.qkv.{kind}",
            tuple(f"{theirs}attention.self.{part}.{kind}" for part in ("query", "key", "value")),
            rows=(width, width, width),
        )
        for kind in ("weight", "bias")
    ]
    return [
        *attention,
        *linear(f"{ours}attention.out", f"{theirs}attention.output.dense"),
        *layer_norm(f"{ours}attention_norm", f"{theirs}attention.output.LayerNorm"),
        *linear(f"{ours}mlp.up", f"{theirs}intermediate.dense"),
        *linear(f"{ours}mlp.down", f"{theirs}output.dense"),
        *layer_norm(f"{ours}mlp_norm", f"{theirs}output.LayerNorm"),
    ]


def _rows_encoder(settings: Any) -> list[Row]:
    tables = {"embed": "word", "positions": "position", "segments": "token_type"}
    return [
        *(Row(f"{ours}.weight", (f"bert.embeddings.{theirs}_embeddings.weight",)) for ours, theirs in tables.items()),
        *layer_norm("embed_norm", "bert.embeddings.LayerNorm"),
        *(row for i in range(settings.layers) for row in _block(i, settings.width)),
        *linear("pool", "bert.pooler.dense"),
    ]


def _rows(settings: Any) -> list[Row]:
    return [
        *_rows_encoder(settings),
        *linear("guess", "cls.predictions.transform.dense"),
        *layer_norm("guess_norm", "cls.predictions.transform.LayerNorm"),
        Row("offset", ("cls.predictions.bias",)),
        *linear("relation", "cls.seq_relationship"),
    ]


BERT = Layout(
    architecture="BertForPreTraining",
    model_type="bert",
    family="bert",
    read=_read,
    write=_write,
    rows=_rows,
    fits=lambda settings: not settings.encoder_only,
    copies={
        "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
    },
    constants={"embeddings.position_ids": "places"},
    renamed={".LayerNorm.gamma": ".LayerNorm.weight", ".LayerNorm.beta": ".LayerNorm.bias"},
)


def _read_encoder(given: Given, special: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    settings, vocabulary = _read(given, special)
    return settings | {"encoder_only": True}, vocabulary


def _rows_bare(settings: Any) -> list[Row]:
    bare = "bert."
    rows = _rows_encoder(settings)
    return [replace(row, theirs=tuple(name.removeprefix(bare) for name in row.theirs)) for row in rows]


def _is_encoder(settings: Any) -> bool:
    return settings.encoder_only


BERT_ENCODER = replace(
    BERT,
    architecture="BertModel",
    read=_read_encoder,
    rows=_rows_bare,
    fits=_is_encoder,
    copies={},
)
"""A file of a BertModel has no head: what comes of it encodes and guesses nothing."""
