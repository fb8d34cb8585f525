"""Folders made to harm: each is refused with one message within two seconds, and nothing is run or written."""

from __future__ import annotations

import json
import math
import os
import pickle
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etymon.errors import EtymonError
from etymon.models import import_model
from etymon.storage import Store

torch = pytest.importorskip("torch", reason="networks need torch")

SECONDS = 2.0
Header = dict[str, Any]
Change = Callable[[Header], Any]

CONFIGS: dict[str, dict[str, Any]] = {
    "gpt": {
        "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": 11, "n_positions": 8, "n_embd": 8,
        "n_layer": 1, "n_head": 2,
    },
    "llama": {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 11, "hidden_size": 8,
        "intermediate_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
        "max_position_embeddings": 8, "tie_word_embeddings": True,
    },
    "neo": {
        "architectures": ["GPTNeoForCausalLM"], "model_type": "gpt_neo", "vocab_size": 11, "hidden_size": 8,
        "max_position_embeddings": 8, "num_layers": 1, "num_heads": 2, "attention_types": [[["global"], 1]],
    },
    "xlnet": {
        "architectures": ["XLNetLMHeadModel"], "model_type": "xlnet", "vocab_size": 11, "d_model": 8, "n_layer": 1,
        "n_head": 2, "d_inner": 32,
    },
    "lstm": {
        "architectures": ["EtymonLSTM"], "model_type": "etymon-lstm", "vocab_size": 11, "hidden_size": 8,
        "num_layers": 1,
    },
}  # fmt: skip
SHAPES: dict[str, dict[str, list[int]]] = {
    "gpt": {
        **{f"transformer.h.0.{norm}.{kind}": [8] for norm in ("ln_1", "ln_2") for kind in ("weight", "bias")},
        "transformer.h.0.attn.c_attn.weight": [8, 24], "transformer.h.0.attn.c_attn.bias": [24],
        "transformer.h.0.attn.c_proj.weight": [8, 8], "transformer.h.0.attn.c_proj.bias": [8],
        "transformer.h.0.mlp.c_fc.weight": [8, 32], "transformer.h.0.mlp.c_fc.bias": [32],
        "transformer.h.0.mlp.c_proj.weight": [32, 8], "transformer.h.0.mlp.c_proj.bias": [8],
        "transformer.ln_f.weight": [8], "transformer.ln_f.bias": [8],
        "transformer.wte.weight": [11, 8], "transformer.wpe.weight": [8, 8],
    },
    "llama": {
        "model.embed_tokens.weight": [11, 8], "model.norm.weight": [8],
        "model.layers.0.input_layernorm.weight": [8], "model.layers.0.post_attention_layernorm.weight": [8],
        "model.layers.0.self_attn.q_proj.weight": [8, 8], "model.layers.0.self_attn.k_proj.weight": [4, 8],
        "model.layers.0.self_attn.v_proj.weight": [4, 8], "model.layers.0.self_attn.o_proj.weight": [8, 8],
        "model.layers.0.mlp.gate_proj.weight": [12, 8], "model.layers.0.mlp.up_proj.weight": [12, 8],
        "model.layers.0.mlp.down_proj.weight": [8, 12],
    },
    "neo": {
        **{f"transformer.h.0.{norm}.{kind}": [8] for norm in ("ln_1", "ln_2") for kind in ("weight", "bias")},
        **{f"transformer.h.0.attn.attention.{part}_proj.weight": [8, 8] for part in ("q", "k", "v", "out")},
        "transformer.h.0.attn.attention.out_proj.bias": [8],
        "transformer.h.0.mlp.c_fc.weight": [32, 8], "transformer.h.0.mlp.c_fc.bias": [32],
        "transformer.h.0.mlp.c_proj.weight": [8, 32], "transformer.h.0.mlp.c_proj.bias": [8],
        "transformer.ln_f.weight": [8], "transformer.ln_f.bias": [8],
        "transformer.wte.weight": [11, 8], "transformer.wpe.weight": [8, 8],
    },
    "xlnet": {
        **{f"transformer.layer.0.rel_attn.{part}": [8, 2, 4] for part in "qkvor"},
        **{f"transformer.layer.0.rel_attn.r_{part}_bias": [2, 4] for part in "wrs"},
        "transformer.layer.0.rel_attn.seg_embed": [2, 2, 4],
        **{f"transformer.layer.0.{norm}.layer_norm.{kind}": [8] for norm in ("rel_attn", "ff")
           for kind in ("weight", "bias")},
        "transformer.layer.0.ff.layer_1.weight": [32, 8], "transformer.layer.0.ff.layer_1.bias": [32],
        "transformer.layer.0.ff.layer_2.weight": [8, 32], "transformer.layer.0.ff.layer_2.bias": [8],
        "transformer.word_embedding.weight": [11, 8], "transformer.mask_emb": [1, 1, 8], "lm_loss.bias": [11],
    },
    "lstm": {
        "embed.weight": [11, 8], "head.weight": [11, 8], "head.bias": [11],
        **{f"recurrent.weight_{part}_l0": [32, 8] for part in ("ih", "hh")},
        **{f"recurrent.bias_{part}_l0": [32] for part in ("ih", "hh")},
    },
}  # fmt: skip


def sound_header(kind: str) -> tuple[Header, int]:
    """The header of a sound file, and the bytes of its numbers."""
    header: Header = {}
    place = 0
    for name, shape in SHAPES[kind].items():
        size = 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [place, place + size]}
        place += size
    return header, place


def make(folder: Path, kind: str, config: Any = None, header: Any = None, data: bytes | None = None) -> Path:
    """A folder, sound but for what is given; a header or config of bytes is written as it is."""
    folder.mkdir()
    whole, size = sound_header(kind)
    config = CONFIGS[kind] if config is None else config
    header = whole if header is None else header
    (folder / "config.json").write_bytes(config if isinstance(config, bytes) else json.dumps(config).encode())
    packed = header if isinstance(header, bytes) else json.dumps(header).encode()
    data = bytes(size) if data is None else data
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(packed)) + packed + data)
    return folder


@pytest.fixture(scope="module", autouse=True)
def torch_is_loaded(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A first import: what torch loads for it is no cost of a hostile folder."""
    root = tmp_path_factory.mktemp("sound")
    import_model(Store.at(root / "store"), make(root / "in", "gpt"))


def refused(folder: Path, root: Path) -> EtymonError:
    """The one error; nothing was written, and it did not take long."""
    store = Store.at(root / "store")
    before = sorted(root.rglob("*"))
    begin = time.monotonic()
    with pytest.raises(EtymonError) as told:
        import_model(store, folder)
    assert time.monotonic() - begin < SECONDS
    assert sorted(root.rglob("*")) == before
    assert told.value.what and (told.value.where or told.value.why)
    assert len(str(told.value)) < 2000
    return told.value


@pytest.mark.parametrize("kind", CONFIGS)
def test_the_sound_folder_is_taken_over(kind: str, tmp_path: Path) -> None:
    assert import_model(Store.at(tmp_path / "store"), make(tmp_path / "in", kind)).vocabulary == 11


BAD_VALUES = [None, True, "8", 0, -1, 1.5, [], {}, 2**24 + 1, 2**63, 10**400]
SIZES = {
    "gpt": ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head"),
    "llama": ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"),
    "neo": ("vocab_size", "max_position_embeddings", "hidden_size", "num_layers", "num_heads"),
    "xlnet": ("vocab_size", "d_model", "n_layer", "n_head", "d_inner"),
    "lstm": ("vocab_size", "hidden_size", "num_layers"),
}
WRONG_SIZES = [(kind, key, value) for kind, keys in SIZES.items() for key in keys for value in BAD_VALUES]


@pytest.mark.parametrize(("kind", "key", "value"), WRONG_SIZES, ids=lambda value: str(value)[:20])
def test_a_size_that_is_none_or_a_bomb_is_refused(kind: str, key: str, value: Any, tmp_path: Path) -> None:
    refused(make(tmp_path / "in", kind, CONFIGS[kind] | {key: value}), tmp_path)


BOMBS = [(kind, key, value) for kind, keys in SIZES.items() for key in keys for value in (3, 7, 1000, 2**16, 2**24)]


@pytest.mark.parametrize(("kind", "key", "value"), BOMBS, ids=lambda value: str(value))
def test_a_size_that_the_weights_do_not_have_is_refused_before_memory_is_taken(
    kind: str, key: str, value: int, tmp_path: Path
) -> None:
    refused(make(tmp_path / "in", kind, CONFIGS[kind] | {key: value}), tmp_path)


MEANING: list[tuple[str, str, Any]] = [
    ("gpt", "activation_function", "relu"),
    ("gpt", "activation_function", "gelu"),
    ("gpt", "activation_function", ["gelu_new"]),
    ("gpt", "n_inner", 16),
    ("gpt", "scale_attn_weights", False),
    ("gpt", "scale_attn_by_inverse_layer_idx", True),
    ("gpt", "add_cross_attention", True),
    ("gpt", "tie_word_embeddings", False),
    ("gpt", "layer_norm_epsilon", 1e-6),
    ("gpt", "layer_norm_epsilon", "1e-5"),
    ("gpt", "attn_pdrop", 0.5),
    ("gpt", "embd_pdrop", -1),
    ("gpt", "n_ctx", 4),
    ("gpt", "auto_map", {"AutoModel": "evil.Model"}),
    ("gpt", "trust_remote_code", True),
    ("gpt", "custom_pipelines", {}),
    ("gpt", "quantization_config", {"bits": 4}),
    ("gpt", "pruned_heads", {"0": [1]}),
    ("gpt", "torch_dtype", "float64"),
    ("gpt", "dtype", {"a": 1}),
    ("gpt", "a_new_kind_of_attention", True),
    ("gpt", "model_type", "llama"),
    ("gpt", "architectures", ["GPT2LMHeadModel", "GPT2LMHeadModel"]),
    ("gpt", "architectures", ["MambaForCausalLM"]),
    ("gpt", "architectures", []),
    ("gpt", "architectures", None),
    ("gpt", "architectures", {"a": 1}),
    ("gpt", "architectures", "../../etc/passwd"),
    ("llama", "hidden_act", "gelu"),
    ("llama", "attention_bias", True),
    ("llama", "mlp_bias", True),
    ("llama", "attention_dropout", 0.1),
    ("llama", "sliding_window", 4),
    ("llama", "rope_interleaved", True),
    ("llama", "pretraining_tp", 2),
    ("llama", "head_dim", 2),
    ("llama", "num_key_value_heads", 3),
    ("llama", "num_key_value_heads", 2),
    ("llama", "tie_word_embeddings", "yes"),
    ("llama", "tie_word_embeddings", False),
    ("llama", "rms_norm_eps", -1e-5),
    ("llama", "rms_norm_eps", None),
    ("llama", "rope_theta", 0),
    ("llama", "rope_theta", "10000"),
    ("llama", "rope_scaling", {"type": "linear", "factor": 2.0}),
    ("llama", "rope_scaling", {"rope_type": "llama3", "factor": 8.0}),
    ("llama", "rope_scaling", [1]),
    ("llama", "rope_parameters", {"rope_type": "yarn", "rope_theta": 1e4}),
    ("llama", "rope_parameters", {"rope_type": "default", "partial_rotary_factor": 0.5}),
    ("neo", "attention_types", [[["local"], 1]]),
    ("neo", "attention_types", [[["global", "local"], 1]]),
    ("neo", "attention_types", [[["global"], 2**62]]),
    ("neo", "attention_types", [[["global"] * 10_000, 1]]),
    ("neo", "attention_types", [[["global"], True, 1]]),
    ("neo", "attention_types", [["global", 1]]),
    ("neo", "attention_types", [[["evil"], 1]]),
    ("neo", "attention_types", [[["global"], -1]]),
    ("neo", "attention_types", {"global": 1}),
    ("neo", "attention_types", []),
    ("neo", "attention_layers", ["local"]),
    ("neo", "attention_layers", "global"),
    ("neo", "window_size", 0),
    ("neo", "window_size", "256"),
    ("neo", "activation_function", "relu"),
    ("neo", "intermediate_size", 16),
    ("neo", "embed_dropout", 0.5),
    ("neo", "tie_word_embeddings", False),
    ("neo", "layer_norm_epsilon", 1e-6),
    ("xlnet", "d_head", 8),
    ("xlnet", "ff_activation", "relu"),
    ("xlnet", "attn_type", "uni"),
    ("xlnet", "bi_data", True),
    ("xlnet", "untie_r", False),
    ("xlnet", "clamp_len", 4),
    ("xlnet", "same_length", True),
    ("xlnet", "reuse_len", 256),
    ("xlnet", "mem_len", -1),
    ("xlnet", "mem_len", "384"),
    ("xlnet", "layer_norm_eps", 1e-5),
    ("xlnet", "auto_map", {"AutoModel": "evil.Model"}),
    ("lstm", "dropout", 1.5),
    ("lstm", "change_penalty", -1),
    ("lstm", "nonlinearity", "tanh"),
    ("lstm", "layer_norm", True),
    ("lstm", "bidirectional", True),
    ("lstm", "tie_word_embeddings", 1),
    ("lstm", "model_type", "lstm"),
]


@pytest.mark.parametrize(("kind", "key", "value"), MEANING, ids=lambda value: str(value)[:30])
def test_an_entry_that_would_change_the_mathematics_is_refused_by_name(
    kind: str, key: str, value: Any, tmp_path: Path
) -> None:
    told = str(refused(make(tmp_path / "in", kind, CONFIGS[kind] | {key: value}), tmp_path))
    tensors = key in ("tie_word_embeddings", "num_key_value_heads")  # those may show only in the weights
    assert key in told or tensors or str(value)[:20] in told


TEXTS = {
    "no JSON": b"not json",
    "nothing": b"",
    "a list": b"[1, 2]",
    "a number": b"7",
    "not UTF-8": b'{"a": "\xff\xfe"}',
    "NaN": b'{"layer_norm_epsilon": NaN}',
    "infinity": b'{"vocab_size": Infinity}',
    "a number beyond all": b'{"vocab_size": 1e999}',
    "a number of very many digits": b'{"vocab_size": ' + b"9" * 6000 + b"}",
    "a key twice": b'{"vocab_size": 1, "vocab_size": 2}',
    "nested too deep": b"[" * 100_000,
    "nested objects": b'{"a":' * 100_000,
    "too large": b" " * ((1 << 20) + 1),
}


@pytest.mark.parametrize("config", TEXTS.values(), ids=TEXTS)
def test_a_config_that_is_no_sound_json_is_refused(config: bytes, tmp_path: Path) -> None:
    refused(make(tmp_path / "in", "gpt", config), tmp_path)


@pytest.mark.parametrize(
    "text", [text for text in TEXTS.values() if len(text) < 1 << 20], ids=lambda text: ascii(text[:9])
)
def test_a_header_that_is_no_sound_json_is_refused(text: bytes, tmp_path: Path) -> None:
    refused(make(tmp_path / "in", "gpt", header=text), tmp_path)


LENGTHS = [0, 1, 2**20, (1 << 24) + 1, 2**31, 2**32, 2**63, 2**64 - 1]


@pytest.mark.parametrize("length", LENGTHS)
def test_a_header_longer_than_the_file_or_any_model_is_refused_unread(length: int, tmp_path: Path) -> None:
    folder = make(tmp_path / "in", "gpt")
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", length) + data[8:])
    refused(folder, tmp_path)


FIRST = "transformer.ln_f.weight"
NAMES = ["../../x", "a/b", "a\\b", "a\0b", "a\nb", "\x1b[2J", "\u202eevil", "", " ", "é", "x" * 201, "a b", "..%2f"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    header, _ = sound_header("gpt")
    header[name] = header.pop(FIRST)
    told = refused(make(tmp_path / "in", "gpt", header=header), tmp_path)
    assert all(character.isprintable() or character == "\n" for character in str(told))


def entry(**changes: Any) -> Change:
    return lambda header: header[FIRST].update(changes)


HEADERS: dict[str, Change] = {
    "a missing tensor": lambda header: header.pop("transformer.wpe.weight"),
    "no tensor": lambda header: header.clear(),
    "an unknown one": lambda header: header.update({"transformer.h.0.attn.evil": header.pop(FIRST)}),
    "one of a layer too many": lambda header: header.update({"transformer.h.1.ln_1.bias": header.pop(FIRST)}),
    "the bare name": lambda header: header.update({"ln_f.weight": header.pop(FIRST)}),
    "another shape": entry(shape=[2, 4]),
    "a shape of strings": entry(shape=["8"]),
    "a shape of booleans": entry(shape=[True] * 8),
    "a negative shape": entry(shape=[-2, -4]),
    "a shape of fractions": entry(shape=[8.0]),
    "a shape of very many dimensions": entry(shape=[1] * 10_000 + [8]),
    "a shape beyond all memory": entry(shape=[2**40, 2**40]),
    "a shape of nothing": entry(shape=[0]),
    "no shape": entry(shape=None),
    "another type of number": entry(dtype="F64"),
    "an unknown type of number": entry(dtype="X9"),
    "a type of no text": entry(dtype=7),
    "whole numbers as weights": entry(dtype="I64", shape=[4]),
    "a byte too many": lambda header: header[FIRST]["data_offsets"].__setitem__(
        1, header[FIRST]["data_offsets"][1] + 4
    ),
    "backwards": lambda header: header[FIRST]["data_offsets"].reverse(),
    "one place": entry(data_offsets=[0]),
    "three places": entry(data_offsets=[0, 1, 2]),
    "places of text": entry(data_offsets="ab"),
    "places beyond the file": entry(data_offsets=[2**40, 2**40 + 32]),
    "negative places": entry(data_offsets=[-32, 0]),
    "an overlap": lambda header: header[FIRST].update(data_offsets=[0, 32]),
    "one more entry": entry(evil=1),
    "an entry too few": lambda header: header[FIRST].pop("dtype"),
    "an entry of nothing": lambda header: header.update({FIRST: None}),
    "an entry of text": lambda header: header.update({FIRST: "x"}),
    "two that are one": lambda header: header.update(
        {"transformer.wte.weight": {"dtype": "F32", "shape": [11, 8], "data_offsets": [0, 352]}}
    ),
}


@pytest.mark.parametrize("change", HEADERS.values(), ids=HEADERS)
def test_a_header_that_does_not_hold_is_refused(change: Change, tmp_path: Path) -> None:
    header, _ = sound_header("gpt")
    change(header)
    refused(make(tmp_path / "in", "gpt", header=header), tmp_path)


@pytest.mark.parametrize("change", [-1, 1, -3000, 3000, 1 << 20])
def test_bytes_too_few_or_too_many_are_refused(change: int, tmp_path: Path) -> None:
    _, size = sound_header("gpt")
    refused(make(tmp_path / "in", "gpt", data=bytes(max(size + change, 0))), tmp_path)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("place", [0, 100, -4])
def test_weights_that_are_not_finite_are_refused(number: float, place: int, tmp_path: Path) -> None:
    _, size = sound_header("llama")
    data = bytearray(size)
    place = place % size
    data[place : place + 4] = struct.pack("<f", number)
    assert "not finite" in refused(make(tmp_path / "in", "llama", data=bytes(data)), tmp_path).what


class Bomb:
    """A pickle that leaves a mark where it is opened."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pth", "weights.pkl", "last.ckpt"])
def test_a_pickle_is_named_and_never_opened(name: str, tmp_path: Path) -> None:
    folder = make(tmp_path / "in", "gpt")
    data = pickle.dumps(Bomb(tmp_path / "mark"))
    (folder / name).write_bytes(data)
    (folder / "model.safetensors").unlink()
    assert name in refused(folder, tmp_path).why
    (folder / "model.safetensors").write_bytes(data)  # and under the name of the other format
    refused(folder, tmp_path)
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("what", ["pipe", "folder", "device"])
def test_what_is_no_plain_file_is_refused_and_not_waited_for(name: str, what: str, tmp_path: Path) -> None:
    folder = make(tmp_path / "in", "gpt")
    (folder / name).unlink(missing_ok=True)
    if what == "pipe":
        os.mkfifo(folder / name)
    elif what == "folder":
        (folder / name).mkdir()
    else:
        (folder / name).symlink_to("/dev/zero")
    refused(folder, tmp_path)


def test_missing_parts_are_named(tmp_path: Path) -> None:
    assert "no folder" in refused(tmp_path / "in", tmp_path).what
    (tmp_path / "in").mkdir()
    assert "model.safetensors" in refused(tmp_path / "in", tmp_path).where
    (tmp_path / "in" / "model.safetensors.index.json").write_text("{}")
    assert "several files" in refused(tmp_path / "in", tmp_path).what
    (tmp_path / "in" / "model.safetensors").write_bytes(b"")
    assert "config.json" in refused(tmp_path / "in", tmp_path).where


@pytest.mark.parametrize(
    "tokens", [b"[]", b"nope", b'{"added_tokens": 7}', b'{"added_tokens": [7]}', b"{" * 99_999, b'{"a": NaN}']
)
def test_a_tokenizer_that_is_no_sound_json_is_refused(tokens: bytes, tmp_path: Path) -> None:
    folder = make(tmp_path / "in", "gpt")
    (folder / "tokenizer.json").write_bytes(tokens)
    refused(folder, tmp_path)


@pytest.mark.parametrize(
    "merges", [[["a", "b", "c"]], [7], "abc", [["zz", "zz"]]], ids=["three", "number", "text", "unknown"]
)
def test_a_tokenizer_with_broken_insides_never_ends_an_import(merges: Any, tmp_path: Path) -> None:
    from etymon.tokens import END_OF_TEXT
    from etymon.tokens.vocabulary import assemble

    content = json.loads(assemble([], limit=257, special=[END_OF_TEXT]))
    content["model"]["merges"] = merges
    folder = make(tmp_path / "in", "gpt")
    (folder / "tokenizer.json").write_text(json.dumps(content))
    taken = import_model(Store.at(tmp_path / "store"), folder)
    assert taken.tokenizer is None and taken.without


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    place=st.integers(0, 10_000), byte=st.integers(0, 255), file=st.sampled_from(["config.json", "model.safetensors"])
)
def test_any_changed_byte_is_taken_over_or_refused_in_words(
    place: int, byte: int, file: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("changed")
    folder = make(root / "in", "gpt")
    data = bytearray((folder / file).read_bytes())
    data[place % len(data)] = byte
    (folder / file).write_bytes(data)
    try:
        taken = import_model(Store.at(root / "store"), folder)
    except EtymonError as error:
        assert error.what
        assert not (root / "store" / "artifacts").exists()
    else:
        assert taken.model.verify() == []
