"""The Transformer of encoder and decoder: equal to torch's and to transformers', and a target given its source."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import reference
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_batches import random_batch, same
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from etymon.errors import EtymonError
from etymon.models import family
from etymon.models.positions import sinusoids
from etymon.models.transformer import Transformer, TransformerSettings, counts, pair_flops
from etymon.tokens import Batch

VOCABULARY, SOURCE, TARGET = 37, 9, 7


def small(seed: int = 0, **shape: Any) -> Transformer:
    """A small Transformer with weights that hide no mistake."""
    shape = {"layers": 2, "width": 32, "hidden": 48, "heads": 4, "dropout": 0.0} | shape
    torch.manual_seed(seed)
    network = Transformer(TransformerSettings(**shape), VOCABULARY)
    for parameter in network.parameters():
        parameter.data.add_(torch.randn_like(parameter), alpha=0.05)
    return network.eval()


def shape_of(seed: int) -> dict[str, int]:
    draw = random.Random(seed)
    heads = draw.choice([1, 2, 4])
    return {
        "layers": draw.choice([1, 2, 3]), "heads": heads, "width": heads * draw.choice([8, 12]),
        "hidden": draw.choice([16, 40]),
    }  # fmt: skip


def pairs(seed: int) -> Batch:
    """Three rows of sources and targets of different lengths; the last target is the longest."""
    batch = random_batch(3, SOURCE + TARGET, VOCABULARY, seed=seed)
    draw = random.Random(seed)
    return replace(batch, prefixes=torch.tensor([draw.randint(1, SOURCE), draw.randint(1, SOURCE), SOURCE]))


def parts(batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Sources and targets of the rows as other programs want them: each [B, …] from the left edge, and which of them
    are padding."""
    assert batch.prefixes is not None
    lengths, rows = batch.prefixes.tolist(), batch.ids.shape[1]
    sources = nn.utils.rnn.pad_sequence([ids[:n] for ids, n in zip(batch.ids, lengths, strict=True)], True)
    targets = nn.utils.rnn.pad_sequence([ids[n:] for ids, n in zip(batch.ids, lengths, strict=True)], True)
    no_source = torch.tensor([[i >= n for i in range(sources.shape[1])] for n in lengths])
    no_target = torch.tensor([[i >= rows - n for i in range(targets.shape[1])] for n in lengths])
    return sources, targets, no_source, no_target


def listening(network: Transformer, batch: Batch) -> dict[str, Tensor]:
    """What every site says for a batch."""
    heard: dict[str, Tensor] = {}

    def listen(site: str, value: Tensor) -> Tensor:
        return heard.setdefault(site, value)

    network.head(network(batch, tap=listen)[0], tap=listen)
    return heard


def as_torchs(network: Transformer) -> tuple[nn.TransformerEncoder, nn.TransformerDecoder, list[tuple[Tensor, Tensor]]]:
    """torch's encoder and decoder with the same weights, offsets of 0 where ours has none; and which parameter of
    theirs is which of ours."""
    s = network.settings
    shape = {"dim_feedforward": s.hidden, "dropout": 0.0, "batch_first": True, "norm_first": False}
    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(s.width, s.heads, **shape), s.layers, enable_nested_tensor=False
    )
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(s.width, s.heads, **shape), s.layers)
    same_parts: list[tuple[Tensor, Tensor]] = []
    for ours, theirs in (*zip(network.encoder, encoder.layers, strict=True),
                         *zip(network.decoder, decoder.layers, strict=True)):  # fmt: skip
        layer: Any = theirs
        block: Any = ours
        norms = [block.attention_norm, block.mlp_norm]
        same_parts += [(layer.self_attn.in_proj_weight, block.attention.qkv.weight)]
        same_parts += [(layer.self_attn.out_proj.weight, block.attention.out.weight)]
        for attention in (layer.self_attn, getattr(layer, "multihead_attn", layer.self_attn)):
            attention.in_proj_bias.data.zero_()
            attention.out_proj.bias.data.zero_()
        if hasattr(block, "cross"):
            norms.insert(1, block.cross_norm)
            same_parts += [(layer.multihead_attn.out_proj.weight, block.cross.out.weight)]
            joined = torch.cat([block.cross.q.weight, block.cross.kv.weight])
            same_parts += [(layer.multihead_attn.in_proj_weight, joined)]
        for norm, one in zip((layer.norm1, layer.norm2, getattr(layer, "norm3", None)), norms, strict=False):
            same_parts += [(norm.weight, one.weight), (norm.bias, one.bias)]
        for linear, one in ((layer.linear1, block.mlp.up), (layer.linear2, block.mlp.down)):
            same_parts += [(linear.weight, one.weight), (linear.bias, one.bias)]
    for parameter, ours in same_parts:
        parameter.data.copy_(ours.data)
    return encoder, decoder, same_parts


@pytest.mark.parametrize("seed", range(30))
def test_hidden_states_and_gradients_are_those_of_torchs_encoder_and_decoder(seed: int) -> None:
    network, batch = small(seed, **shape_of(seed)), pairs(seed)
    encoder, decoder, same_parts = as_torchs(network)
    sources, targets, no_source, no_target = parts(batch)
    width = network.settings.width
    table = network.embed.weight.detach().clone().requires_grad_()

    def embedded(ids: Tensor) -> Tensor:
        return table[ids] * width**0.5 + sinusoids(torch.arange(ids.shape[1]), width)

    memory, inside = embedded(sources), listening(network, batch)
    for i, layer in enumerate(encoder.layers):
        memory = layer(memory, src_key_padding_mask=no_source)
        there = ~no_source
        torch.testing.assert_close(inside[f"encoder.blocks.{i}.residual"][there], memory[there], atol=1e-5, rtol=1e-5)
    causal = torch.ones(targets.shape[1], targets.shape[1], dtype=torch.bool).triu(1)
    x = embedded(targets)
    for i, layer in enumerate(decoder.layers):
        x = layer(x, memory, tgt_mask=causal, memory_key_padding_mask=no_source)
        there = ~no_target
        torch.testing.assert_close(inside[f"decoder.blocks.{i}.residual"][there], x[there], atol=1e-5, rtol=1e-5)
    theirs = x[~no_target] @ table.T
    hidden, _ = network(batch)
    asked = torch.arange(batch.ids.shape[1]) >= batch.prefixes[:, None]  # type: ignore[index]
    ours = network.head(hidden)[asked]
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)

    wanted = [parameter for parameter, _ in same_parts]
    their_loss = nn.functional.cross_entropy(theirs, batch.targets[asked])
    *expected, to_table = torch.autograd.grad(their_loss, [*wanted, table])
    nn.functional.cross_entropy(ours, batch.targets[asked]).backward()
    got = {id(p): p.grad for p in network.parameters()}
    close(network.embed.weight.grad, to_table)
    for (_, ours_), gradient in zip(same_parts, expected, strict=True):
        found = got.get(id(ours_))
        close(_joined_gradient(network, gradient) if found is None else found, gradient)


def _joined_gradient(network: Transformer, like: Tensor) -> Tensor:
    """The gradient of q, k and v of a cross attention side by side, of the block whose it is."""
    blocks: Any = network.decoder
    joined = [torch.cat([block.cross.q.weight.grad, block.cross.kv.weight.grad]) for block in blocks]
    return min(joined, key=lambda gradient: float((gradient - like).abs().max()))


def close(one: Tensor | None, other: Tensor) -> None:
    """Equal to 1e-5 of the largest."""
    assert one is not None
    assert float((one - other).abs().max()) <= 1e-5 * float(other.abs().max()) + 1e-9


MARIAN = {
    "attention_norm": "self_attn_layer_norm", "cross_norm": "encoder_attn_layer_norm", "mlp_norm": "final_layer_norm",
    "attention.out": "self_attn.out_proj", "cross.out": "encoder_attn.out_proj", "cross.q": "encoder_attn.q_proj",
    "mlp.up": "fc1", "mlp.down": "fc2",
}  # fmt: skip


def as_marians(name: str, tensor: Tensor) -> dict[str, Tensor]:
    """Our tensor under the names of transformers."""
    if name == "embed.weight":
        return {"model.shared.weight": tensor}
    half, block, *path, kind = name.split(".")
    prefix, inner = f"model.{half}.layers.{block}", ".".join(path)
    if inner in MARIAN:
        return {f"{prefix}.{MARIAN[inner]}.{kind}": tensor}
    there, names = ("self_attn", "qkv") if inner == "attention.qkv" else ("encoder_attn", "kv")
    pieces = zip(names, tensor.chunk(len(names)), strict=True)
    return {f"{prefix}.{there}.{one}_proj.{kind}": piece for one, piece in pieces}


@pytest.mark.ci
@pytest.mark.parametrize("seed", range(30))
def test_logits_hidden_states_and_gradients_are_those_of_transformers_marian(seed: int) -> None:
    transformers = reference.transformers()
    network, batch = small(seed, **shape_of(seed)), pairs(seed)
    s = network.settings
    halves = {
        f"{half}_{key}": value
        for half in ("encoder", "decoder")
        for key, value in (("layers", s.layers), ("attention_heads", s.heads), ("ffn_dim", s.hidden))
    }
    config = transformers.MarianConfig(
        vocab_size=VOCABULARY, d_model=s.width, max_position_embeddings=32, dropout=0.0, activation_function="relu",
        scale_embedding=True, pad_token_id=0, eos_token_id=0, decoder_start_token_id=0, forced_eos_token_id=None,
        **halves,
    )  # fmt: skip
    peer = transformers.MarianMTModel(config).eval()
    for module in peer.modules():  # token 0 is a token like others, and its row learns, too
        if isinstance(module, nn.Embedding):
            module.padding_idx = None
    parameters = dict(peer.named_parameters())
    ours = {key: t for name, p in network.named_parameters() for key, t in as_marians(name, p.data).items()}
    for name, parameter in parameters.items():
        if name.endswith("embed_positions.weight"):  # theirs are all sines, then all cosines: our order of the columns
            parameter.data.copy_(sinusoids(torch.arange(len(parameter)), s.width))
        elif name in ours:
            parameter.data.copy_(ours.pop(name))
        else:
            assert name.endswith("bias") and "attn" in name, name  # the paper's attention has no offsets
            parameter.data.zero_()
    assert not ours
    sources, targets, no_source, no_target = parts(batch)
    theirs = peer(
        input_ids=sources, attention_mask=~no_source, decoder_input_ids=targets, decoder_attention_mask=~no_target,
        output_hidden_states=True, use_cache=False,
    )  # fmt: skip
    inside = listening(network, batch)
    for half, states, padding in (
        ("encoder", theirs.encoder_hidden_states, no_source),
        ("decoder", theirs.decoder_hidden_states, no_target),
    ):
        sites = [f"{half}.embed", *(f"{half}.blocks.{i}.residual" for i in range(s.layers))]
        for site, value in zip(sites, states, strict=True):
            torch.testing.assert_close(inside[site][~padding], value[~padding], atol=1e-5, rtol=1e-5)
    asked = torch.arange(batch.ids.shape[1]) >= batch.prefixes[:, None]  # type: ignore[index]
    logits = network.head(network(batch)[0])[asked]
    torch.testing.assert_close(logits, theirs.logits[~no_target], atol=1e-5, rtol=1e-5)
    for found in (logits, theirs.logits[~no_target]):
        nn.functional.cross_entropy(found, batch.targets[asked]).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        for key, gradient in as_marians(name, parameter.grad).items():
            close(gradient, parameters[key].grad)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 1000), cuts=st.lists(st.integers(1, 3), min_size=1, max_size=4))
def test_a_target_read_behind_a_cache_is_the_target_read_at_once(seed: int, cuts: list[int]) -> None:
    network = small(seed % 3)
    ids = random_batch(2, 5 + 1 + sum(cuts), VOCABULARY - 1, seed=seed).ids.numpy().copy()
    ids[:, 5] = network.begin
    whole, _ = network.next_log_probs(ids)
    log_probs, state = network.next_log_probs(ids[:, :6])
    for piece in np.split(ids[:, 6:], np.cumsum(cuts)[:-1], axis=1):
        log_probs, state = network.next_log_probs(piece, state)
    np.testing.assert_allclose(log_probs, whole, atol=1e-5)
    assert all(memory.shape[0] == 2 for memory in state)


def test_log_probs_are_the_next_log_probs_of_the_targets() -> None:
    network = small()
    ids = random_batch(2, 10, VOCABULARY - 1).ids.numpy().copy()
    ids[:, 4] = network.begin
    batch = Batch(ids=ids, targets=np.roll(ids, -1, 1), weights=np.ones(ids.shape), prefixes=np.array([4, 4]))
    nats = network.log_probs(batch)
    assert not nats[:, :4].any()
    for t in range(4, 10):
        log_probs, _ = network.next_log_probs(ids[:, : t + 1])
        np.testing.assert_allclose(nats[:, t], log_probs[np.arange(2), batch.targets[:, t]], atol=1e-5)
        np.testing.assert_allclose(np.exp(log_probs.astype(float)).sum(-1), 1, atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_rows_beside_and_padding_behind_change_nothing(seed: int) -> None:
    network, batch = small(seed), pairs(seed)
    assert batch.prefixes is not None
    whole, _ = network(batch)
    for row, length in enumerate(batch.prefixes.tolist()):
        alone = Batch(
            ids=batch.ids[row : row + 1, : length + 3], targets=batch.ids, weights=batch.ids,
            prefixes=batch.prefixes[row : row + 1],
        )  # fmt: skip
        torch.testing.assert_close(network(alone)[0][0], whole[row, : length + 3], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_no_gradient_reaches_later_tokens_of_the_target_and_all_of_the_source_is_seen(seed: int) -> None:
    network, batch = small(seed), pairs(seed)
    assert batch.prefixes is not None
    heard: dict[str, Tensor] = {}

    def listen(site: str, value: Tensor) -> Tensor:
        if not site.endswith(".embed"):
            return value
        heard[site] = value.detach().requires_grad_()
        return heard[site]

    for t in range(TARGET):
        hidden, _ = network(batch, tap=listen)
        sums = network.head(hidden).log_softmax(-1).max(-1).values  # [B, T]
        places = batch.prefixes + t
        of_source, of_target = torch.autograd.grad(
            sums.gather(1, places[:, None]).sum(), [heard["encoder.embed"], heard["decoder.embed"]]
        )
        assert of_target[:, t + 1 :].abs().sum() == 0.0
        assert (of_target[:, : t + 1].abs().sum(-1) > 0).all()
        for row, length in enumerate(batch.prefixes.tolist()):
            assert of_source[row, length:].abs().sum() == 0.0
            assert (of_source[row, :length].abs().sum(-1) > 0).all()


def test_a_tap_hears_exactly_the_sites_that_the_network_names_in_their_order() -> None:
    network = small()
    assert list(listening(network, pairs(0))) == list(network.sites())


def test_what_a_tap_changes_is_what_is_computed_with() -> None:
    network, batch = small(), pairs(0)
    plain = network(batch)[0]
    torch.testing.assert_close(network(batch, tap=same)[0], plain, atol=1e-5, rtol=1e-5)
    changed = network(batch, tap=lambda site, x: x * 0 if site == "decoder.blocks.0.cross.out" else x)[0]
    assert (changed - plain).abs().max() > 0.01


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 1000), source=st.integers(1, 6), target=st.integers(1, 6), rows=st.integers(1, 3))
def test_counts_are_exact(seed: int, source: int, target: int, rows: int) -> None:
    shape = TransformerSettings(**shape_of(seed), dropout=0.0)
    network = Transformer(shape, VOCABULARY)
    ids = torch.zeros(rows, source + target, dtype=torch.int64)
    batch = Batch(ids=ids, targets=ids, weights=ids, prefixes=torch.full((rows,), source))
    with FlopCounterMode(display=False) as flops, sdpa_kernel(SDPBackend.MATH):
        logits = network.head(network(batch)[0][:, source:])
        assert flops.get_total_flops() == rows * pair_flops(shape, VOCABULARY, source, target)
        logits.sum().backward()
        assert flops.get_total_flops() == 3 * rows * pair_flops(shape, VOCABULARY, source, target)
    length = source + target
    found = counts(shape, VOCABULARY, length)
    even = pair_flops(shape, VOCABULARY, length // 2, length - length // 2)
    assert found.forward_flops_per_token * length == pytest.approx(even, rel=1e-12)
    assert found.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert found.embedding_parameters == network.embed.weight.numel()


@pytest.mark.parametrize("prefixes", [None, torch.tensor([0, 3]), torch.tensor([3, 6])])
def test_rows_that_are_no_pairs_are_refused(prefixes: Tensor | None) -> None:
    batch = replace(random_batch(2, 6, VOCABULARY), prefixes=prefixes)
    with pytest.raises(EtymonError, match="reads pairs"):
        small()(batch)


def test_a_text_without_the_token_that_begins_a_target_cannot_be_gone_on_with() -> None:
    with pytest.raises(EtymonError, match="token 36 is missing"):
        small().next_log_probs(np.array([[3, 4, 5]]))
    with pytest.raises(EtymonError, match="different places"):
        small().next_log_probs(np.array([[3, 36, 5], [3, 4, 36]]))


def test_a_width_that_its_heads_cannot_share_is_refused() -> None:
    with pytest.raises(EtymonError, match="shared out evenly"):
        TransformerSettings(width=30, heads=4)


def test_dropout_acts_behind_each_part_and_behind_the_embedding() -> None:
    """Section 5.4 names these places and no others: not the pattern, not inside the MLP."""
    network = small(dropout=0.5).train()
    assert sum(isinstance(module, nn.Dropout) for module in network.modules()) == 1 + 2 * network.settings.layers
    assert {block.attention.dropout for block in (*network.encoder, *network.decoder)} == {0.0}  # type: ignore[union-attr]


def test_a_preset_is_about_as_large_as_asked() -> None:
    kind = family("transformer")
    for wanted in (1e6, 1e7, 6e7):
        assert abs(counts(kind.preset(wanted, 8000), 8000, 2).parameters / wanted - 1) < 0.35
