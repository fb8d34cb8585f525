"""Decoders against transformers: the same weights give the same logits, hidden states and gradients."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import reference
import torch
from random_batches import random_batch, small
from torch import Tensor, nn

from etymon.models import Network

pytestmark = pytest.mark.ci

VOCABULARY, CONTEXT = 37, 16
SMALLEST_TOKENS = {"bos_token_id": 0, "eos_token_id": 0}
NO_DROPOUT = {"attn_pdrop": 0.0, "resid_pdrop": 0.0, "embd_pdrop": 0.0}
Shape = dict[str, Any]


def gpt1(shape: Shape) -> nn.Module:
    """transformers' GPT-1, which keeps its matrices [in, out]."""
    config = reference.transformers().OpenAIGPTConfig(
        vocab_size=VOCABULARY, n_positions=CONTEXT, n_embd=shape["width"], n_layer=shape["layers"],
        n_head=shape["heads"], **NO_DROPOUT, **SMALLEST_TOKENS,
    )  # fmt: skip
    return reference.transformers().OpenAIGPTLMHeadModel(config)


def gpt3(shape: Shape) -> nn.Module:
    """transformers' GPT-Neo, which alternates whole and local attention, without offsets for q, k, v and without the
    scale of the scores."""
    config = reference.transformers().GPTNeoConfig(
        vocab_size=VOCABULARY, max_position_embeddings=CONTEXT, hidden_size=shape["width"], num_layers=shape["layers"],
        num_heads=shape["heads"], window_size=shape["band"],
        attention_types=[[["global", "local"], shape["layers"] // 2]],
        attention_dropout=0.0, resid_dropout=0.0, embed_dropout=0.0, **SMALLEST_TOKENS,
    )  # fmt: skip
    return reference.transformers().GPTNeoForCausalLM(config)


def palm(shape: Shape) -> nn.Module:
    """transformers' Cohere, which is PaLM where it has one head of keys and values."""
    config = reference.transformers().CohereConfig(
        vocab_size=VOCABULARY, hidden_size=shape["width"], intermediate_size=4 * shape["width"],
        num_hidden_layers=shape["layers"], num_attention_heads=shape["heads"], num_key_value_heads=shape["groups"],
        use_qk_norm=False, attention_bias=False, tie_word_embeddings=True, logit_scale=shape["width"] ** -0.5,
        hidden_act="silu", layer_norm_eps=1e-5, max_position_embeddings=CONTEXT, pad_token_id=None,
        rope_parameters={"rope_theta": 10_000.0, "rope_type": "default"}, **SMALLEST_TOKENS,
    )  # fmt: skip
    return reference.transformers().CohereForCausalLM(config)


def llama(shape: Shape) -> nn.Module:
    """transformers' Llama."""
    config = reference.transformers().LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=shape["width"], intermediate_size=shape["hidden"],
        num_hidden_layers=shape["layers"], num_attention_heads=shape["heads"], num_key_value_heads=shape["groups"],
        tie_word_embeddings=shape["tied"], rms_norm_eps=1e-5, max_position_embeddings=CONTEXT,
        rope_parameters={"rope_theta": 10_000.0, "rope_type": "default"}, **SMALLEST_TOKENS,
    )  # fmt: skip
    return reference.transformers().LlamaForCausalLM(config)


PEERS: dict[str, Callable[[Shape], nn.Module]] = {"gpt1": gpt1, "gpt3": gpt3, "palm": palm, "llama": llama}


def shape_of(name: str, seed: int) -> Shape:
    """A random small shape of a family."""
    draw = random.Random(seed)
    heads = draw.choice([1, 2, 4])
    shape: Shape = {"layers": draw.choice([1, 2, 3]), "heads": heads, "width": heads * draw.choice([8, 12])}
    groups = draw.choice([g for g in (1, 2, 4) if heads % g == 0])
    if name == "gpt3":
        shape |= {"band": draw.randint(1, CONTEXT), "layers": 2 * draw.choice([1, 2])}
    if name == "palm":
        shape |= {"head_size": shape["width"] // heads, "groups": groups}
    if name == "llama":
        shape |= {"groups": groups, "hidden": draw.choice([16, 40]), "tied": draw.random() < 0.5}
    return shape


def pieces(name: str, tensor: Tensor, network: Any) -> list[tuple[str, Tensor]]:
    """Our tensor as the peers keep it: q, k and v apart where they do."""
    if "attention.qkv" not in name:
        return [(name, tensor)]
    part = network.blocks[0].attention
    sizes = [part.heads * part.size, part.groups * part.size, part.groups * part.size]
    return [(name.replace("qkv", x), piece) for x, piece in zip("qkv", tensor.split(sizes), strict=True)]


GPT1 = {"attention.qkv": "attn.c_attn", "attention.out": "attn.c_proj", "attention_norm": "ln_1", "mlp_norm": "ln_2",
        "mlp.up": "mlp.c_fc", "mlp.down": "mlp.c_proj", "embed": "tokens_embed", "positions": "positions_embed",
        "blocks": "h"}  # fmt: skip
NEO = {"attention.q": "attn.attention.q_proj", "attention.k": "attn.attention.k_proj", "attention.v":
       "attn.attention.v_proj", "attention.out": "attn.attention.out_proj", "attention_norm": "ln_1", "mlp_norm":
       "ln_2", "mlp.up": "mlp.c_fc", "mlp.down": "mlp.c_proj", "embed": "wte", "positions": "wpe", "final_norm":
       "ln_f", "blocks": "h"}  # fmt: skip
META = {"attention.q": "self_attn.q_proj", "attention.k": "self_attn.k_proj", "attention.v": "self_attn.v_proj",
        "attention.out": "self_attn.o_proj", "attention_norm": "input_layernorm", "norm": "input_layernorm",
        "mlp_norm": "post_attention_layernorm", "mlp.gate": "mlp.gate_proj", "mlp.up": "mlp.up_proj", "mlp.down":
        "mlp.down_proj", "embed": "embed_tokens", "final_norm": "norm", "blocks": "layers"}  # fmt: skip
NAMES = {"gpt1": GPT1, "gpt3": NEO, "palm": META, "llama": META}


def peer_name(family: str, name: str) -> str:
    """Where the peer keeps a tensor of ours."""
    if name == "unembed":
        return "lm_head.weight"
    names, prefix = NAMES[family], "model." if NAMES[family] is META else "transformer."
    *path, kind = name.split(".")
    if path[0] == "blocks":
        return f"{prefix}{names['blocks']}.{path[1]}.{names['.'.join(path[2:])]}.{kind}"
    return f"{prefix}{names[path[0]]}.{kind}"


def paired(family: str, network: Network, peer: nn.Module) -> dict[str, tuple[str, Tensor]]:
    """For each parameter of the peer, ours of which it is a part, as the peer lays it out."""
    split = NAMES[family] is not GPT1
    return {
        peer_name(family, part): (name, tensor)
        for name, parameter in network.named_parameters()
        for part, tensor in (pieces(name, parameter.data, network) if split else [(name, parameter.data)])
    }


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("family", PEERS)
def test_logits_hidden_states_and_gradients_are_those_of_transformers(family: str, seed: int) -> None:
    shape = shape_of(family, seed)
    network = small(family, vocabulary=VOCABULARY, seed=seed, **(shape | {"context": CONTEXT}))
    peer = PEERS[family](shape).eval()
    parameters = dict(peer.named_parameters())
    ours = paired(family, network, peer)
    if family == "gpt3":  # GPT-Neo has no offsets for q, k and v, and does not scale the scores
        for name, parameter in network.named_parameters():
            if name.endswith("attention.qkv.bias"):
                parameter.data.zero_()
        ours = {
            name: pair
            for name, pair in ours.items()
            if not name.endswith(("q_proj.bias", "k_proj.bias", "v_proj.bias"))
        }
    assert ours.keys() == parameters.keys()
    flipped = {name for name in parameters if family == "gpt1" and ".c_" in name and parameters[name].ndim == 2}
    size = getattr(network.blocks[0].attention, "size", 1)  # type: ignore[union-attr, index]
    scales = {name: size**-0.5 for name in parameters if family == "gpt3" and "q_proj" in name}
    for name, parameter in parameters.items():
        tensor = ours[name][1] * scales.get(name, 1.0)
        parameter.data.copy_(tensor.T if name in flipped else tensor)

    batch = random_batch(2, CONTEXT, VOCABULARY, seed=seed)
    heard: dict[str, Tensor] = {}
    plain = network.head(network(batch)[0])
    network(batch, tap=lambda site, value: heard.setdefault(site, value))
    theirs = peer(batch.ids, output_hidden_states=True)
    torch.testing.assert_close(plain, theirs.logits, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(heard["embed"], theirs.hidden_states[0], atol=1e-5, rtol=1e-5)
    for i in range(shape["layers"] - (family != "gpt1")):  # behind the last block, theirs are normed
        torch.testing.assert_close(heard[f"blocks.{i}.residual"], theirs.hidden_states[i + 1], atol=1e-5, rtol=1e-5)

    for logits in (plain, theirs.logits):
        nn.functional.cross_entropy(logits.flatten(0, 1), batch.targets.flatten()).backward()
    gradients = {name: p.grad for name, p in network.named_parameters()}
    for name, parameter in parameters.items():
        mine = dict(
            pieces(ours[name][0], gradients[ours[name][0]], network)
            if NAMES[family] is not GPT1
            else [(ours[name][0], gradients[ours[name][0]])]
        )
        wanted = parameter.grad * scales.get(name, 1.0)
        found = next(tensor for part, tensor in mine.items() if peer_name(family, part) == name)
        torch.testing.assert_close(found, wanted.T if name in flipped else wanted, atol=1e-6, rtol=1e-4)
